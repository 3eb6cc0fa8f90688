//! A volume: the blocks that become the image. Exists only during apply.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Image, Keeper, Kind, Lifetime, Need, Ref};
use crate::digest::Digest;
use crate::providers::{SnapshotId, VolumeId};
use crate::spec::ProviderKey;
use crate::units::Size;

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Who makes it.
    pub provider: ProviderKey,
    /// The label of its block.
    pub name: String,
    /// `None`: that of the origin.
    pub size: Option<Size>,
    /// Where it comes from.
    pub origin: Origin,
    /// What else must have happened before the image is begun: images in `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Need>,
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Zeroes.
    Blank,
    /// A snapshot that stands.
    Snapshot(SnapshotId),
    /// The volume of this name of an image that this apply builds or registers.
    Built {
        /// The image.
        image: Ref<Image>,
        /// The name of its volume.
        volume: String,
    },
    /// A disk image on the builder host, which must have this digest.
    File {
        /// Absolute.
        path: PathBuf,
        /// Of the whole file as it is.
        digest: Digest,
    },
}

/// A volume that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: VolumeId,
}

impl Kind for Volume {
    type Handle = VolumeHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let base = match &self.origin {
            Origin::Built { image, .. } => Some(image.opened()),
            _ => None,
        };
        base.into_iter().chain(self.after.iter().cloned()).collect()
    }
}
