//! Where images live: the traits that a provider implements, and the table of providers.
//!
//! Ids are types of their own. Waiting, retrying and paging stay inside a provider. Every creating call takes a
//! [`Marker`] and sets it in that very call, so that what an unanswered call made can be found again.

#[cfg(feature = "aws")]
pub mod aws;
pub mod contact;
mod error;
pub mod export;
pub mod foreign;
pub mod key;
pub mod local;
pub mod manifest;
mod mark;
pub mod publication;
mod seen;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::blocks::Blocks;
use crate::lang::Value;
use crate::schema::Object;
use crate::spec::{ImageSpec, ProviderKey, ProviderSettings};
use crate::units::Size;
pub use contact::Contact;
pub use error::ProviderError;
pub use foreign::Adoption;
pub use key::{DefaultEncryption, Key};
pub use manifest::Manifest;
pub use mark::{ImageId, Marker, Owner, RunId, SnapshotId, VolumeId};
pub use publication::{Publication, Published, Publishing};
pub use seen::{Hidden, Holder, ImageQuery, Leftover, ObservedImage, Resource, Sight, SourceImage, SourceKey};
pub use wish::{ImageUpdate, Keep, Registered, Registration, VolumeOrigin, VolumeWish};

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

/// A place where images live.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Looks at everything that a plan asks for, in as few calls as it takes.
    async fn look(&self, owner: &Owner) -> Result<Sight, ProviderError>;
    /// The same, with all that runs of this owner left.
    async fn look_closely(&self, owner: &Owner) -> Result<(Sight, Vec<Leftover>), ProviderError> {
        let none = BTreeSet::new();
        let left = self
            .inventory()
            .leftovers(&owner.project, Some(&owner.workspace), &none);
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
            .help("build it with its default features: cargo install --path .");
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
    /// Volumes and snapshots of a project that belong to no image; all workspaces if `workspace` is `None`. Of a provider
    /// that publishes, also what copies left in these regions, and in those that records name.
    async fn leftovers(
        &self,
        project: &str,
        workspace: Option<&str>,
        regions: &BTreeSet<String>,
    ) -> Result<Vec<Leftover>, ProviderError>;
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
