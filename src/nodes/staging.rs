//! A tree that no device holds yet, because there is none (without root) or because the file system is read-only: on a tmpfs of
//! the helper, from which the seal writes the file system.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::NodeError;
use super::partitions::device_size;
use super::work::blocking;
use crate::diagnostic::Diagnostic;
use crate::filesystems::{self, Found, Sealing};
use crate::host::ext4;
use crate::host::helper::{Helper, Mount, PRIVATE, Place};
use crate::host::inside::{Attributes, Root};

/// Stages what is on a file of a partition: `made` says that it is empty. None for what is read and written without a mount.
///
/// # Errors
/// If the kernel's tmpfs cannot hold what a tree may have, or the file system cannot be read.
pub(super) async fn stage(
    helper: &Helper,
    device: &Path,
    found: &Found,
    made: bool,
) -> Result<Option<PathBuf>, NodeError> {
    let sealing = filesystems::kind(found.kind).map(|kind| kind.sealing);
    let size = match sealing {
        Some(Sealing::Tree) => device_size(device)?,
        // What it is packed into says nothing of its own size.
        Some(Sealing::Packed(_)) => 0,
        Some(Sealing::Fat | Sealing::AsMade) => return Ok(None),
        Some(Sealing::Never(_)) | None => return Err(unread(device, found).into()),
    };
    let name = device.file_name().unwrap_or_default();
    let at = Path::new(PRIVATE).join("trees").join(name);
    helper.make_dir(&at).await?;
    let mount = Mount {
        source: "bake".to_owned(),
        target: Place::root(&at),
        kind: "tmpfs".to_owned(),
        options: vec![format!("size={size}"), "nr_inodes=0".to_owned(), "mode=755".to_owned()],
    };
    helper.mount(mount).await?;
    let root = helper.root(&at).await?;
    if !root.takes_attributes()? {
        return Err(no_attributes().into());
    }
    match (sealing, made) {
        (Some(Sealing::Packed(_)), true) => {}
        (_, true) => lost_and_found(&root)?,
        (Some(Sealing::Packed(packed)), false) => {
            let unpack = packed.unpack.ok_or_else(|| unread(device, found))?;
            unpack(device, &at).run_in(helper).await?;
        }
        (_, false) => fill(device.to_owned(), root.open_dir("/")?).await?,
    }
    Ok(Some(at))
}

/// Steps find what they find on a file system that mke2fs(8) has made.
fn lost_and_found(root: &Root) -> Result<(), NodeError> {
    let mode = Attributes {
        mode: Some(0o700),
        ..Attributes::default()
    };
    root.make_dir("/lost+found")?;
    Ok(root.set_attributes("/lost+found", &mode)?)
}

async fn fill(device: PathBuf, directory: OwnedFd) -> Result<(), NodeError> {
    blocking(move || ext4::unpack(&ext4::Reader::open(&device)?, &directory)).await
}

fn no_attributes() -> Diagnostic {
    Diagnostic::error("this kernel's tmpfs keeps no extended attributes of users")
        .note("the tree of this file system stands on a tmpfs until it is sealed, and would lose them")
        .help("use Linux 6.6 or later, or ext4 and run bake apply as root")
}

fn unread(device: &Path, found: &Found) -> Diagnostic {
    Diagnostic::error(format!(
        "{} holds {}, which bake cannot unpack",
        device.display(),
        found.kind
    ))
    .note("where it cannot be mounted to be written to, bake reads ext4, FAT and squashfs")
    .help("build on an image with ext4, or run bake apply as root if it is one to be written to")
}
