//! The removal of an image that stands: retired, destroyed, or replaced by one of the same name.

use serde::{Deserialize, Serialize};

use super::share::publishing;
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::{ImageId, Keep, Marker, ProviderError};
use crate::spec::ProviderKey;

/// An image to be removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retire {
    /// Whose image.
    pub provider: ProviderKey,
    /// Which.
    pub image: ImageId,
    /// Its name, for messages.
    pub name: String,
    /// Which snapshots stay.
    #[serde(default)]
    pub keep: Keep,
    /// Of a copy, where it is; none: it is a release, which goes with all its copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What must have happened: the new release stands, images built on it are gone.
    pub after: Vec<Need>,
}

impl Kind for Retire {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        self.after.clone()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let provider = cx.providers.get(&self.provider)?;
        let removed = match &self.region {
            None => provider.images().retire(&self.image, self.keep).await,
            Some(region) => publishing(provider)?.withdraw(region, &self.image, self.keep).await,
        };
        match removed {
            // An earlier try may have had its answer lost.
            Ok(()) | Err(ProviderError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
