//! What will change, and why: a plan is a value that is shown, written down, and executed as it is.

pub mod announce;
pub mod assemble;
pub mod causes;
pub mod closer;
pub mod compare;
pub mod conditions;
pub mod decide;
pub mod fate;
pub mod file;
pub mod import;
pub mod keys;
pub mod make;
pub mod moved;
pub mod mutable;
pub mod names;
pub mod nodes;
pub mod observe;
pub mod options;
pub mod outputs;
mod place;
pub mod publication;
pub mod releases;
pub mod select;
pub mod source;
pub mod steps;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::{Address, ImageAddress};
use crate::diagnostic::Diagnostics;
use crate::digest::Digest;
use crate::lang::value::Value;
use crate::module::Inputs;
use crate::nodes::{Node, NodeData};
use crate::providers::{ImageId, Owner};
use crate::schema::Recorded;
use crate::source::Span;
use crate::spec::{ProviderKey, ProviderSettings};
use crate::units::{Duration, Size};

pub use compare::Change;
pub use make::make;
pub use observe::{World, check, observe};
pub use options::{Mode, Options};
pub use place::secrets;

/// The format that this bake writes; it reads this and older ones. 1 had absolute paths; 2 has paths relative to the module
/// and what was changed outside of bake.
pub const FORMAT: u32 = 2;

/// Everything that an apply needs; it never evaluates the module again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of the plan, raised when it changes.
    pub format: u32,
    /// The bake that made it.
    pub bake: String,
    /// What kind of plan it is.
    pub mode: Mode,
    /// Whose images.
    pub owner: Owner,
    /// What it is about, where `-target` or `-exclude` leaves images out; none: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<BTreeSet<ImageAddress>>,
    /// What becomes of each image, by address.
    pub images: Vec<ImagePlan>,
    /// Every node to be opened, in the order of the walk's ties: image by image, within an image in compile order.
    pub nodes: Vec<Arc<Node>>,
    /// Providers that are used.
    pub providers: Vec<ProviderSettings>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, PlannedOutput>,
    /// What the plan was made from.
    pub inputs: Inputs,
    /// The images that stood when it was made.
    pub world: Vec<Standing>,
    /// What to know beside it.
    pub warnings: Diagnostics,
}

/// An output of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedOutput {
    /// May be unknown until apply.
    pub value: Value,
    /// What it is with the images that stand, if that differs; none while it cannot be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// For people.
    pub description: Option<String>,
}

/// An image that stood when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    /// Its address.
    pub address: ImageAddress,
    /// Its release number.
    pub release: u64,
    /// Where.
    pub provider: ProviderKey,
    /// Its id.
    pub id: ImageId,
    /// Its digest.
    pub digest: Digest,
    /// Over all else that can be changed on it: name, tags, description, deprecation.
    pub state: Digest,
    /// The same, each apart (from format 2 on).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Digest>,
}

/// What happens to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `+`: no image with this address exists.
    Build,
    /// `+/-`: the digest differs.
    Replace,
    /// `+/-`: the content is equal and class G differs, or a snapshot of the wanted content stands without an image.
    Register,
    /// `~`: class M differs, or the address was moved.
    Update,
    /// `~`: an older release has the wanted content.
    Promote,
    /// `-`: the address is not in the module, or `-destroy`.
    Destroy,
    /// `<-`: an image that bake did not make becomes a release (`bake import`).
    Import,
    /// No change.
    None,
}

/// What becomes of one image address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImagePlan {
    /// Which.
    pub address: ImageAddress,
    /// Where it lives.
    pub provider: ProviderKey,
    /// What happens.
    pub action: Action,
    /// The block in the module; none for an image that is destroyed because it is not there.
    pub span: Option<Span>,
    /// Why, the first cause first.
    pub causes: Vec<Cause>,
    /// The current release.
    pub before: Option<Release>,
    /// What it will be; none if it is destroyed.
    pub after: Option<Release>,
    /// Arguments that differ from those of the current release (of a promotion: from those of the one that is promoted
    /// to), in the order of the block.
    pub changes: Vec<Change>,
    /// What somebody changed on the current release outside of bake: from what is recorded with it to what it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Change>,
    /// Content nodes in order.
    pub steps: Vec<StepPlan>,
    /// Releases that are removed: with `Destroy` all of them.
    pub retire: Vec<Retirement>,
    /// Where it was before `moved`.
    pub moved_from: Option<ImageAddress>,
    /// How long the last build took, if one is known.
    pub estimate: Option<Duration>,
}

/// A release as the plan shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its id; none before it stands.
    pub id: Option<ImageId>,
    /// Its name; none while it depends on what is known only after apply.
    pub name: Option<String>,
    /// Its number.
    pub number: u64,
    /// Its digest; none while its base is not known.
    pub digest: Option<Digest>,
    /// The resolved block.
    pub spec: Arc<Recorded>,
}

