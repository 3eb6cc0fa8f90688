//! Directories for what a process needs only while it lives. What a killed one left behind, the next one removes.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::error::{Explain, Result};
use super::inside::Root;

/// What their names begin with; [`RANDOM`] characters follow.
const PREFIX: &str = ".bake-work-";
const RANDOM: usize = 6;

/// A directory under the system's directory for temporary files, for its owner alone. Dropped, it is removed.
#[derive(Debug)]
pub struct Temporary {
    directory: tempfile::TempDir,
    /// Its lock says that somebody uses it; the kernel gives it back whatever becomes of this process.
    _held: OwnedFd,
}

impl Temporary {
    /// An empty one.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn new() -> Result<Temporary> {
        Temporary::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> Result<Temporary> {
        let operation = || "make a temporary directory".to_owned();
        sweep_in(parent);
        loop {
            let directory = tempfile::Builder::new()
                .prefix(PREFIX)
                .rand_bytes(RANDOM)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)
                .doing(operation)?;
            // Whoever sweeps may take it for left behind before it is locked.
            let held = match open(directory.path()) {
                Err(Errno::NOENT) => continue,
                opened => opened.doing(operation)?,
            };
            if take(&held) && rustix::fs::fstat(&held).doing(operation)?.st_nlink > 0 {
                return Ok(Temporary { directory, _held: held });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what nobody uses any more. What cannot be removed stays: it is in nobody's way.
pub fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(parent: &Path) {
    let Ok(root) = Root::open(parent) else { return };
    let names = root.list("/").unwrap_or_default();
    for name in names.iter().filter(|name| is_name(name)) {
        let Ok(directory) = open(&parent.join(name)) else {
            continue;
        };
        // The lock is held until it is gone: whoever has just made it finds out, and makes another.
        if is_private(&directory) && take(&directory) {
            let _ = root.remove_from("/", name);
        }
    }
}

fn is_name(name: &OsStr) -> bool {
    let rest = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    rest.is_some_and(|rest| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric))
}

/// Whether it belongs to this user, and nobody else may look into it.
fn is_private(directory: &OwnedFd) -> bool {
    let user = rustix::process::geteuid().as_raw();
    rustix::fs::fstat(directory).is_ok_and(|found| found.st_uid == user && found.st_mode & 0o7777 == 0o700)
}

fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

fn take(directory: &OwnedFd) -> bool {
    rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // What another process left is made by hand.
mod tests {
    use std::fs;

    use super::*;

    /// Many begin at once, and each sweeps what another has made and not yet locked.
    #[test]
    fn nobody_loses_what_is_used() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..100 {
                        let mine = Temporary::within(parent.path()).unwrap();
                        fs::write(mine.path().join("file"), "x").unwrap();
                        sweep_in(parent.path());
                        assert!(mine.path().join("file").exists());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_used_stays_and_what_was_left_goes() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        for name in [
            ".bake-work-abc123",
            ".bake-work-abc1234",
            "bake-work-abc123",
            ".bake-work-public",
        ] {
            fs::create_dir_all(at(name).join("sub")).unwrap();
            let mode = if name.ends_with("public") { 0o755 } else { 0o700 };
            fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("bake-work-abc123", at(".bake-work-link12")).unwrap();
        let first = Temporary::within(parent.path()).unwrap();
        fs::write(first.path().join("file"), "x").unwrap();
        let second = Temporary::within(parent.path()).unwrap();
        assert_eq!(fs::read_dir(first.path()).unwrap().count(), 1);
        assert!(!at(".bake-work-abc123").exists());
        for stays in [
            ".bake-work-abc1234",
            "bake-work-abc123",
            ".bake-work-public",
            ".bake-work-link12",
        ] {
            assert!(at(stays).join("sub").exists(), "{stays}");
        }
        drop((first, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 4);
    }
}
