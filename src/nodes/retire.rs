//! The removal of an image that stands: retired, destroyed, or replaced by one of the same name.

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::{ImageId, Marker, ProviderError};
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
    /// Whether its snapshots stay.
    pub keep_snapshots: bool,
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
        let images = cx.providers.get(&self.provider)?.images();
        match images.retire(&self.image, self.keep_snapshots).await {
            // An earlier try may have had its answer lost.
            Ok(()) | Err(ProviderError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
