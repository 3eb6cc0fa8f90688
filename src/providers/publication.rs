//! What is announced of an image: regions and their keys, shares, protection, tags of snapshots, parameters.
//!
//! [`Publication`] is what is wanted, or was recorded; [`Published`] is what stands. A provider that publishes makes the one
//! like the other, and reads what stands before it changes something, so that doing it again does no harm.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{DefaultEncryption, Holder, ImageId, Keep, Key, Marker, Owner, ProviderError, SnapshotId, SourceKey};
use crate::address::ImageAddress;
use crate::schema::{Recorded, RecordedBlock};
use crate::units::Duration;

/// What an image is to be beside its content, registration, tags, description and deprecation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// Regions that get a copy, each with the key id, ARN or alias that encrypts it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub copies: BTreeMap<String, Option<String>>,
    /// Who else may use it.
    #[serde(default, skip_serializing_if = "Shares::is_empty")]
    pub shares: Shares,
    /// Whether it is protected from deregistration.
    #[serde(default)]
    pub protect: bool,
    /// Tags of its snapshots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot_tags: BTreeMap<String, String>,
    /// Parameters that hold the id of the current release, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterWish>,
}

/// With whom an image, and its snapshots, are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Account ids that may launch it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<String>,
    /// ARNs of organizations that may launch it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub organizations: BTreeSet<String>,
    /// ARNs of organizational units that may launch it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub organizational_units: BTreeSet<String>,
    /// Whether everybody may launch it.
    #[serde(default)]
    pub public: bool,
    /// Account ids that may make volumes, and so copies, of its snapshots.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub snapshot_accounts: BTreeSet<String>,
    /// Whether everybody may make volumes of its snapshots.
    #[serde(default)]
    pub snapshots_public: bool,
}

impl Shares {
    /// Whether nobody else may use anything.
    pub fn is_empty(&self) -> bool {
        self.of_images_is_empty() && self.of_snapshots_is_empty()
    }

    /// Whether nobody else may launch the image.
    pub fn of_images_is_empty(&self) -> bool {
        !self.public
            && self.accounts.is_empty()
            && self.organizations.is_empty()
            && self.organizational_units.is_empty()
    }

    /// Whether nobody else may use the snapshots.
    pub fn of_snapshots_is_empty(&self) -> bool {
        !self.snapshots_public && self.snapshot_accounts.is_empty()
    }
}

/// A parameter that holds the id of the current release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterWish {
    /// What it is.
    #[serde(default)]
    pub kind: ParameterKind,
    /// Whether one that is somebody else's is taken over.
    #[serde(default)]
    pub overwrite: bool,
}

/// What the parameter store knows of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterKind {
    /// Nothing.
    #[default]
    #[serde(rename = "text")]
    Text,
    /// That it is the id of an image, which the store looks at.
    #[serde(rename = "aws:ec2:image")]
    Image,
}

impl ParameterKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            ParameterKind::Text => "text",
            ParameterKind::Image => "aws:ec2:image",
        }
    }
}

impl Publication {
    /// What the `publish` block of a recorded image says; `home` is the region in which it is registered, which needs no copy.
    pub fn of(image: &Recorded, home: &str) -> Publication {
        match blocks(image, "publish").next() {
            Some(block) => Publication::of_block(&block.content, home),
            None => Publication::default(),
        }
    }

    /// What a `publish` block says.
    pub fn of_block(publish: &Recorded, home: &str) -> Publication {
        let usual = text(publish, "kms_key");
        let mut copies: BTreeMap<String, Option<String>> = list(publish, "regions")
            .into_iter()
            .map(|region| (region, usual.clone()))
            .collect();
        for block in blocks(publish, "region") {
            let key = text(&block.content, "kms_key").or_else(|| usual.clone());
            copies.insert(label(block), key);
        }
        copies.remove(home);
        let share = blocks(publish, "share").next().map(|block| &block.content);
        let parameters = blocks(publish, "parameter").map(|block| (label(block), wish(&block.content)));
        Publication {
            copies,
            shares: share.map(shares).unwrap_or_default(),
            protect: is_on(publish, "protect"),
            snapshot_tags: map(publish, "snapshot_tags"),
            parameters: parameters.collect(),
        }
    }
}

fn shares(block: &Recorded) -> Shares {
    Shares {
        accounts: list(block, "accounts"),
        organizations: list(block, "organizations"),
        organizational_units: list(block, "organizational_units"),
        public: is_on(block, "public"),
        snapshot_accounts: list(block, "snapshot_accounts"),
        snapshots_public: is_on(block, "snapshots_public"),
    }
}

fn wish(block: &Recorded) -> ParameterWish {
    ParameterWish {
        kind: match text(block, "type").as_deref() {
            Some("aws:ec2:image") => ParameterKind::Image,
            _ => ParameterKind::Text,
        },
        overwrite: is_on(block, "overwrite"),
    }
}

fn blocks<'a>(within: &'a Recorded, name: &'a str) -> impl Iterator<Item = &'a RecordedBlock> {
    within.blocks.iter().filter(move |block| block.name == name)
}

fn label(block: &RecordedBlock) -> String {
    block.content.labels.first().cloned().unwrap_or_default()
}

fn value<'a>(block: &'a Recorded, name: &str) -> Option<&'a Json> {
    block.arguments.get(name)?.value.as_ref()
}

fn text(block: &Recorded, name: &str) -> Option<String> {
    value(block, name)?.as_str().map(str::to_owned)
}

fn is_on(block: &Recorded, name: &str) -> bool {
    value(block, name).and_then(Json::as_bool).unwrap_or_default()
}

