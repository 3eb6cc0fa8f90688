//! What bake records with an image it built: the images are the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Owner, SnapshotId};
use crate::address::ImageAddress;
use crate::digest::Digest;
use crate::schema::Recorded;
use crate::units::{Duration, Size};

/// The format that this bake writes; it reads this and older ones.
pub const FORMAT: u32 = 1;

/// The record of one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The bake that wrote it.
    pub bake: String,
    /// Whose.
    #[serde(flatten)]
    pub owner: Owner,
    /// Which image.
    pub address: ImageAddress,
    /// Its number; the highest standing one is current.
    pub release: u64,
    /// Of its last content node.
    pub digest: Digest,
    /// `self.release`: the first 12 hex digits of the hash over owner, address, digest and class G.
    pub release_id: String,
    /// How often this digest was built by force (`-replace`, `max_age`).
    #[serde(default)]
    pub build_number: u64,
    /// RFC 3339.
    pub created: String,
    /// The resolved block.
    pub spec: Arc<Recorded>,
    /// Content nodes in order, with their digests.
    pub nodes: Vec<BuiltNode>,
    /// The standing image that it was built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_on: Option<BuiltOn>,
    /// Its volumes in order; the first is the root volume.
    pub volumes: Vec<BuiltVolume>,
    /// Every region in which there may be a copy of it: recorded before one is made, so that none is lost sight of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Of an image that bake did not build: what it was. Its digest stands for content that nobody knows, and it has no nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// Where an image comes from that bake did not build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// As `bake import` was told: `ami-0a1...`, `disks/web.qcow2`.
    pub from: String,
}

/// A content node of a finished image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuiltNode {
    /// Within the image: `provision["nginx"]`.
    pub name: String,
    /// Over what it adds to the content: its own arguments and files.
    pub content: Digest,
    /// Over it and all that it needs.
    pub digest: Digest,
    /// The recipe number of its kind.
    pub recipe: u32,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Duration>,
}

/// The base of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuiltOn {
    /// Which image.
    pub address: ImageAddress,
    /// Its digest.
    pub digest: Digest,
    /// Its release.
    pub release: u64,
    /// Its build number.
    #[serde(default)]
    pub build_number: u64,
}

/// A volume of a finished image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuiltVolume {
    /// Its label.
    pub name: String,
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// Its size.
    pub size: Size,
    /// What its bytes are: the root of the tree over its blocks ([`crate::host::blocks`]), where the provider keeps one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Digest>,
    /// Mount points by partition name (`whole` without a table), so that an image built on this one knows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mounts: BTreeMap<String, String>,
}
