//! Data sources that only one kind of provider can answer: the table is here, the reading is the provider's.

use async_trait::async_trait;

use super::{Asks, Attribute, Found, Kind, Pins, Request};
use crate::diagnostic::Diagnostic;
use crate::schema::Block;

/// A kind of data source that a provider reads ([`crate::providers::Lookups`]).
#[derive(Debug)]
pub struct OfProvider {
    /// What may be written.
    pub block: &'static Block,
    /// What can be read of it.
    pub attributes: &'static [Attribute],
    /// Which kind of provider answers.
    pub provider: &'static str,
    /// What the lock file pins.
    pub pins: Pins,
}

#[async_trait]
impl Kind for OfProvider {
    fn block(&self) -> &'static Block {
        self.block
    }

    fn attributes(&self) -> &'static [Attribute] {
        self.attributes
    }

    fn asks(&self) -> Asks {
        Asks::Provider(self.provider)
    }

    fn pins(&self) -> Pins {
        self.pins
    }

    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic> {
        let kind = self.block.kind.unwrap_or_default();
        let lookups = request.provider.and_then(|provider| provider.lookups());
        let lookups = lookups
            .ok_or_else(|| Diagnostic::error(format!("the {} provider cannot read data \"{kind}\"", self.provider)))?;
        lookups.look_up(kind, request.arguments, request.pinned).await
    }
}
