//! What the host said, as a provider's error.

use crate::host::{HostError, Kind};
use crate::providers::ProviderError;

impl From<HostError> for ProviderError {
    fn from(error: HostError) -> ProviderError {
        let what = error.operation.clone();
        match error.kind {
            Kind::Full => ProviderError::Full { what },
            // A program says it in words.
            Kind::Failed if error.reason.contains("No space left on device") => ProviderError::Full { what },
            Kind::Denied => ProviderError::Denied { what },
            _ => ProviderError::Failed {
                what: format!("cannot {what}"),
                why: error.reason,
            },
        }
    }
}
