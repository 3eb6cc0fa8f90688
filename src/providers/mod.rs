//! Where images live: the traits that a provider implements, and the table of providers.
//!
//! Ids are types of their own. Waiting, retrying and paging stay inside a provider. Every creating call takes a
//! [`Marker`] and sets it in that very call, so that what an unanswered call made can be found again.

#[cfg(feature = "aws")]
pub mod aws;
pub mod contact;
pub mod export;
pub mod foreign;
pub mod key;
pub mod local;
pub mod manifest;
pub mod publication;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::address::{Address, ImageAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::blocks::Blocks;
use crate::lang::Value;
use crate::schema::Object;
use crate::spec::{ImageSpec, ProviderKey, ProviderSettings};
use crate::units::Size;
pub use contact::Contact;
pub use foreign::Adoption;
pub use key::Key;
pub use manifest::Manifest;
pub use publication::{Publication, Published, Publishing};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )*};
}
ids! {
    /// A volume of a provider: `vol-0a1...`; local: its file in the store without the ending.
    VolumeId;
    /// A snapshot of a provider.
    SnapshotId;
    /// An image of a provider.
    ImageId;
    /// One run of `bake apply`: 8 hex digits.
    RunId;
}

/// Whose an image is (design: "Owners"). What lacks this project and workspace is never touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// From the `bake` block.
    pub project: String,
    /// `default`, unless chosen.
    pub workspace: String,
}

/// What a created resource carries from the call that makes it, and by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// 32 hex digits over run, address and attempt; the idempotency token where there is one, and the `bake:node` tag.
    pub token: String,
    /// Whose.
    pub owner: Owner,
    /// The node.
    pub address: Address,
    /// The run.
    pub run: RunId,
    /// The builder host.
    pub host: String,
    /// Which provider was called, if one was.
    pub provider: Option<ProviderKey>,
}

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

/// Something that carries one of our markers and stands in the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub resource: Resource,
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

/// What a module has to do with one provider.
#[derive(Debug)]
pub struct Uses<'a> {
    /// Whose the images are.
    pub owner: &'a Owner,
    /// Those that live there.
    pub images: Vec<&'a ImageSpec>,
    /// Data sources that it answers.
    pub sources: Vec<&'a Object>,
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

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Only look.
    Plan,
    /// Make, change and remove images.
    Apply,
    /// Look, and mark as ours what nobody has marked.
    Import,
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

/// A place where images live.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Looks at everything that a plan asks for, in as few calls as it takes.
    async fn look(&self, owner: &Owner) -> Result<Sight, ProviderError>;
    /// The same, with all that runs of this owner left.
    async fn look_closely(&self, owner: &Owner) -> Result<(Sight, Vec<Leftover>), ProviderError> {
        let left = self.inventory().leftovers(&owner.project, Some(&owner.workspace));
        Ok((self.look(owner).await?, left.await?))
    }
    /// Where images are built, as `ids` of an image names it; none where there is but one place.
    async fn place(&self) -> Result<Option<String>, ProviderError> {
        Ok(None)
    }
    /// Its catalogue.
    fn images(&self) -> &dyn Images;
    /// Block volumes.
    fn volumes(&self) -> &dyn Volumes;
    /// Snapshots.
    fn snapshots(&self) -> &dyn Snapshots;
    /// What carries our markers.
    fn inventory(&self) -> &dyn Inventory;
    /// Takes over what bake did not make.
    fn adoption(&self) -> &dyn Adoption;
    /// Copies, shares, protection and parameters, where there are any.
    fn publishing(&self) -> Option<&dyn Publishing> {
        None
    }
    /// Data sources that only this kind of provider can read.
    fn lookups(&self) -> Option<&dyn Lookups> {
        None
    }
    /// What this provider cannot do, said at plan with the place of the argument.
    fn check(&self, spec: &ImageSpec) -> Diagnostics;
    /// How many volumes may stand there before another image is begun.
    fn slots(&self) -> usize;
    /// How long "nothing there" must be answered before it counts.
    fn settle(&self) -> std::time::Duration;
    /// The file whose lock guards an image, where locks live with the images; otherwise the journal's place has them.
    fn lock_path(&self, owner: &Owner, image: &ImageAddress) -> Option<PathBuf>;
    /// The least rights for this use of it, where rights are a document; for AWS an IAM policy.
    fn policy(&self, uses: &Uses<'_>, rights: Rights) -> Option<serde_json::Value> {
        let _ = (uses, rights);
        None
    }
    /// Whether other hosts may work there without taking the locks of this one.
    fn is_shared(&self) -> bool {
        false
    }
    /// Where the raw bytes of a snapshot are on this host, if they are.
    ///
    /// # Errors
    /// [`ProviderError::Damaged`] if they are not all there.
    fn disk(&self, snapshot: &SnapshotId) -> Result<Option<PathBuf>, ProviderError> {
        let _ = snapshot;
        Ok(None)
    }
    /// The blocks of a snapshot as they were taken down when it was made.
    ///
    /// # Errors
    /// [`ProviderError::Damaged`] if the list does not read.
    fn blocks(&self, snapshot: &SnapshotId) -> Result<Option<Blocks>, ProviderError> {
        let _ = snapshot;
        Ok(None)
    }
}

