//! A tree where there is no device to hold it: on a tmpfs of the helper, from which the seal writes the file system.

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
    match filesystems::kind(found.kind).map(|kind| kind.sealing) {
        Some(Sealing::Tree) => {}
        Some(Sealing::Fat | Sealing::AsMade) => return Ok(None),
        Some(Sealing::Never(_)) | None => return Err(unread(device, found).into()),
    }
    let name = device.file_name().unwrap_or_default();
    let at = Path::new(PRIVATE).join("trees").join(name);
    helper.make_dir(&at).await?;
    let mount = Mount {
        source: "bake".to_owned(),
        target: Place::root(&at),
        kind: "tmpfs".to_owned(),
        options: vec![
            format!("size={}", device_size(device)?),
            "nr_inodes=0".to_owned(),
            "mode=755".to_owned(),
        ],
    };
    helper.mount(mount).await?;
    let root = helper.root(&at).await?;
    if !root.takes_attributes()? {
        return Err(no_attributes().into());
    }
    match made {
        true => lost_and_found(&root)?,
        false => fill(device.to_owned(), root.open_dir("/")?).await?,
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
        .note("without root the tree of an image stands on a tmpfs until it is sealed, and would lose them")
        .help("use Linux 6.6 or later, or run bake apply as root")
}

fn unread(device: &Path, found: &Found) -> Diagnostic {
    Diagnostic::error(format!(
        "{} holds {}, which bake cannot read without root",
        device.display(),
        found.kind
    ))
    .note("an ordinary user may mount no disk, and bake itself reads ext4 and FAT")
    .help("run bake apply as root, or build on an image with ext4")
}
