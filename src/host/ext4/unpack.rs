//! The whole tree of a file system put into an empty directory, with everything that a file can have.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};

use super::reader::{Inode, Reader};
use crate::host::error::{HostError, Kind, Result};
use crate::host::stack::roomy;

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// Unpacks one: names, contents with their holes, owners, modes, times in seconds, links, extended attributes.
///
/// # Errors
/// [`Kind::Unsupported`] for a device node, which this user may not make; else what the kernel refuses.
pub fn unpack(reader: &Reader, into: &OwnedFd) -> Result<()> {
    let mut work = Work {
        reader,
        top: into.as_fd(),
        linked: BTreeMap::new(),
    };
    let root = Path::new("/");
    let top = reader.root().map_err(|error| unpacking(root, error))?;
    work.directory(root, &top, into.as_fd())?;
    settle(into.as_fd(), OsStr::new("."), &top, reader).map_err(|error| unpacking(root, error))
}

struct Work<'a> {
    reader: &'a Reader,
    top: BorrowedFd<'a>,
    /// The first path of an inode that has several.
    linked: BTreeMap<u32, PathBuf>,
}

impl Work<'_> {
    fn directory(&mut self, path: &Path, inode: &Inode, into: BorrowedFd<'_>) -> Result<()> {
        let names = self.reader.names(inode).map_err(|error| unpacking(path, error))?;
        for (name, number) in names {
            let at = path.join(&name);
            let inode = self.reader.inode(number).map_err(|error| unpacking(&at, error))?;
            if matches!(inode.kind(), FileType::CharacterDevice | FileType::BlockDevice) {
                return Err(device(&at));
            }
            if inode.kind() == FileType::Directory {
                let made = make_directory(into, &name).map_err(|error| unpacking(&at, error))?;
                roomy(|| self.directory(&at, &inode, made.as_fd()))?;
            } else if self
                .make(&at, &inode, into, &name)
                .map_err(|error| unpacking(&at, error))?
                == Made::Link
            {
                continue;
            }
            settle(into, &name, &inode, self.reader).map_err(|error| unpacking(&at, error))?;
        }
        Ok(())
    }

    fn make(&mut self, path: &Path, inode: &Inode, into: BorrowedFd<'_>, name: &OsStr) -> io::Result<Made> {
        if let Some(first) = self.linked.get(&inode.number) {
            rustix::fs::linkat(self.top, first, into, name, AtFlags::empty())?;
            return Ok(Made::Link);
        }
        if inode.links() > 1 {
            let within = path.strip_prefix("/").unwrap_or(path);
            self.linked.insert(inode.number, within.to_owned());
        }
        match inode.kind() {
            FileType::RegularFile => self.file(inode, into, name)?,
            FileType::Symlink => {
                let target = CString::new(self.reader.target(inode)?)?;
                rustix::fs::symlinkat(&target, into, name)?;
            }
            kind => rustix::fs::mknodat(into, name, kind, Mode::from_bits_truncate(0o600), 0)?,
        }
        Ok(Made::Anew)
    }

    fn file(&self, inode: &Inode, into: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(into, name, flags, Mode::from_bits_truncate(0o600))?);
        let content = self.reader.content(inode)?;
        file.set_len(content.size)?;
        let mut chunk = vec![0; CHUNK];
        for (start, end) in content.written() {
            let mut at = start;
            while at < end {
                let wish = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                content.read_exact_at(self.reader, &mut chunk[..wish], at)?;
                file.write_all_at(&chunk[..wish], at)?;
                at += wish as u64;
            }
        }
        Ok(())
    }
}

/// What became of a name.
#[derive(PartialEq, Eq)]
enum Made {
    Anew,
    /// One more name of what was made before.
    Link,
}

fn make_directory(into: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    rustix::fs::mkdirat(into, name, Mode::from_bits_truncate(0o700))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(into, name, flags, Mode::empty())?)
}

/// Owners, mode, extended attributes, time: each may undo what comes behind it.
fn settle(into: BorrowedFd<'_>, name: &OsStr, inode: &Inode, reader: &Reader) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(inode.user()), Gid::from_raw(inode.group()));
    rustix::fs::chownat(into, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    if inode.kind() != FileType::Symlink {
        let mode = Mode::from_bits_truncate(inode.mode() & 0o7777);
        rustix::fs::chmodat(into, name, mode, AtFlags::empty())?;
    }
    // No call takes a directory and a name.
    let path = Path::new("/proc/self/fd").join(into.as_raw_fd().to_string()).join(name);
    for (key, value) in reader.attributes(inode, false)? {
        rustix::fs::lsetxattr(&path, key.as_os_str(), &value, XattrFlags::empty())?;
    }
    let time = Timespec {
        tv_sec: inode.modified(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::utimensat(into, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn unpacking(path: &Path, error: io::Error) -> HostError {
    let operation = format!("unpack {} of the source", path.display());
    let unmapped = error.kind() == io::ErrorKind::InvalidInput;
    let error = HostError::of_io(operation, error);
    match unmapped {
        true => error.help("an owner may have no id in the user's ranges: give it a larger range, or run bake as root"),
        false => error,
    }
}

fn device(path: &Path) -> HostError {
    let operation = format!("unpack {} of the source", path.display());
    let error = HostError::new(
        Kind::Unsupported,
        operation,
        "it is a device node, which only root makes",
    );
    error.help("run bake apply as root")
}
