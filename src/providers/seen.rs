//! What a provider shows of what stands there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::publication::{self, Published};
use super::{ImageId, Manifest, Marker, Owner, SnapshotId, VolumeId};
use crate::address::ImageAddress;
use crate::digest::Digest;
use crate::spec::ProviderKey;
use crate::units::Size;

/// Looks for images of an owner; with an address only for those of that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageQuery {
    /// Whose.
    pub owner: Owner,
    /// Of which image; none: of all.
    pub address: Option<ImageAddress>,
}

/// An image that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservedImage {
    /// Its id.
    pub id: ImageId,
    /// Where.
    pub provider: ProviderKey,
    /// Its name.
    pub name: String,
    /// What bake recorded with it: owner, address, release, digests, spec.
    pub manifest: Manifest,
    /// By the name of the volume.
    pub snapshots: BTreeMap<String, SnapshotId>,
    /// Tags as they are now.
    pub tags: BTreeMap<String, String>,
    /// As it is now.
    pub description: Option<String>,
    /// RFC 3339, as it is now.
    pub deprecated_at: Option<String>,
    /// What else is announced of it, and where its copies are; none where the provider does not publish, or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Box<Published>>,
    /// RFC 3339.
    pub created: String,
}

impl ObservedImage {
    /// Its copies in other regions that can be used, by region.
    pub fn copies(&self) -> BTreeMap<String, ImageId> {
        let all = self.published.iter().flat_map(|published| &published.copies);
        let usable = all.filter(|copy| copy.state == publication::CopyState::Available);
        usable.map(|copy| (copy.region.clone(), copy.id.clone())).collect()
    }

    /// Its id and those of its copies, by region; where the provider knows no regions, by its kind.
    pub fn ids(&self) -> BTreeMap<String, ImageId> {
        let region = self.published.as_ref().map(|published| &published.region);
        let here = region.unwrap_or(&self.provider.kind).clone();
        self.copies().into_iter().chain([(here, self.id.clone())]).collect()
    }
}

/// An image, made by somebody else, on which one of ours is built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceImage {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// `x86_64`, `aarch64`, or what else the provider calls it.
    pub architecture: String,
    /// Snapshot and size of its root volume; none if that is not kept in a snapshot.
    pub root: Option<(SnapshotId, Size)>,
    /// Whose key encrypts its root volume, and so what is built on it; none if it is not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<SourceKey>,
    /// What an image that is built on it cannot take over, since only its owner may read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<Hidden>,
    /// Why it cannot be built on, and what to do instead.
    pub unusable: Option<(String, String)>,
}

/// Whose key encrypts what is built on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKey {
    /// The account's own.
    Own,
    /// AWS's: what it encrypts cannot be shared.
    Managed,
    /// Nobody may look.
    Unknown,
}

/// Something that carries one of our markers and stands in the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub resource: Resource,
    /// Where, if that is not where the provider builds: what a copy left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// By what it was made.
    pub marker: Marker,
    /// The image digest that it was made for (snapshots).
    pub digest: Option<Digest>,
    /// RFC 3339.
    pub created: String,
    /// Whether an image uses it (snapshots).
    pub in_use: bool,
}

/// A resource by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A volume.
    Volume(VolumeId),
    /// A snapshot.
    Snapshot(SnapshotId),
    /// An image.
    Image(ImageId),
}

/// Something of an image that only its owner may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The argument of the `register` block that says it instead.
    pub argument: String,
    /// In words.
    pub what: String,
    /// Whose image it is.
    pub owner: String,
}

/// All that a plan asks of a provider.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Where they are built, if the provider publishes to more than one region.
    pub region: Option<String>,
    /// The owner's images.
    pub images: Vec<ObservedImage>,
    /// Who holds which name: all standing images, whoever owns them.
    pub names: BTreeMap<String, Holder>,
    /// The owner's whole snapshots that no image uses, with the size of a volume made from each.
    pub kept: Vec<(SnapshotId, Leftover, Size)>,
    /// What is wrong with snapshots of the images, where that can be seen at a glance.
    pub damaged: BTreeMap<SnapshotId, String>,
    /// By which key (its ARN) snapshots of the owner are encrypted; none: not at all. Empty where nothing is encrypted by a
    /// provider.
    pub encryption: BTreeMap<SnapshotId, Option<String>>,
}

/// Who holds a name in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Whose image it is; none if bake did not make it.
    pub owner: Option<Owner>,
    /// Which of the owner's images.
    pub address: Option<ImageAddress>,
}
