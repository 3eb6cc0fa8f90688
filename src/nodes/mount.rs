//! A mounted file system of the image, in the private mount namespace of the image's helper.
//!
//! The chroot's own mounts (`/proc`, `/dev`, ...) are part of the root's mount node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::devices;
use super::filesystem::FilesystemHandle;
use super::partitions::device_size;
use super::{Context, Filesystem, Hook, Keeper, Kind, Lifetime, Need, NodeError, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems::{self, stand_in};
use crate::host::helper::{self, Helper, PRIVATE, Place, ShownDevice};
use crate::host::machine;
use crate::providers::Marker;
use crate::spec::{ExtraMount, Mounts, Network, NetworkMode};
use crate::steps::site::Surround;
use crate::steps::transient;

/// A file system to be mounted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// What.
    pub filesystem: Ref<Filesystem>,
    /// Where in the image: `/`, `/boot/efi`.
    pub target: String,
    /// Mount options.
    pub options: Vec<String>,
    /// Mounts that it lies in, the root first; empty for `/`.
    pub within: Vec<Ref<Mount>>,
    /// Hooks that must have run before (`before_mount`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Ref<Hook>>,
    /// What the chroot gets beside the image's own mounts; only of `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroot: Option<Chroot>,
    /// Whether the device is told, before it is unmounted, what is free. What is sealed is written anew anyway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discard: bool,
}

/// The surroundings of the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chroot {
    /// Mounts.
    pub mounts: Mounts,
    /// Network.
    pub network: Network,
    /// Whether packages may start services.
    pub services: bool,
    /// Where on the builder host, if not in a private directory.
    pub mount_path: Option<PathBuf>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MountHandle {
    /// Where the image's root is, as the helper sees it.
    pub root: PathBuf,
    /// Where in the image.
    pub target: String,
    /// Kind of the file system; a `vfat` that the kernel cannot mount is a tmpfs that is written back at the close.
    pub kind: String,
    /// The device.
    pub device: PathBuf,
    /// Whether it stands in for a FAT that the kernel cannot mount.
    #[serde(default)]
    pub stand_in: bool,
    /// The name of the volume that it is on.
    #[serde(default)]
    pub volume: String,
    /// The disk that it is on.
    pub disk: PathBuf,
    /// All partitions of that disk: devices by name, or by number where there is no name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, PathBuf>,
    /// Devices that steps see because of this mount, with the links that a device manager would make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<ShownDevice>,
    /// What steps in the image see around them; only of `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surround: Option<Surround>,
    /// Whether the mounts of a chroot are there; only of `/`.
    #[serde(default)]
    pub entered: bool,
    /// Mounts of the chroot beside those, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// Whether the device is told what is free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discard: bool,
}

impl Kind for Mount {
    type Handle = MountHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        let hooks = self.after.iter().map(Ref::opened);
        std::iter::once(self.filesystem.opened())
            .chain(self.within.iter().map(Ref::opened))
            .chain(hooks)
            .collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<MountHandle, NodeError> {
        let filesystem = cx.outputs.get(&self.filesystem)?;
        let helper = cx.helper().await?;
        let root = self.root(cx)?;
        let place = Place::new(&root, &*self.target);
        if self.chroot.is_some() {
            helper.make_dir(&root).await?;
        } else {
            // A mount point is part of the image: it stays.
            helper.root(&root).await?.make_dirs(&self.target)?;
        }
        let stand_in = filesystem.kind == "vfat" && !(machine::has_devices() && machine::can_mount("vfat"));
        match stand_in {
            true => stand_in::open(&helper, &filesystem.device, device_size(&filesystem.device)?, place).await?,
            false => helper.mount(self.mount(filesystem, place)).await?,
        }
        let handle = self.handle(filesystem, root, stand_in);
        match &self.chroot {
            Some(chroot) => enter(&helper, &handle, chroot).await?,
            None => show(&helper, cx, self, &handle).await?,
        }
        Ok(handle)
    }

    /// Takes out what only belongs to the build, writes everything back, and unmounts.
    async fn close(handle: &MountHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        let helper = cx.helper().await?;
        let place = Place::new(&handle.root, &*handle.target);
        if handle.stand_in {
            let size = device_size(&handle.device)?;
            return Ok(stand_in::close(&helper, &handle.device, size, place)
                .await
                .map_err(Diagnostic::from)?);
        }
        for target in handle.extra.iter().rev() {
            helper.unmount(Place::new(&handle.root, target.as_str())).await?;
        }
        if handle.entered {
            helper.leave_chroot(&handle.root).await?;
        }
        if handle.surround.is_some() {
            let root = helper.root(&handle.root).await?;
            transient::take_out(&helper, &root).await.map_err(Diagnostic::from)?;
        }
        if handle.discard {
            helper.discard(place.clone()).await?;
        }
        Ok(helper.unmount(place).await?)
    }
}