fn list(block: &Recorded, name: &str) -> BTreeSet<String> {
    let all = value(block, name).and_then(Json::as_array).into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

fn map(block: &Recorded, name: &str) -> BTreeMap<String, String> {
    let all = value(block, name).and_then(Json::as_object).into_iter().flatten();
    all.filter_map(|(key, one)| Some((key.clone(), one.as_str()?.to_owned())))
        .collect()
}

/// What is announced of an image that stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Where it is registered.
    pub region: String,
    /// It itself.
    #[serde(flatten)]
    pub here: Announced,
    /// Its copies in other regions, by region and id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<RegionalCopy>,
}

/// What is announced of an image of one region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Announced {
    /// Whether it is protected from deregistration.
    #[serde(default)]
    pub protected: bool,
    /// Tags of the user on each of its snapshots, in the order of their ids.
    #[serde(default)]
    pub snapshot_tags: Vec<BTreeMap<String, String>>,
    /// With whom it is shared; none where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
}

/// A copy in another region than the image's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionalCopy {
    /// Where.
    pub region: String,
    /// Its id there.
    pub id: ImageId,
    /// Whether it can be used.
    pub state: CopyState,
    /// Its snapshots there.
    pub snapshots: Vec<SnapshotId>,
    /// ARN of the key of its snapshots; none: they are not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tags of the user.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// As it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<String>,
    /// Of which image its tags say that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<ImageAddress>,
    /// What else is announced of it.
    #[serde(flatten)]
    pub announced: Announced,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyState {
    /// It can be used.
    Available,
    /// It is being made.
    Pending,
    /// It could not be made.
    Failed,
}

/// A copy to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyWish {
    /// Of which image.
    pub source: ImageId,
    /// Where to.
    pub region: String,
    /// Key id, ARN or alias that encrypts it there.
    pub key: Option<String>,
    /// As the image is called.
    pub name: String,
    /// In words.
    pub description: Option<String>,
    /// Tags of the user.
    pub tags: BTreeMap<String, String>,
    /// Tags of the user on its snapshots.
    pub snapshot_tags: BTreeMap<String, String>,
    /// Copies in that region that are not what is wanted: they are not taken for it.
    pub unwanted: Vec<ImageId>,
}

/// What is to be announced of an image of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Of which release it is: the image of the build region.
    pub source: ImageId,
    /// Where.
    pub region: String,
    /// Its id there.
    pub id: ImageId,
    /// What follows the image of the build region; none of that image itself, where it is in place already.
    pub mirrored: Option<Mirrored>,
    /// Tags of the user on its snapshots.
    pub snapshot_tags: BTreeMap<String, String>,
    /// With whom it is shared; none: that is left alone.
    pub shares: Option<Shares>,
    /// Whether it is protected from deregistration.
    pub protect: bool,
}

/// What a copy has in common with the image of the build region.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirrored {
    /// Of which image.
    pub address: ImageAddress,
    /// Tags of the user.
    pub tags: BTreeMap<String, String>,
    /// In words.
    pub description: Option<String>,
    /// After the creation of the image of the build region.
    pub deprecate_after: Option<Duration>,
}

/// A parameter of one region, as it is or as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParameterPlace {
    /// Where.
    pub region: String,
    /// `/images/web/latest`
    pub name: String,
}

/// A parameter that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenParameter {
    /// Which.
    #[serde(flatten)]
    pub place: ParameterPlace,
    /// What it holds.
    pub value: String,
    /// What the store knows of it.
    pub kind: String,
}

/// A parameter to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointing {
    /// Which.
    pub place: ParameterPlace,
    /// What it is to hold; none: it is to go.
    pub value: Option<ImageId>,
    /// How.
    pub wish: ParameterWish,
}

/// What a provider does that publishes images to more than one place.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Makes a copy and waits for it; one that stands or is under way is taken.
    async fn copy(&self, wish: &CopyWish, marker: &Marker) -> Result<ImageId, ProviderError>;
    /// Changes what is not as it is to be.
    async fn announce(&self, wish: &Announcement) -> Result<(), ProviderError>;
    /// Removes a copy, and its snapshots unless they are kept.
    async fn withdraw(&self, region: &str, id: &ImageId, keep: Keep) -> Result<(), ProviderError>;
    /// Removes a snapshot of a copy, unless an image uses it.
    async fn discard(&self, region: &str, id: &SnapshotId) -> Result<(), ProviderError>;
    /// What these parameters hold; those that are not there are left out.
    async fn parameters(&self, places: &[ParameterPlace]) -> Result<Vec<SeenParameter>, ProviderError>;
    /// Why a parameter that holds this is not the image's to write; none if it is.
    async fn stranger(
        &self,
        seen: &SeenParameter,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<Option<String>, ProviderError>;
    /// Writes a parameter, or removes it, if it is the image's.
    async fn point(&self, wish: &Pointing, owner: &Owner, image: &ImageAddress) -> Result<(), ProviderError>;
    /// What a key of a region is, by its id, alias or ARN.
    async fn key(&self, region: &str, key: &str) -> Result<Key, ProviderError>;
    /// What becomes encrypted in a region, and with which key, where nothing is said.
    async fn default_encryption(&self, region: &str) -> Result<DefaultEncryption, ProviderError>;
    /// Whose key encrypts volumes that are made of an encrypted image.
    async fn source_key(&self, id: &ImageId) -> Result<SourceKey, ProviderError>;
    /// Who holds these names in a region; those that are free are left out.
    async fn holders(&self, region: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, Holder>, ProviderError>;
}
