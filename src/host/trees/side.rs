//! One of two trees that are compared: a directory of the host, or an ext4 in a file that nobody has mounted.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::host::ext4::{Content, Inode, Reader};
use crate::host::inside::names_in;

/// A tree of files.
#[derive(Debug)]
pub enum Side {
    /// With all that is in it; nothing mounted in it is entered.
    Directory(OwnedFd),
    /// With all that is in it.
    Ext4(Reader),
}

/// A directory of one, with its names.
pub(super) enum Folder {
    Directory(OwnedFd, Vec<OsString>),
    Ext4(BTreeMap<OsString, u32>),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) kind: FileType,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) size: u64,
    /// Bytes that it takes.
    pub(super) taken: u64,
    pub(super) modified: i64,
    pub(super) links: u64,
    pub(super) inode: u64,
    /// Major and minor number, if it is a device.
    pub(super) device: (u32, u32),
    /// The file system that it is on.
    pub(super) on: u64,
}

/// The content of a file.
pub(super) enum Opened<'a> {
    File(File),
    Ext4(&'a Reader, Content),
}

impl Side {
    pub(super) fn top(&self) -> io::Result<(Folder, Facts)> {
        match self {
            Side::Directory(directory) => {
                let facts = Facts::of(&rustix::fs::fstat(directory)?);
                Ok((Folder::open(directory.try_clone()?)?, facts))
            }
            Side::Ext4(reader) => {
                let root = reader.root()?;
                Ok((Folder::Ext4(reader.names(&root)?), Facts::in_ext4(&root)))
            }
        }
    }

    pub(super) fn look(&self, folder: &Folder, name: &OsStr) -> io::Result<Facts> {
        match (self, folder) {
            (_, Folder::Directory(at, _)) => Ok(Facts::of(&rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?)),
            (Side::Ext4(reader), Folder::Ext4(names)) => Ok(Facts::in_ext4(&reader.inode(numbered(names, name)?)?)),
            (Side::Directory(_), Folder::Ext4(_)) => Err(mixed()),
        }
    }

    pub(super) fn enter(&self, folder: &Folder, name: &OsStr) -> io::Result<Folder> {
        match (self, folder) {
            (_, Folder::Directory(at, _)) => Folder::open(rustix::fs::openat(
                at,
                name,
                flags() | OFlags::DIRECTORY,
                Mode::empty(),
            )?),
            (Side::Ext4(reader), Folder::Ext4(names)) => {
                Ok(Folder::Ext4(reader.names(&reader.inode(numbered(names, name)?)?)?))
            }
            (Side::Directory(_), Folder::Ext4(_)) => Err(mixed()),
        }
    }

    /// Where a symbolic link leads.
    pub(super) fn target(&self, folder: &Folder, name: &OsStr) -> io::Result<Vec<u8>> {
        match (self, folder) {
            (_, Folder::Directory(at, _)) => Ok(rustix::fs::readlinkat(at, name, Vec::new())?.into_bytes()),
            (Side::Ext4(reader), Folder::Ext4(names)) => reader.target(&reader.inode(numbered(names, name)?)?),
            (Side::Directory(_), Folder::Ext4(_)) => Err(mixed()),
        }
    }

    /// All extended attributes of a name in a folder, or with `.` of the top itself.
    pub(super) fn attributes(
        &self,
        folder: &Folder,
        name: &OsStr,
        facts: &Facts,
    ) -> io::Result<BTreeMap<OsString, Vec<u8>>> {
        match (self, folder) {
            (_, Folder::Directory(at, _)) => attributes_of(at, name),
            (Side::Ext4(reader), Folder::Ext4(_)) => {
                let number = u32::try_from(facts.inode).map_err(io::Error::other)?;
                reader.attributes(&reader.inode(number)?, false)
            }
            (Side::Directory(_), Folder::Ext4(_)) => Err(mixed()),
        }
    }

    /// Opens a plain file by its path from the top or by its inode; no link is followed.
    pub(super) fn open(&self, path: &Path, inode: u64) -> io::Result<Opened<'_>> {
        match self {
            Side::Directory(root) => {
                let wish = flags() | OFlags::NONBLOCK;
                let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
                let path = path.strip_prefix("/").unwrap_or(path);
                let file = rustix::fs::openat2(root, path, wish, Mode::empty(), within)?;
                Ok(Opened::File(file.into()))
            }
            Side::Ext4(reader) => {
                let inode = reader.inode(u32::try_from(inode).map_err(io::Error::other)?)?;
                Ok(Opened::Ext4(reader, reader.content(&inode)?))
            }
        }
    }
}

impl Opened<'_> {
    pub(super) fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Opened::File(file) => file.read_exact_at(into, at),
            Opened::Ext4(reader, content) => content.read_exact_at(reader, into, at),
        }
    }
}

impl Folder {
    fn open(directory: OwnedFd) -> io::Result<Folder> {
        let names = names_in(&directory)?;
        Ok(Folder::Directory(directory, names))
    }

    /// In bytewise order.
    pub(super) fn names(&self) -> Vec<&OsString> {
        match self {
            Folder::Directory(_, names) => names.iter().collect(),
            Folder::Ext4(names) => names.keys().collect(),
        }
    }
}

impl Facts {
    #[allow(clippy::useless_conversion)] // A count of links is narrower on aarch64.
    fn of(stat: &Stat) -> Facts {
        Facts {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            user: stat.st_uid,
            group: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            taken: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
            modified: stat.st_mtime,
            links: u64::from(stat.st_nlink),
            inode: stat.st_ino,
            device: (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)),
            on: stat.st_dev,
        }
    }

    fn in_ext4(inode: &Inode) -> Facts {
        Facts {
            kind: inode.kind(),
            mode: inode.mode() & 0o7777,
            user: inode.user(),
            group: inode.group(),
            size: inode.size(),
            taken: inode.taken(),
            modified: inode.modified(),
            links: inode.links(),
            inode: u64::from(inode.number),
            device: inode.device(),
            on: 0,
        }
    }
}

pub(super) fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY
}

fn numbered(names: &BTreeMap<OsString, u32>, name: &OsStr) -> io::Result<u32> {
    names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// A folder of an ext4 comes from an ext4.
fn mixed() -> io::Error {
    io::Error::other("a directory of another tree")
}

/// All extended attributes of a name, by the path of its directory's descriptor: no call takes both.
fn attributes_of(directory: &OwnedFd, name: &OsStr) -> io::Result<BTreeMap<OsString, Vec<u8>>> {
    let path = Path::new("/proc/self/fd")
        .join(directory.as_fd().as_raw_fd().to_string())
        .join(name);
    let path = CString::new(path.into_os_string().into_encoded_bytes())?;
    let names = whole(|buffer| rustix::fs::llistxattr(&path, buffer))?;
    let mut all = BTreeMap::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let c_name = CString::new(name)?;
        let value = whole(|buffer| rustix::fs::lgetxattr(&path, &c_name, buffer))?;
        all.insert(OsStr::from_bytes(name).to_owned(), value);
    }
    Ok(all)
}

/// All that a call gives, in a buffer that grows until it fits; the kernel keeps no more than 64 KiB (xattr(7)).
///
/// Asked with an empty buffer rustix answers 0 and not the length that the kernel gives.
fn whole(mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 10];
    loop {
        match call(&mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(Errno::RANGE) if buffer.len() < 64 << 10 => buffer.resize(buffer.len() * 4, 0),
            Err(error) => return Err(error.into()),
        }
    }
}
