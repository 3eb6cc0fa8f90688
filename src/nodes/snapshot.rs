//! A snapshot of a volume at rest. Part of an image; kept for the next apply if the image could not be registered.

use serde::{Deserialize, Serialize};

use super::{Keeper, Kind, Lifetime, Need, Ref, Volume};
use crate::digest::Digest;
use crate::providers::SnapshotId;
use crate::spec::ProviderKey;
use crate::units::Size;

/// A snapshot to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Who makes it.
    pub provider: ProviderKey,
    /// Of what.
    pub volume: Ref<Volume>,
    /// The label of the volume.
    pub name: String,
    /// The digest of the image that it is made for.
    pub digest: Digest,
    /// That all content is there, the mounts are closed and the device is at rest.
    pub after: Vec<Need>,
}

/// A snapshot that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: SnapshotId,
    /// Of the volume.
    pub size: Size,
}

impl Kind for Snapshot {
    type Handle = SnapshotHandle;
    const LIFETIME: Lifetime = Lifetime::Part;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        std::iter::once(self.volume.opened())
            .chain(self.after.iter().cloned())
            .collect()
    }
}