impl Mount {
    fn root(&self, cx: &Context) -> Result<PathBuf, NodeError> {
        if let Some(outer) = self.within.first() {
            return Ok(cx.outputs.get(outer)?.root.clone());
        }
        let own = self.chroot.as_ref().and_then(|chroot| chroot.mount_path.clone());
        Ok(own.unwrap_or_else(|| Path::new(PRIVATE).join("root")))
    }

    fn mount(&self, filesystem: &FilesystemHandle, target: Place) -> helper::Mount {
        let copy_options = match filesystem.copied {
            true => filesystems::kind(&filesystem.kind).map_or(&[][..], |kind| kind.copy_options),
            false => &[],
        };
        let copy_options = copy_options.iter().map(|option| (*option).to_owned());
        let (source, kind) = match &filesystem.tree {
            Some(tree) => (tree, "bind"),
            None => (&filesystem.device, filesystem.kind.as_str()),
        };
        helper::Mount {
            source: source.display().to_string(),
            target,
            kind: kind.to_owned(),
            options: self.options(filesystem).into_iter().chain(copy_options).collect(),
        }
    }

    /// Those of the build: what is read-only when it is sealed is filled until then.
    fn options(&self, filesystem: &FilesystemHandle) -> Vec<String> {
        if filesystem.packed().is_none() {
            return self.options.clone();
        }
        let each = self.options.iter().flat_map(|options| options.split(','));
        each.filter(|option| *option != "ro").map(str::to_owned).collect()
    }

    fn handle(&self, filesystem: &FilesystemHandle, root: PathBuf, stand_in: bool) -> MountHandle {
        let defaults = self.chroot.as_ref().is_some_and(|chroot| chroot.mounts.defaults);
        let extra = self.chroot.iter().flat_map(|chroot| &chroot.mounts.extra);
        MountHandle {
            root,
            target: self.target.clone(),
            kind: filesystem.kind.clone(),
            device: filesystem.device.clone(),
            stand_in,
            volume: filesystem.volume.clone(),
            disk: filesystem.disk.clone(),
            partitions: filesystem.partitions.clone(),
            devices: match machine::has_devices() {
                true => devices::shown(filesystem),
                false => Vec::new(),
            },
            surround: self.chroot.as_ref().map(surround),
            entered: defaults,
            extra: extra.map(|mount| mount.target.clone()).collect(),
            discard: self.discard,
        }
    }
}

fn surround(chroot: &Chroot) -> Surround {
    Surround {
        services: chroot.services,
        resolv_conf: chroot.network.resolv_conf,
        hosts: chroot.network.hosts.clone(),
        network: match chroot.network.mode {
            NetworkMode::Host => helper::Network::Host,
            NetworkMode::None => helper::Network::None,
        },
    }
}

/// The mounts of the chroot: those that every step expects, then those of the spec.
async fn enter(helper: &Helper, handle: &MountHandle, chroot: &Chroot) -> Result<(), NodeError> {
    if handle.entered {
        let around = helper::Chroot {
            root: handle.root.clone(),
            devices: handle.devices.clone(),
        };
        helper.enter_chroot(around).await?;
    }
    for mount in &chroot.mounts.extra {
        helper.mount(extra(&handle.root, mount)).await?;
    }
    Ok(())
}

fn extra(root: &Path, mount: &ExtraMount) -> helper::Mount {
    let read_only = mount.read_only.then(|| "ro".to_owned());
    helper::Mount {
        source: mount.source.clone(),
        target: Place::new(root, &*mount.target),
        kind: mount.kind.clone(),
        options: mount.options.iter().cloned().chain(read_only).collect(),
    }
}

/// Devices of a further disk or partition, in the `/dev` of a chroot that is there already.
async fn show(helper: &Helper, cx: &Context, mount: &Mount, handle: &MountHandle) -> Result<(), NodeError> {
    let Some(root) = mount.within.first() else {
        return Ok(());
    };
    if cx.outputs.get(root)?.entered {
        helper.show_devices(&handle.root, &handle.devices).await?;
    }
    Ok(())
}
