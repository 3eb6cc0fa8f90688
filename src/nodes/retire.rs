//! The removal of an image that stands: retired, destroyed, or replaced by one of the same name.

use serde::{Deserialize, Serialize};

use super::{Keeper, Kind, Lifetime, Need};
use crate::providers::ImageId;
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
}
