//! A file system on a partition or on a whole volume: made, or found in a source.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::partitions::{PartitionEntry, PartitionsHandle};
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Partitions, Ref};
use super::{root_partition, staging};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems::{self, FilesystemKind, Format, Found, Grow};
use crate::host::command::Tool;
use crate::host::helper::{Helper, Mount, PRIVATE, Place};
use crate::providers::Marker;
use crate::spec::RootPartition;

/// What is to be done with a partition's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filesystem {
    /// The table in which the partition stands.
    pub partitions: Ref<Partitions>,
    /// Which partition.
    pub on: On,
    /// Make it or use it.
    pub action: Action,
    /// Whether it is sealed when all steps are done: what cannot be is refused before any of them runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// Whether it is checked when all steps are done: the program for that must be there before any of them runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
}

/// Which partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The whole volume.
    Whole,
    /// By number, from 1.
    Number(u32),
    /// The root of a source, found so.
    Root(RootPartition),
}

/// Make a file system or use the one that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// mkfs.
    Make {
        /// `ext4`, `xfs`, `btrfs`, `vfat`, `squashfs`, `erofs`, `swap`.
        kind: String,
        /// Label.
        label: Option<String>,
        /// UUID; for vfat its first 32 bits. Derived from the digest.
        uuid: String,
        /// Further arguments of mkfs.
        options: Vec<String>,
    },
    /// It is there.
    Use {
        /// Whether it is grown to the size of the partition.
        grow: bool,
    },
}

/// A file system that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesystemHandle {
    /// The device it is on.
    pub device: PathBuf,
    /// `ext4`, ...
    pub kind: String,
    /// As `blkid` prints it.
    pub uuid: String,
    /// Label, if it has one.
    pub label: Option<String>,
    /// `PARTUUID` of its partition, if it is on one.
    pub partuuid: Option<String>,
    /// The name of the volume that it is on.
    #[serde(default)]
    pub volume: String,
    /// Where its tree stands, as the helper sees it, if no device holds it yet: it is written when it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<PathBuf>,
    /// The disk that it is on.
    pub disk: PathBuf,
    /// All partitions of that disk: devices by name, or by number where there is no name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, PathBuf>,
    /// Whether it was not made here: another file system of the same UUID may be mounted on this host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copied: bool,
}

impl FilesystemHandle {
    /// What it will be, if nothing of it is on its device yet.
    pub(super) fn packed(&self) -> Option<Found> {
        filesystems::packed(&self.kind)?;
        Some(Found {
            kind: filesystems::kind(&self.kind)?.name,
            uuid: self.uuid.clone(),
            label: None,
        })
    }
}

impl Kind for Filesystem {
    type Handle = FilesystemHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        vec![self.partitions.opened()]
    }

    async fn open(&self, at: &Address, _marker: &Marker, cx: &Context) -> Result<FilesystemHandle, NodeError> {
        let partitions = cx.outputs.get(&self.partitions)?;
        let helper = cx.helper().await?;
        let (device, partuuid) = self.place(partitions, &helper).await?;
        let found = match self.packed() {
            Some(found) => found,
            None => {
                match &self.action {
                    Action::Make { .. } => self.make(&helper, &device, partitions).await?,
                    Action::Use { grow: true } => grow(&helper, &device, &find(&device)?).await?,
                    Action::Use { grow: false } => {}
                }
                find(&device).map_err(|error| error.about(at))?
            }
        };
        if self.sealed {
            super::seal::sealing(at, found.kind)?;
        }
        if self.checked {
            super::check::is_possible(found.kind)?;
        }
        let is_packed = filesystems::packed(found.kind).is_some();
        if is_packed && !self.sealed {
            return Err(read_only(at, found.kind).into());
        }
        let tree = match partitions.plain || is_packed {
            true => staging::stage(&helper, &device, &found, self.is_made()).await?,
            false => None,
        };
        Ok(FilesystemHandle {
            device,
            tree,
            kind: found.kind.to_owned(),
            uuid: found.uuid,
            label: found.label,
            partuuid,
            volume: self.partitions.label(),
            disk: partitions.disk.clone(),
            partitions: partitions.by_name(),
            copied: !self.is_made(),
        })
    }

    /// A tree that was not on a device yet goes.
    async fn close(handle: &FilesystemHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        match &handle.tree {
            Some(tree) => Ok(cx.helper().await?.unmount(Place::root(tree)).await?),
            None => Ok(()),
        }
    }
}

impl Filesystem {
    fn is_made(&self) -> bool {
        matches!(self.action, Action::Make { .. })
    }

    /// What will be there, if it is made of its tree only, when it is sealed.
    fn packed(&self) -> Option<Found> {
        let Action::Make { kind, uuid, .. } = &self.action else {
            return None;
        };
        let has_uuid = filesystems::packed(kind)?.has_uuid;
        Some(Found {
            kind: filesystems::kind(kind)?.name,
            uuid: if has_uuid { uuid.clone() } else { String::new() },
            label: None,
        })
    }

    /// The device, and the `PARTUUID` of its partition.
    async fn place(
        &self,
        partitions: &PartitionsHandle,
        helper: &Helper,
    ) -> Result<(PathBuf, Option<String>), NodeError> {
        let of = |entry: &PartitionEntry| (entry.device.clone(), Some(entry.partuuid.clone()));
        match &self.on {
            On::Whole => Ok((partitions.disk.clone(), None)),
            On::Number(number) => {
                let entry = partitions.entries.iter().find(|entry| entry.number == *number);
                let missing = || Diagnostic::error(format!("{} has no partition {number}", partitions.disk.display()));
                Ok(entry.map(of).ok_or_else(missing)?)
            }
            On::Root(how) => Ok(root_partition::find(partitions, how, helper)
                .await?
                .map_or_else(|| (partitions.disk.clone(), None), of)),
        }
    }