/// The providers of a module or plan, by their blocks. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers(Arc<BTreeMap<ProviderKey, Box<dyn Provider>>>);

impl Providers {
    /// These.
    pub fn new(providers: BTreeMap<ProviderKey, Box<dyn Provider>>) -> Providers {
        Providers(Arc::new(providers))
    }

    /// That of a block.
    ///
    /// # Errors
    /// [`ProviderError::NotFound`] if the plan does not declare it.
    pub fn get(&self, key: &ProviderKey) -> Result<&dyn Provider, ProviderError> {
        self.0
            .get(key)
            .map(AsRef::as_ref)
            .ok_or_else(|| ProviderError::NotFound {
                what: format!("provider {key}"),
            })
    }

    /// Each with its key, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&ProviderKey, &dyn Provider)> {
        self.0.iter().map(|(key, provider)| (key, provider.as_ref()))
    }
}

/// How a kind of provider is made from its block.
type Opener = fn(&ProviderSettings, &Contact) -> Result<Box<dyn Provider>, Diagnostic>;

/// Every kind of provider that is in this bake.
const KINDS: &[(&str, Opener)] = &[
    ("local", |settings, _| Ok(Box::new(local::Local::open(settings)?))),
    #[cfg(feature = "aws")]
    ("aws", |settings, contact| {
        Ok(Box::new(aws::Aws::open(settings, contact)?))
    }),
];

/// Opens the providers of a module or plan. Nothing is looked at or made yet; whom they may ask, and tell, is in touch
/// with them from then on.
///
/// # Errors
/// One diagnostic for each provider that this bake cannot open.
pub fn open(settings: &[ProviderSettings], contact: &Contact) -> Result<Providers, Diagnostics> {
    let mut errors = Diagnostics::new();
    let mut providers = BTreeMap::new();
    for one in settings {
        let opened = match KINDS.iter().find(|(kind, _)| *kind == one.key.kind) {
            Some((_, open)) => open(one, contact),
            None => Err(unknown(&one.key)),
        };
        providers.extend(errors.take(opened).map(|provider| (one.key.clone(), provider)));
    }
    errors
        .into_result(Providers::new(providers))
        .map(|(providers, _)| providers)
}

fn unknown(key: &ProviderKey) -> Diagnostic {
    let known: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    if key.kind == "aws" {
        return Diagnostic::error("this bake was built without the aws provider")
            .help("build it with its default features: cargo install bake");
    }
    Diagnostic::error(format!("this bake has no provider {:?}", key.kind))
        .help(format!("providers in this build: {}", known.join(", ")))
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A catalogue of images.
#[async_trait]
pub trait Images: Send + Sync {
    /// One answer per query, in order, each sorted by address, then release (highest first).
    async fn observe(&self, queries: &[ImageQuery]) -> Result<Vec<Vec<ObservedImage>>, ProviderError>;
    /// Who holds which name: all standing images, whoever owns them.
    async fn names(&self) -> Result<BTreeMap<String, Holder>, ProviderError>;
    /// Where it is and as whom it is asked, in words; none where there is nothing to tell.
    async fn who(&self) -> Result<Option<String>, ProviderError> {
        Ok(None)
    }
    /// Images, whoever made them, on which ours are to be built; those that are not there are left out.
    async fn sources(&self, ids: &[ImageId]) -> Result<Vec<SourceImage>, ProviderError> {
        let _ = ids;
        Ok(Vec::new())
    }
    /// Makes an image of snapshots. Where the name is held by the same image, which another host has registered meanwhile,
    /// that one counts.
    async fn register(&self, image: &Registration, marker: &Marker) -> Result<Registered, ProviderError>;
    /// Changes one that stands.
    async fn update(&self, id: &ImageId, change: &ImageUpdate) -> Result<(), ProviderError>;
    /// Removes it, protected or not, with its copies, and its snapshots that no other image uses unless they are kept.
    async fn retire(&self, id: &ImageId, keep: Keep) -> Result<(), ProviderError>;
}

/// Who holds a name in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Whose image it is; none if bake did not make it.
    pub owner: Option<Owner>,
    /// Which of the owner's images.
    pub address: Option<ImageAddress>,
}

