//! A boot loader in the declared partitions.

use serde::{Deserialize, Serialize};

use super::filesystem::find;
use super::given::{BuildValues, given};
use super::mount::MountHandle;
use super::partitions::PartitionsHandle;
use super::work;
use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::bootstrap::grub::install::{Disk, Filesystem, Layout, Partition};
use crate::bootstrap::grub::{self, Grub};
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;
use crate::spec::PartitionTable;

/// A boot loader to be put in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootLoader {
    /// `grub`.
    pub kind: String,
    /// `x86_64`, `aarch64`.
    pub architecture: crate::spec::Architecture,
    /// The disk that it is put on.
    pub partitions: super::Ref<super::Partitions>,
    /// The file system of `/`.
    pub root: super::Ref<super::Filesystem>,
    /// Its arguments.
    pub arguments: Arguments,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

impl Kind for BootLoader {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        let disk = [self.partitions.opened(), self.root.opened()];
        self.within.needs().into_iter().chain(disk).collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        if grub::BLOCK.kind != Some(&*self.kind) {
            return Err(Diagnostic::error(format!("unknown kind of boot loader {:?}", self.kind)).into());
        }
        let site = work::site(&self.within, cx).await?;
        let given = given(&self.arguments, &grub::BLOCK, &BuildValues::default(), cx)?;
        let loader = Grub::of(&given, self.architecture.name());
        work::run(loader.install(&self.layout(cx)?, &site), &site, cx).await
    }
}

impl BootLoader {
    fn layout(&self, cx: &Context) -> Result<Layout, NodeError> {
        let (disk, root) = (cx.outputs.get(&self.partitions)?, cx.outputs.get(&self.root)?);
        let mounts: Result<Vec<&MountHandle>, _> =
            self.within.mounts.iter().map(|mount| cx.outputs.get(mount)).collect();
        let mounts = mounts?;
        let own_boot = mounts.iter().find(|mount| mount.target == "/boot");
        let boot = match own_boot {
            None => (root.kind.clone(), root.uuid.clone()),
            Some(mount) => (mount.kind.clone(), find(&mount.device)?.uuid),
        };
        let root = match &root.partuuid {
            Some(partuuid) => format!("PARTUUID={partuuid}"),
            None => format!("UUID={}", root.uuid),
        };
        Ok(Layout {
            disk: disk_of(disk, &mounts),
            root,
            boot: Filesystem {
                kind: boot.0,
                uuid: boot.1,
            },
            own_boot: own_boot.is_some(),
        })
    }
}

fn disk_of(disk: &PartitionsHandle, mounts: &[&MountHandle]) -> Disk {
    let mount_of = |device: &std::path::Path| mounts.iter().find(|mount| mount.device == device);
    let partitions = disk.entries.iter().map(|entry| Partition {
        kind: entry.kind.to_lowercase(),
        device: entry.device.clone(),
        start: entry.start,
        size: entry.size,
        mount: mount_of(&entry.device).map(|mount| mount.target.clone()),
    });
    Disk {
        device: disk.disk.clone(),
        is_mbr: disk.table == Some(PartitionTable::Mbr),
        partitions: partitions.collect(),
    }
}
