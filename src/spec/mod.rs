//! What a module declares about one image, after evaluation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::ImageAddress;
use crate::digest::Digest;
use crate::lang::value::Value;
use crate::schema::Object;
use crate::source::{Span, Spanned};
use crate::units::{Duration, Size};

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
    /// As it is written: `x86_64`.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        }
    }
}

/// Where a root volume comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Nothing.
    Scratch,
    /// An image of this module.
    Image(Spanned<ImageAddress>),
    /// A disk image on the builder host.
    File {
        /// Absolute.
        path: PathBuf,
        /// Its content.
        digest: Digest,
        /// Where it was written.
        span: Span,
    },
    /// A snapshot of the provider.
    Snapshot(Spanned<String>),
    /// An image of the provider by its id.
    Ami(Spanned<String>),
}

impl Source {
    /// The image of this module that it is, if it is one.
    pub fn base(&self) -> Option<&ImageAddress> {
        match self {
            Source::Image(address) => Some(&address.value),
            _ => None,
        }
    }

    /// Where it is written.
    pub fn span(&self) -> Option<&Span> {
        match self {
            Source::Scratch => None,
            Source::Image(address) => Some(&address.span),
            Source::File { span, .. } => Some(span),
            Source::Snapshot(id) | Source::Ami(id) => Some(&id.span),
        }
    }
}

/// A volume of the image.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its label.
    pub name: Spanned<String>,
    /// `None`: as large as the source's.
    pub size: Option<Spanned<Size>>,
    /// Whether partition and file system of a source are grown to the size.
    pub grow: bool,
    /// What is on it; `None` where the source says.
    pub layout: Option<Layout>,
    /// The block.
    pub object: Object,
}

/// What is on a blank volume.
#[derive(Debug, Clone)]
pub enum Layout {
    /// A partition table; partitions in source order.
    Table {
        /// gpt or mbr.
        table: PartitionTable,
        /// Never empty.
        partitions: Vec<Partition>,
    },
    /// A file system (or nothing) on the whole volume.
    Whole(Box<Format>),
}

/// Kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    /// GUID partition table.
    Gpt,
    /// DOS label.
    Mbr,
}

/// A declared partition.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Its label, also its name in a GPT.
    pub name: Spanned<String>,
    /// `linux-root`, `esp`, `bios-boot`, `swap`, a GUID or an MBR type.
    pub kind: Spanned<String>,
    /// `None`: all that is left (`"100%"`), only for the last one.
    pub size: Option<Spanned<Size>>,
    /// What is in it.
    pub format: Format,
}

/// A file system and where it is mounted.
#[derive(Debug, Clone, Default)]
pub struct Format {
    /// `ext4`, `xfs`, `btrfs`, `vfat`, `swap`; none: raw.
    pub filesystem: Option<Spanned<String>>,
    /// Label of the file system.
    pub label: Option<String>,
    /// Further arguments of mkfs.
    pub mkfs_options: Vec<String>,
    /// Where it is mounted in the image, absolute.
    pub mount: Option<Spanned<String>>,
    /// Mount options, in the build and in fstab.
    pub options: Vec<String>,
}

/// Which partition of a source is `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// `auto`, a number, `label=`, `uuid=`, `whole`.
    pub partition: RootPartition,
    /// Mount options while building (class R).
    pub options: Vec<String>,
}

/// How the root partition of a source is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootPartition {
    /// By type, then by content.
    #[default]
    Auto,
    /// By number.
    Number(u32),
    /// By file system label.
    Label(String),
    /// By file system UUID.
    Uuid(String),
    /// There is no partition table.
    Whole,
}

/// Mounts of the chroot beside the image's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounts {
    /// Whether `/proc`, `/sys`, `/dev`, `/run` are mounted.
    pub defaults: bool,
    /// More, in order.
    pub extra: Vec<ExtraMount>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraMount {
    /// `bind`, `tmpfs`, `proc`, ...
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Where, in the image.
    pub target: String,
    /// Options, as in fstab.
    pub options: Vec<String>,
    /// Whether it is read-only.
    pub read_only: bool,
}

