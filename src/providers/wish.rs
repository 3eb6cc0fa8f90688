//! What a provider is asked to make, or to change.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ImageId, Manifest, SnapshotId};

/// What registering needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// What is not said of the image is taken over from this one.
    pub inherits: Option<ImageId>,
    /// Unique among the standing images of the provider.
    pub name: String,
    /// In words.
    pub description: Option<String>,
    /// By the name of the volume; the root volume is the manifest's first.
    pub snapshots: BTreeMap<String, SnapshotId>,
    /// Tags of the user.
    pub tags: BTreeMap<String, String>,
    /// RFC 3339.
    pub deprecate_at: Option<String>,
    /// Goes with the image.
    pub manifest: Manifest,
}

/// What a registration came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Registered {
    /// A new image.
    New(ImageId),
    /// Nothing new: another host has registered the same content of the same address under this name meanwhile.
    Already {
        /// Its id.
        id: ImageId,
        /// Its snapshots by the name of the volume, which are not those that were to be registered.
        snapshots: BTreeMap<String, SnapshotId>,
    },
}

/// What can be changed on an image that stands; `None` leaves it alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageUpdate {
    /// All of its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// RFC 3339; `Some(None)` removes it.
    pub deprecate_at: Option<Option<String>>,
    /// The manifest as it is to be recorded: after a promotion the new release number, after `moved` the new address.
    pub manifest: Option<Manifest>,
}

/// Which snapshots stay when an image is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those that another image uses.
    #[default]
    Nothing,
    /// The image's own, not those of its copies: another image is registered from them.
    Own,
    /// All.
    All,
}

/// Where a new volume comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeOrigin {
    /// Nothing: zeroes.
    Blank,
    /// A snapshot of the same provider.
    Snapshot(SnapshotId),
    /// A raw or qcow2 file on the builder host.
    File(PathBuf),
}

/// How a volume is made, beside its size and origin; what is not said is the provider's choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VolumeWish {
    /// Whether it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Key id, ARN or alias that encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `gp3`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Operations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i64>,
    /// MiB per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i64>,
    /// Tags while it exists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}