/// Why something changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// No image of this address stands.
    New,
    /// A content node has other content.
    Content {
        /// `provision["nginx"]`.
        node: String,
        /// What of it: `scripts/nginx.sh changed (line 12)`, `packages changed`, `added`, `removed`, `moved`.
        what: String,
        /// Where.
        span: Option<Span>,
    },
    /// The image that it is built on is built (again).
    Base {
        /// Which.
        image: ImageAddress,
    },
    /// Registration differs.
    Registration {
        /// `name`, `register.boot_mode`.
        argument: String,
        /// Where it is written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// The key that encrypts it differs.
    Encryption {
        /// `volume["root"].kms_key`.
        argument: String,
        /// Where it is written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// Something that can be changed on the image differs.
    Argument {
        /// `publish.tags`.
        argument: String,
        /// Where it is written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// Something that can be changed on the image was changed outside of bake.
    Drift {
        /// `publish.tags`.
        argument: String,
    },
    /// `-replace`.
    Requested,
    /// `lifecycle.max_age`.
    TooOld {
        /// Its age limit.
        limit: Duration,
    },
    /// `lifecycle.replace_triggered_by`.
    Triggered,
    /// Its snapshot is gone or cut short.
    Damaged,
    /// The current release was not built by bake, or is the one that is being imported.
    Imported {
        /// What it was: `ami-0a1...`, `disks/web.qcow2`.
        from: String,
    },
    /// A newer bake makes other bytes of the same arguments.
    Recipe {
        /// Which node.
        node: String,
    },
    /// A snapshot of the wanted content stands without an image.
    SnapshotStands,
    /// An older release has the wanted content.
    ReleaseStands {
        /// Its number.
        release: u64,
    },
    /// The address is not in the module.
    NotInModule,
    /// `-destroy`.
    DestroyRequested,
    /// It is built on an image that `-destroy -target` removes.
    BaseGoes {
        /// Which.
        image: ImageAddress,
    },
    /// `moved`.
    Moved {
        /// From where.
        from: ImageAddress,
    },
}

/// A content node in a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepPlan {
    /// Within the image: `provision["nginx"]`.
    pub name: String,
    /// In a few words.
    pub summary: String,
    /// What becomes of it.
    pub change: StepChange,
    /// Where it is declared.
    pub span: Option<Span>,
    /// How long it took in the current release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Duration>,
}

/// What becomes of a content node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepChange {
    /// It was not there.
    Added,
    /// Its own content differs.
    Changed,
    /// Its content is as it was, but it stands in another place among the others.
    Moved,
    /// Something before it differs, so it runs again.
    Again,
    /// It is as it was.
    Same,
    /// It is no longer there.
    Removed,
}

/// A release that is removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retirement {
    /// Its number.
    pub release: u64,
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// How many snapshots go with it.
    pub snapshots: usize,
    /// Why: `keep_releases = 2`.
    pub reason: String,
    /// Whether it goes before the new release comes, since that gets its name (`-/+`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
}

/// How many images get each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Images that bake did not make and that become releases.
    #[serde(default)]
    pub import: usize,
    /// First builds.
    pub build: usize,
    /// Builds of a new release.
    pub replace: usize,
    /// Registrations from snapshots that stand.
    pub register: usize,
    /// Updates in place and promotions.
    pub update: usize,
    /// Releases that are removed because newer ones stand.
    pub retire: usize,
    /// Images that are removed.
    pub destroy: usize,
}

/// Objects that come and go during an apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Temporary {
    /// By kind: `volume`, `attachment`, `mount`.
    pub counts: BTreeMap<String, usize>,
    /// What the snapshots will hold at most.
    pub size: Option<Size>,
}

impl Plan {
    /// Whether `-target` or `-exclude` keeps it from an image, and from what was made for that.
    pub fn leaves_out(&self, image: &ImageAddress) -> bool {
        self.about.as_ref().is_some_and(|about| !about.contains(image))
    }

    /// One of its images.
    pub fn image(&self, address: &ImageAddress) -> Option<&ImagePlan> {
        let at = self.images.binary_search_by(|image| image.address.cmp(address)).ok()?;
        self.images.get(at)
    }

    /// Whether an apply would do nothing.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many images get each action.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for image in &self.images {
            match image.action {
                Action::Import => summary.import += 1,
                Action::Build => summary.build += 1,
                Action::Replace => summary.replace += 1,
                Action::Register => summary.register += 1,
                Action::Update | Action::Promote => summary.update += 1,
                Action::Destroy => summary.destroy += 1,
                Action::None => {}
            }
            if image.action != Action::Destroy {
                summary.retire += image.retire.len();
            }
        }
        summary
    }

    /// What comes and goes during an apply.
    pub fn temporary(&self) -> Temporary {
        let mut temporary = Temporary::default();
        for node in &self.nodes {
            let kind = match &node.data {
                NodeData::Volume(_) => "volume",
                NodeData::Attachment(_) => "attachment",
                NodeData::Mount(_) => "mount",
                _ => continue,
            };
            *temporary.counts.entry(kind.to_owned()).or_default() += 1;
        }
        let volumes = self.nodes.iter().filter_map(|node| match &node.data {
            NodeData::Volume(volume) => Some(volume.size),
            _ => None,
        });
        let sizes: Option<Vec<Size>> = volumes.collect();
        let total = sizes.map(|sizes| sizes.into_iter().map(Size::as_bytes).sum());
        temporary.size = total.filter(|total| *total > 0).map(Size::bytes);
        temporary
    }

    /// The node of an address.
    pub fn node(&self, address: &Address) -> Option<&Node> {
        self.nodes.iter().find(|node| node.address == *address).map(Arc::as_ref)
    }
}
