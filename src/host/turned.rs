//! Gives the names in the directories of a tree in another order, to see who depends on it.
//!
//! A tmpfs lists names in the order in which they came into a directory, or the other way round, and a rename brings a name in
//! anew (`simple_offset_rename` in the kernel's fs/libfs.c). Other file systems list by a hash of the names, and are left alone.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::{Errno, Result};

use super::error::Explain;
use super::inside::{Root, as_listed};
use super::stack::roomy;

/// `TMPFS_MAGIC` (statfs(2)).
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// Turns the order in this directory of a tmpfs and in all below it that are on the same file system. Times of directories
/// stay; nothing else may work in the tree meanwhile.
///
/// # Errors
/// As rename(2) and openat2(2).
pub fn turn(root: &Root) -> super::Result<()> {
    let directory = root.open_dir("/")?;
    let kind = rustix::fs::fstatfs(&directory).map(|found| found.f_type);
    let turned = kind.and_then(|kind| if kind == TMPFS { turn_below(&directory) } else { Ok(()) });
    turned.doing(|| "turn the order of names in the image".to_owned())
}

fn turn_below(directory: &OwnedFd) -> Result<()> {
    let times = times_of(directory)?;
    let names = as_listed(directory)?;
    let between = unused(&names);
    for name in &names {
        renew(directory.as_fd(), name, &between)?;
        if let Some(below) = below(directory.as_fd(), name)? {
            roomy(|| turn_below(&below))?;
        }
    }
    // Whether the newest is the first or the last is the kernel's affair.
    if as_listed(directory)? == names {
        names
            .iter()
            .rev()
            .try_for_each(|name| renew(directory.as_fd(), name, &between))?;
    }
    rustix::fs::futimens(directory, &times)
}

/// What names are called on the way.
fn unused(names: &[OsString]) -> OsString {
    let mut all = (0..).map(|number| OsString::from(format!(".bake-{number}")));
    all.find(|name| !names.contains(name)).expect("there is always another")
}

/// Takes a name out and brings it in again. What something is mounted on stays where it is.
fn renew(directory: BorrowedFd<'_>, name: &OsStr, between: &OsStr) -> Result<()> {
    match rustix::fs::renameat_with(directory, name, directory, between, RenameFlags::NOREPLACE) {
        Err(Errno::BUSY) => Ok(()),
        other => other.and_then(|()| rustix::fs::renameat(directory, between, directory, name)),
    }
}

/// A directory of this name on the same file system; no link is followed.
fn below(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let how = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    match rustix::fs::openat2(directory, name, flags, Mode::empty(), how) {
        Err(Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => Ok(None),
        other => other.map(Some),
    }
}

fn times_of(directory: &OwnedFd) -> Result<Timestamps> {
    let stat = rustix::fs::fstat(directory)?;
    let time = |seconds, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Ok(Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    })
}