/// Name resolution and network of the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `host` or `none`.
    pub mode: NetworkMode,
    /// Whether steps get the host's name resolution.
    pub resolv_conf: bool,
    /// More lines for `/etc/hosts` while building: name to address.
    pub hosts: BTreeMap<String, String>,
}

/// What network steps see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// The builder host's.
    Host,
    /// None but loopback.
    None,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookPoint {
    /// After partitioning, before the file systems are mounted.
    BeforeMount,
    /// The root is mounted.
    AfterMount,
    /// All steps are done, the root is still mounted.
    BeforeUnmount,
    /// Nothing is mounted; the volume is still attached.
    BeforeSnapshot,
    /// The image stands.
    AfterPublish,
    /// The build failed, before the teardown.
    OnFailure,
    /// At the end, whatever happened.
    Always,
}

impl HookPoint {
    /// As it is written: `before_mount`.
    pub const fn name(self) -> &'static str {
        match self {
            HookPoint::BeforeMount => "before_mount",
            HookPoint::AfterMount => "after_mount",
            HookPoint::BeforeUnmount => "before_unmount",
            HookPoint::BeforeSnapshot => "before_snapshot",
            HookPoint::AfterPublish => "after_publish",
            HookPoint::OnFailure => "on_failure",
            HookPoint::Always => "always",
        }
    }
}

/// Commands on the builder host.
#[derive(Debug, Clone)]
pub struct Hook {
    /// When.
    pub point: HookPoint,
    /// Its place among the hooks of this point, from 0.
    pub index: usize,
    /// `inline`, `env`, `inputs`, ... as plain values; `build.*` may be unknown in them.
    pub object: Object,
}

/// A bootstrap or boot loader: its kind and its arguments.
#[derive(Debug, Clone)]
pub struct Part {
    /// `debian`, `tar`; `grub`.
    pub kind: String,
    /// The block.
    pub object: Object,
}

/// A provision step.
#[derive(Debug, Clone)]
pub struct Step {
    /// `shell`, `file`, `local`.
    pub kind: String,
    /// Its second label.
    pub label: Spanned<String>,
    /// The block.
    pub object: Object,
}

/// How the build runs (class R).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Where the root is mounted on the builder host, if the default (a private directory) will not do.
    pub mount_path: Option<PathBuf>,
    /// Whether packages may start services (default: no).
    pub services: bool,
    /// Command before each step: `["nice", "-n", "10"]`.
    pub wrapper: Vec<String>,
}

/// Publication (class M and K).
#[derive(Debug, Clone, Default)]
pub struct Publish {
    /// Tags on the image; may be unknown.
    pub tags: Option<Spanned<Value>>,
    /// How long after its creation the image counts as deprecated.
    pub deprecate_after: Option<Spanned<Duration>>,
    /// The block, if there is one.
    pub object: Option<Object>,
}

/// Policy.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// Standing releases, the current one counted; at least 1.
    pub keep_releases: u64,
    /// What is done when a fixed name is taken.
    pub on_name_conflict: NameConflict,
    /// Whether snapshots go with the last image that uses them.
    pub delete_snapshots: bool,
    /// Whether a plan that destroys the image is an error.
    pub prevent_destroy: Option<Span>,
    /// Arguments whose changes do not count (G, K, M only): `["description", "publish.tags"]`.
    pub ignore_changes: Vec<String>,
    /// Values whose change forces a build.
    pub replace_triggered_by: Option<Spanned<Value>>,
    /// How old the current release may become before it is built again.
    pub max_age: Option<Duration>,
}

/// What is done when a fixed name is taken by a standing release of the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameConflict {
    /// An error at plan.
    Fail,
    /// Ours with an equal digest is taken.
    Adopt,
    /// The old one is deregistered first.
    Replace,
}
