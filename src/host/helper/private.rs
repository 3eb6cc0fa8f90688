//! The place for mounts that only the helper sees: a tmpfs at [`PRIVATE`].

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags};

use super::protocol::PRIVATE;
use crate::host::error::{Explain, Kind, Result};
use crate::host::files;
use crate::host::inside::names_in;

/// Mounts it.
///
/// # Errors
/// As mkdir(2) and mount(2).
pub(super) fn mount() -> Result<()> {
    match files::create_dir_all(Path::new(PRIVATE)) {
        // Root of a user namespace may mount there, and make no directory there.
        Err(error) if error.kind == Kind::Denied => {
            own_run().doing(|| "make a private /run".into())?;
            files::create_dir_all(Path::new(PRIVATE))?;
        }
        other => other?,
    }
    tmpfs(PRIVATE).doing(|| format!("mount {PRIVATE}"))
}

fn tmpfs(at: &str) -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("bake", at, "tmpfs", flags, Some(c"mode=755"))
}

/// A `/run` that shows all that the host's does, and takes new names. What cannot be shown (it is gone meanwhile) is not
/// missed by anybody.
fn own_run() -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open("/run", flags, Mode::empty())?;
    tmpfs("/run")?;
    let ours = rustix::fs::open("/run", flags, Mode::empty())?;
    for name in names_in(&theirs)? {
        let _ = show(&theirs, &ours, &name);
    }
    Ok(())
}

fn show(theirs: &OwnedFd, ours: &OwnedFd, name: &OsStr) -> rustix::io::Result<()> {
    let found = rustix::fs::statat(theirs, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(theirs, name, Vec::new())?;
            return rustix::fs::symlinkat(&target, ours, name);
        }
        FileType::Directory => rustix::fs::mkdirat(ours, name, Mode::from_bits_truncate(0o755))?,
        _ => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            rustix::fs::openat(ours, name, flags, Mode::from_bits_truncate(0o644)).map(drop)?;
        }
    }
    bind(theirs.as_fd(), ours.as_fd(), name)
}

/// With everything mounted below it: in a user namespace the host's mounts are not parted from one another.
fn bind(theirs: BorrowedFd<'_>, ours: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    let tree = rustix::mount::open_tree(theirs, name, flags)?;
    rustix::mount::move_mount(&tree, "", ours, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
