//! What a module declares about one image, after evaluation: one file per concern, with its table, its types and how the
//! one becomes the other.

mod aws;
mod chroot;
mod hook;
mod image;
mod layout;
mod lifecycle;
mod name;
mod part;
mod publish;
mod seal;
mod source;
mod volume;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::ImageAddress;
use crate::lang::value::Value;
use crate::schema::Object;
use crate::source::{Span, Spanned};

pub use aws::{AssumeRole, AwsSettings, Wait};
pub use chroot::{Build, ExtraMount, Mounts, Network, NetworkMode, Root, RootPartition};
pub use hook::{Hook, HookPoint};
pub use image::{Decoding, IMAGE};
pub use lifecycle::{Lifecycle, NameConflict};
pub use name::default_name;
pub use part::{Part, Step};
pub use publish::{Publish, check_local};
pub use seal::Seal;
pub use source::Source;
pub use volume::{FILESYSTEMS, Format, Layout, Partition, PartitionTable, Volume};

/// Everything about one image.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// `image.web["arm64"]`.
    pub address: ImageAddress,
    /// The header of its block.
    pub span: Span,
    /// The directory from which its relative paths are taken.
    pub directory: PathBuf,
    /// The whole block as decoded: what is recorded, compared and hashed.
    pub object: Object,
    /// Where it lives.
    pub provider: ProviderKey,
    /// What it runs on.
    pub architecture: Architecture,
    /// Where the root volume comes from.
    pub source: Source,
    /// The first is the root volume. Never empty: a source without a `volume` block gives one named `root`.
    pub volumes: Vec<Volume>,
    /// Which part of a source is `/`.
    pub root: Root,
    /// Mounts of the chroot beside the image's own.
    pub mounts: Mounts,
    /// Name resolution and network of the steps.
    pub network: Network,
    /// Commands on the builder host.
    pub hooks: Vec<Hook>,
    /// How an empty root is filled.
    pub bootstrap: Option<Part>,
    /// The boot loader.
    pub boot_loader: Option<Part>,
    /// Whether `/etc/fstab` is written from the declared mounts: scratch images, unless `fstab = false`.
    pub fstab: bool,
    /// How it is sealed, if its bytes are to be the same each time.
    pub seal: Option<Seal>,
    /// Provision steps in source order.
    pub steps: Vec<Step>,
    /// How the build runs.
    pub build: Build,
    /// What the image is called; unknown while it refers to `self.release` or `self.digest`. `None`: the default name.
    pub name: Option<Spanned<Value>>,
    /// In words.
    pub description: Option<Spanned<Value>>,
    /// Publication.
    pub publish: Publish,
    /// Policy.
    pub lifecycle: Lifecycle,
    /// Images that must stand first.
    pub depends_on: Vec<Spanned<ImageAddress>>,
}

/// Which provider block: `local`, or `aws.west`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProviderKey {
    /// `local`, `aws`.
    pub kind: String,
    /// Its alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// `local`, `aws.west`.
impl std::fmt::Display for ProviderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        self.alias.iter().try_for_each(|alias| write!(f, ".{alias}"))
    }
}

/// A provider block, decoded: what a plan file and a journal need to find things again. No credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSettings {
    /// Which.
    pub key: ProviderKey,
    /// Absolute directory of the store (`local`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Whether what `local` cannot publish is passed over instead of being an error.
    #[serde(default)]
    pub ignore_publish: bool,
    /// What `provider "aws"` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Box<AwsSettings>>,
}

/// Instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// amd64.
    X86_64,
    /// arm64.
    Aarch64,
}

impl Architecture {
    /// That of the host on which bake runs.
    pub const fn of_this_host() -> Architecture {
        if cfg!(target_arch = "aarch64") {
            Architecture::Aarch64
        } else {
            Architecture::X86_64
        }
    }

    /// As it is written: `x86_64`.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        }
    }
}