    async fn make(&self, helper: &Helper, device: &Path, partitions: &PartitionsHandle) -> Result<(), NodeError> {
        let Action::Make {
            kind,
            label,
            uuid,
            options,
        } = &self.action
        else {
            return Ok(());
        };
        let shown = device.display().to_string();
        let format = Format {
            device: &shown,
            uuid,
            label: label.as_deref(),
            options,
            // A program that gets a device asks the kernel for this.
            place: match partitions.plain {
                true => Some(partitions.place_of(device)?),
                false => None,
            },
        };
        let Some(make) = known(kind)?.make else {
            return Ok(());
        };
        let words = make(&format);
        let alone = Tool {
            mounts: no_other_disks(&partitions.disk),
            ..tool(&words).env("BLKID_FILE", "/dev/null")
        };
        alone.run_in(helper).await?;
        Ok(())
    }
}

/// Only a seal writes it.
fn read_only(at: &Address, kind: &str) -> Diagnostic {
    Diagnostic::error(format!("{at} holds {kind}, which is read-only"))
        .note("it is written from its tree when the image is sealed, and in no other way")
        .help("let the image be reproducible: reproducible = true")
}

/// What is on a device.
pub(super) fn find(device: &Path) -> Result<Found, Diagnostic> {
    let found = filesystems::probe(&head(device)?);
    found.ok_or_else(|| {
        Diagnostic::error(format!("{} holds no file system that bake knows", device.display()))
            .help("say in the root block which partition is /, or make a file system in a before_mount hook")
    })
}

/// The first bytes of a device, as far as it goes.
pub(super) fn head(device: &Path) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |why: std::io::Error| Diagnostic::error(format!("cannot read {}: {why}", device.display()));
    let mut head = Vec::new();
    let file = std::fs::File::open(device).map_err(unreadable)?;
    file.take(filesystems::probe::HEAD as u64)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    Ok(head)
}

fn known(kind: &str) -> Result<&'static FilesystemKind, Diagnostic> {
    filesystems::kind(kind).ok_or_else(|| {
        let known: Vec<&str> = filesystems::FILESYSTEMS.iter().map(|kind| kind.name).collect();
        Diagnostic::error(format!("unknown file system {kind:?}")).help(format!("one of {}", known.join(", ")))
    })
}

async fn run(helper: &Helper, words: &[String]) -> Result<(), crate::host::HostError> {
    tool(words).run_in(helper).await.map(drop)
}

fn tool(words: &[String]) -> Tool {
    let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    Tool::new(words.first().map(String::as_str).unwrap_or_default(), &arguments)
}

/// Hides the other disks of the host from mkfs: mkfs.btrfs refuses a UUID that any of them has, and another build of the
/// same image has it. Its own disk stays in sight, since it compares the files behind loop devices.
fn no_other_disks(disk: &Path) -> Vec<Mount> {
    let name = disk.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mount = |source: &Path, target: &str, kind: &str| Mount {
        source: source.display().to_string(),
        target: Place::new("/", target),
        kind: kind.to_owned(),
        options: Vec::new(),
    };
    let mut mounts = vec![mount(Path::new("none"), "/sys/block", "tmpfs")];
    if let Ok(own) = std::fs::canonicalize(Path::new("/sys/block").join(&name)) {
        mounts.push(mount(&own, &format!("/sys/block/{name}"), "bind"));
    }
    mounts
}

/// Grows a file system to the size of its device.
async fn grow(helper: &Helper, device: &Path, found: &Found) -> Result<(), NodeError> {
    let shown = device.display().to_string();
    let line = |words: &[&str], last: &str| -> Vec<String> {
        words.iter().copied().chain([last]).map(str::to_owned).collect()
    };
    match known(found.kind)?.grow {
        Grow::Unmounted(commands) => {
            for words in commands {
                run(helper, &line(words, &shown)).await?;
            }
        }
        Grow::Mounted(words) => {
            let at = mount_briefly(helper, device, found.kind, &[]).await?;
            let grown = run(helper, &line(words, &at.root.display().to_string())).await;
            helper.unmount(at).await?;
            grown?;
        }
        Grow::Never => {
            let what = format!("the {} file system on {shown} cannot be grown", found.kind);
            return Err(Diagnostic::error(what).help("leave grow out").into());
        }
    }
    Ok(())
}

/// Mounts a file system in the helper's private directory, to be looked into or grown.
pub(super) async fn mount_briefly(
    helper: &Helper,
    device: &Path,
    kind: &str,
    options: &[&str],
) -> Result<Place, NodeError> {
    let directory = Path::new(PRIVATE).join("look");
    helper.make_dir(&directory).await?;
    let place = Place::root(directory);
    let copy_options = filesystems::kind(kind).map_or(&[][..], |kind| kind.copy_options);
    let mount = Mount {
        source: device.display().to_string(),
        target: place.clone(),
        kind: kind.to_owned(),
        options: options
            .iter()
            .chain(copy_options)
            .map(|option| (*option).to_owned())
            .collect(),
    };
    helper.mount(mount).await?;
    Ok(place)
}