/// Block volumes.
#[async_trait]
pub trait Volumes: Send + Sync {
    /// Makes one. A `size` of `None` is that of the origin; a larger one leaves the rest blank.
    async fn create(
        &self,
        origin: &VolumeOrigin,
        size: Option<Size>,
        wish: &VolumeWish,
        marker: &Marker,
    ) -> Result<VolumeId, ProviderError>;
    /// Removes it; not an error if it is gone.
    async fn delete(&self, id: &VolumeId) -> Result<(), ProviderError>;
    /// Where its blocks are.
    async fn backing(&self, id: &VolumeId) -> Result<Backing, ProviderError>;
    /// Makes it a block device of this host: the device, which has been seen to be this very volume.
    async fn attach(&self, id: &VolumeId) -> Result<PathBuf, ProviderError> {
        Err(ProviderError::Failed {
            what: format!("attach {id}"),
            why: "its provider attaches nothing".into(),
        })
    }
    /// Takes it from this host; not an error if it is not attached.
    async fn detach(&self, id: &VolumeId) -> Result<(), ProviderError> {
        let _ = id;
        Ok(())
    }
}

/// How a volume becomes a block device of the builder host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backing {
    /// A file for a loop device.
    File(PathBuf),
    /// The provider attaches it: [`Volumes::attach`].
    Provider,
}

/// Snapshots.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Makes one of a volume that is at rest; it carries the digest of the image that it is made for, so that a later
    /// plan can register from it, and these tags of the user.
    async fn create(
        &self,
        volume: &VolumeId,
        digest: &Digest,
        tags: &BTreeMap<String, String>,
        marker: &Marker,
    ) -> Result<SnapshotId, ProviderError>;
    /// Removes it; not an error if it is gone.
    async fn delete(&self, id: &SnapshotId) -> Result<(), ProviderError>;
    /// How large a volume made from it is.
    async fn size(&self, id: &SnapshotId) -> Result<Size, ProviderError>;
    /// What its bytes are: the root of the tree over its blocks, if it was taken down when the snapshot was made.
    async fn identity(&self, id: &SnapshotId) -> Result<Option<Digest>, ProviderError> {
        let _ = id;
        Ok(None)
    }
}

/// What carries our markers.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// What one creating call made, if it made anything.
    async fn find(&self, marker: &Marker) -> Result<Option<Resource>, ProviderError>;
    /// Volumes and snapshots of a project that belong to no image; all workspaces if `workspace` is `None`.
    async fn leftovers(&self, project: &str, workspace: Option<&str>) -> Result<Vec<Leftover>, ProviderError>;
    /// Finishes changes that a call which was cut off left half done, where no marker tells of them: a retirement.
    async fn tidy(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// Reads data sources that only one kind of provider can read: `data "ami"`, `data "parameter"`.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// What a data source of this kind finds, by the names of its attributes. `pinned` is the version in the lock file,
    /// of a kind of which no more is pinned.
    ///
    /// # Errors
    /// Why it cannot be read; the place of the block is added by who asks.
    async fn look_up(
        &self,
        kind: &str,
        arguments: &Object,
        pinned: Option<&Value>,
    ) -> Result<BTreeMap<String, Value>, Diagnostic>;
}

/// What a provider could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// The thing is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// `snapshot snap-1`.
        what: String,
    },
    /// The name is taken.
    #[error("the name {name:?} is taken by {by}")]
    NameTaken {
        /// The name.
        name: String,
        /// By whose image.
        by: String,
    },
    /// There is no room left.
    #[error("{what}: no space left")]
    Full {
        /// What was being written, with the path.
        what: String,
    },
    /// Not allowed.
    #[error("{what}: permission denied")]
    Denied {
        /// What was tried, with the path.
        what: String,
    },
    /// Something that bake wrote does not read back.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What, with the path.
        what: String,
        /// Why.
        why: String,
    },
    /// Something that a newer bake wrote.
    #[error("{what} has format {format}, and this bake knows formats up to {known}")]
    Newer {
        /// What, with the path.
        what: String,
        /// Its format.
        format: u32,
        /// The newest that this bake knows.
        known: u32,
    },
    /// The provider itself said no, so that nothing was made.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        why: String,
        /// What to do about it.
        help: String,
    },
    /// Anything else.
    #[error("{what}: {why}")]
    Failed {
        /// What was tried.
        what: String,
        /// What the world said.
        why: String,
    },
}

impl ProviderError {
    /// Whether it is certain that a call which was answered so has made nothing.
    pub fn is_definite(&self) -> bool {
        matches!(
            self,
            ProviderError::Refused { .. } | ProviderError::NotFound { .. } | ProviderError::NameTaken { .. }
        )
    }
}

impl From<ProviderError> for Diagnostic {
    fn from(error: ProviderError) -> Diagnostic {
        let help = match &error {
            ProviderError::Refused { help, .. } => Some(help.as_str()).filter(|help| !help.is_empty()),
            ProviderError::Full { .. } => Some("free some space, then run bake apply again: it begins by cleaning up"),
            ProviderError::Denied { .. } => Some("run bake as the owner of the store"),
            ProviderError::Damaged { .. } => Some("restore the file from a copy, or remove it if the image may go"),
            ProviderError::Newer { .. } => Some("use the bake that wrote it, or a later one"),
            _ => None,
        };
        let diagnostic = Diagnostic::error(error.to_string());
        help.into_iter().fold(diagnostic, Diagnostic::help)
    }
}
