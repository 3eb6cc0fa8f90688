//! A mounted file system of the image, in the private mount namespace of the image's helper.
//!
//! The chroot's own mounts (`/proc`, `/dev`, ...) are part of the root's mount node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Filesystem, Hook, Keeper, Kind, Lifetime, Need, NodeError, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;
use crate::spec::{Mounts, Network};

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

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<MountHandle, NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
