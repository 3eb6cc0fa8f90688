//! An image: registered from snapshots, and it stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Keeper, Kind, Lifetime, Need, Ref, Snapshot};
use crate::address::Address;
use crate::lang::value::Value;
use crate::providers::{ImageId, Manifest, SnapshotId};
use crate::spec::ProviderKey;
use crate::units::{Duration, Size};

/// An image to be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Who registers it.
    pub provider: ProviderKey,
    /// Its name.
    pub name: String,
    /// May be unknown until apply.
    pub description: Option<Value>,
    /// By the name of the volume, the root volume first.
    pub snapshots: Vec<(String, SnapshotSource)>,
    /// A map; may be unknown until apply.
    pub tags: Option<Value>,
    /// From its creation.
    pub deprecate_after: Option<Duration>,
    /// What is recorded with it; times, snapshot ids and sizes are filled in when it is opened.
    pub manifest: Manifest,
    /// Content nodes whose time is recorded, by their name in the manifest.
    pub timed: BTreeMap<String, Address>,
    /// What else must have happened: images in `depends_on`, values that are read, one of equal name retired.
    pub after: Vec<Need>,
}

/// Where a snapshot of an image comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotSource {
    /// From a node of this apply.
    Made(Ref<Snapshot>),
    /// It stands already.
    Standing {
        /// Its id.
        id: SnapshotId,
        /// Its size.
        size: Size,
    },
}

/// An image that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// By the name of the volume.
    pub snapshots: BTreeMap<String, SnapshotId>,
}

impl Kind for Image {
    type Handle = ImageHandle;
    const LIFETIME: Lifetime = Lifetime::Lasting;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let made = self.snapshots.iter().filter_map(|(_, source)| match source {
            SnapshotSource::Made(snapshot) => Some(snapshot.opened()),
            SnapshotSource::Standing { .. } => None,
        });
        made.chain(self.after.iter().cloned()).collect()
    }
}
