//! Files inside an image's root, reached so that no link in it leads out to the host.
//!
//! The kernel resolves every path (openat2(2), `RESOLVE_IN_ROOT`): `/` and `..` end at the root, absolute links start
//! there. What is opened for reading or writing is checked to be a plain file before a byte moves.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::error::{Explain, HostError, Kind, Result};
use super::stack::roomy;

/// How often a look-up is repeated that a rename elsewhere disturbed (`EAGAIN`).
const ATTEMPTS: usize = 1000;

/// The root of an image, held open. While it is held, its file system cannot be unmounted.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

/// What a file or directory shall have; what is `None` stays as it is (new files: root's, 0644, directories 0755).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, with set-user-id and the like.
    pub mode: Option<u32>,
    /// User id.
    pub user: Option<u32>,
    /// Group id.
    pub group: Option<u32>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A plain file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, fifo or socket.
    Special,
}

/// What is known about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Type,
    /// Permission bits, with set-user-id and the like.
    pub mode: u32,
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
    /// Bytes.
    pub size: u64,
    /// Device number of the file system that it is on.
    pub device: u64,
    /// Seconds after 1970 at which its content last changed.
    pub modified: i64,
    /// When it last changed in any way: seconds after 1970, and the nanoseconds of the second.
    pub changed: (i64, u64),
}

impl Root {
    /// From an open directory.
    pub fn new(directory: OwnedFd) -> Root {
        Root { directory }
    }

    /// Opens a directory of the host as a root.
    ///
    /// # Errors
    /// As open(2).
    pub fn open(path: &Path) -> Result<Root> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty());
        directory
            .map(Root::new)
            .map_err(|error| HostError::on_path("open", path, error))
    }

    /// Opens a plain file for reading.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::WrongType`] if it is anything else.
    pub fn open_file(&self, path: &str) -> Result<File> {
        let operation = || format!("read {path} in the image");
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.resolve(path, flags, Mode::empty()).doing(operation)?;
        plain(file, operation)
    }

    /// Opens a plain file for writing, made if there is none and emptied otherwise; a link is followed inside the root.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if it is anything else.
    pub fn create_file(&self, path: &str, mode: u32) -> Result<File> {
        let operation = || format!("write {path} in the image");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self
            .resolve(path, flags, Mode::from_bits_truncate(mode))
            .doing(operation)?;
        let file = plain(file, operation)?;
        file.set_len(0).doing(operation)?;
        Ok(file)
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::WrongType`].
    pub fn open_dir(&self, path: &str) -> Result<OwnedFd> {
        self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            .doing(|| format!("open directory {path} in the image"))
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`Root::open_file`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(path)?
            .read_to_end(&mut bytes)
            .doing(|| format!("read {path} in the image"))?;
        Ok(bytes)
    }

    /// Writes a whole file; its parents must be there.
    ///
    /// # Errors
    /// As [`Root::create_file`]; [`Kind::Full`].
    pub fn write(&self, path: &str, bytes: &[u8], attributes: &Attributes) -> Result<()> {
        self.write_from(path, bytes, attributes)
    }

    /// Writes a whole file from a reader; its parents must be there.
    ///
    /// # Errors
    /// As [`Root::create_file`]; [`Kind::Full`].
    pub fn write_from(&self, path: &str, mut bytes: impl Read, attributes: &Attributes) -> Result<()> {
        let operation = || format!("write {path} in the image");
        let mut file = self.create_file(path, 0o600)?;
        let copied = std::io::copy(&mut bytes, &mut file).and_then(|_| file.flush());
        copied.doing(operation)?;
        let whole = Attributes {
            mode: attributes.mode.or(Some(0o644)),
            ..attributes.clone()
        };
        apply(file.as_fd(), &whole).doing(operation)
    }

    /// Makes a directory and its missing parents (0755). Links to directories on the way are followed inside the root.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if something else is in the way.
    pub fn make_dirs(&self, path: &str) -> Result<()> {
        let mut so_far = String::from("/");
        for name in names(path)? {
            so_far.push_str(&name.to_string_lossy());
            if self.open_dir(&so_far).is_err() {
                self.make_dir(&so_far)?;
            }
            so_far.push('/');
        }
        Ok(())
    }

    /// Makes one directory (0755); it is no error if it is there.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if something else is there.
    pub fn make_dir(&self, path: &str) -> Result<()> {
        let operation = || format!("make directory {path} in the image");
        let (parent, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&parent, name.as_os_str(), Mode::from_bits_truncate(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) => return self.open_dir(path).map(drop),
            Err(error) => return Err(HostError::of_io(operation(), error)),
        }
        // The umask took bits away.
        let made = self.open_dir(path)?;
        rustix::fs::fchmod(made, Mode::from_bits_truncate(0o755)).doing(operation)
    }

    /// Makes a symbolic link with this text; what is there must be removed before.
    ///
    /// # Errors
    /// [`Kind::Exists`].
    pub fn symlink(&self, text: &OsStr, path: &str) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        rustix::fs::symlinkat(text, parent, name.as_os_str()).doing(|| format!("make link {path} in the image"))
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::Invalid`] if it is none.
    pub fn read_link(&self, path: &str) -> Result<OsString> {
        let (parent, name) = self.parent(path)?;
        let text = rustix::fs::readlinkat(parent, name.as_os_str(), Vec::new());
        let text = text.doing(|| format!("read link {path} in the image"))?;
        Ok(OsString::from_vec(text.into_bytes()))
    }

    /// What a path leads to, following links; `None` if there is nothing.
    ///
    /// # Errors
    /// As openat2(2), but for `ENOENT`.
    pub fn metadata(&self, path: &str) -> Result<Option<Metadata>> {
        self.look(path, OFlags::PATH)
    }

    /// What a path is, a link itself; `None` if there is nothing.
    ///
    /// # Errors
    /// As openat2(2), but for `ENOENT`.
    pub fn link_metadata(&self, path: &str) -> Result<Option<Metadata>> {
        self.look(path, OFlags::PATH | OFlags::NOFOLLOW)
    }

    fn look(&self, path: &str, flags: OFlags) -> Result<Option<Metadata>> {
        let operation = || format!("look at {path} in the image");
        match self.resolve(path, flags, Mode::empty()) {
            Ok(found) => Ok(Some(Metadata::of(&rustix::fs::fstat(found).doing(operation)?))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(HostError::of_io(operation(), error)),
        }
    }

    /// The names in a directory, in order.
    ///
    /// # Errors
    /// As [`Root::open_dir`].
    pub fn list(&self, path: &str) -> Result<Vec<OsString>> {
        let directory = self.open_dir(path)?;
        names_in(&directory).doing(|| format!("read directory {path} in the image"))
    }

    /// Removes a file, a link, or a directory with everything in it, but nothing on another file system mounted there.
    /// It is no error if there is nothing.
    ///
    /// # Errors
    /// [`Kind::Busy`] if something is mounted on it.
    pub fn remove(&self, path: &str) -> Result<()> {
        let (parent, name) = match self.parent(path) {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        remove_at(parent.as_fd(), &name).doing(|| format!("remove {path} in the image"))
    }

    /// The same of an entry of a directory, whose name may be no text; a link to the directory is followed inside the root.
    ///
    /// # Errors
    /// As [`Root::remove`], and [`Root::open_dir`].
    pub fn remove_from(&self, directory: &str, name: &OsStr) -> Result<()> {
        let opened = self.open_dir(directory)?;
        remove_at(opened.as_fd(), name).doing(|| format!("remove {directory}/{} in the image", name.to_string_lossy()))
    }

    /// Gives something another name, over what was there.
    ///
    /// # Errors
    /// As rename(2).
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (old_parent, old) = self.parent(from)?;
        let (new_parent, new) = self.parent(to)?;
        rustix::fs::renameat(old_parent, old.as_os_str(), new_parent, new.as_os_str())
            .doing(|| format!("rename {from} to {to} in the image"))
    }

    /// Sets owner, group and mode of a file or directory; a link is followed inside the root.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::WrongType`] for what is neither.
    pub fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        let operation = || format!("set mode and owner of {path} in the image");
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let found = self.resolve(path, flags, Mode::empty()).doing(operation)?;
        apply(found.as_fd(), attributes).doing(operation)
    }

    /// Sets owner and group of a link itself.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn set_link_owner(&self, path: &str, user: Option<u32>, group: Option<u32>) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
        rustix::fs::chownat(parent, name.as_os_str(), user, group, AtFlags::SYMLINK_NOFOLLOW)
            .doing(|| format!("set the owner of {path} in the image"))
    }

    /// Sets when the content of a path last changed, and when it was read, in seconds after 1970; a link is not followed.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn set_modified(&self, path: &str, seconds: i64) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(parent, name.as_os_str(), &times, AtFlags::SYMLINK_NOFOLLOW)
            .doing(|| format!("set the time of {path} in the image"))
    }

    /// Whether the file system of the root keeps extended attributes of users (xattr(7), `user.`).
    ///
    /// # Errors
    /// As fsetxattr(2).
    pub fn takes_attributes(&self) -> Result<bool> {
        const NAME: &str = "user.bake";
        let directory = open_again(self.directory.as_fd()).doing(|| "look at a file system".to_owned())?;
        let set = rustix::fs::fsetxattr(&directory, NAME, b"", rustix::fs::XattrFlags::empty());
        match set.and_then(|()| rustix::fs::fremovexattr(&directory, NAME)) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(HostError::of_io("look at a file system", error)),
        }
    }

    /// How many bytes the file system of the root has left, without those that it reserves for root.
    ///
    /// # Errors
    /// As fstatvfs(3).
    pub fn free(&self) -> Result<u64> {
        let statistics = open_again(self.directory.as_fd()).and_then(rustix::fs::fstatvfs);
        let statistics = statistics.doing(|| "ask for the free space of a file system".to_owned())?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }

    /// The directory in which a path's last name stands, and that name.
    fn parent(&self, path: &str) -> Result<(OwnedFd, OsString)> {
        let mut all = names(path)?;
        let operation = || format!("reach {path} in the image");
        let last = all
            .pop()
            .ok_or_else(|| HostError::new(Kind::Invalid, operation(), "it is the root itself"))?;
        let parent: PathBuf = std::iter::once(OsString::from("/")).chain(all).collect();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let parent = resolve_in(self.directory.as_fd(), &parent, flags, Mode::empty()).doing(operation)?;
        Ok((parent, last))
    }

    fn resolve(&self, path: &str, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        resolve_in(self.directory.as_fd(), Path::new(path), flags, mode)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Opens a path inside a directory, links resolved inside it. A rename or mount elsewhere makes the kernel give up a
/// look-up through `..` with `EAGAIN` (openat2(2)), so it is repeated.
pub(super) fn resolve_in(root: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, mode, how) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// A descriptor that can be read from, of one that is only a path.
fn open_again(directory: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(
        directory,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

impl Metadata {
    fn of(stat: &rustix::fs::Stat) -> Metadata {
        Metadata {
            kind: type_of(stat),
            mode: stat.st_mode & 0o7777,
            user: stat.st_uid,
            group: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            device: stat.st_dev,
            modified: stat.st_mtime,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

fn type_of(stat: &rustix::fs::Stat) -> Type {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Type::File,
        FileType::Directory => Type::Directory,
        FileType::Symlink => Type::Link,
        _ => Type::Special,
    }
}

/// Only a plain file: a device node in an image could be the host's disk, and a fifo would make bake wait for ever.
fn plain(file: OwnedFd, operation: impl Fn() -> String) -> Result<File> {
    let stat = rustix::fs::fstat(&file).doing(&operation)?;
    match type_of(&stat) {
        Type::File => Ok(File::from(file)),
        _ => Err(HostError::new(Kind::WrongType, operation(), "it is not a plain file")),
    }
}

fn apply(file: BorrowedFd<'_>, attributes: &Attributes) -> rustix::io::Result<()> {
    // The owner first: changing it takes set-user-id away (chown(2)).
    if attributes.user.is_some() || attributes.group.is_some() {
        let (user, group) = (attributes.user.map(Uid::from_raw), attributes.group.map(Gid::from_raw));
        rustix::fs::fchown(file, user, group)?;
    }
    attributes
        .mode
        .map_or(Ok(()), |mode| rustix::fs::fchmod(file, Mode::from_bits_truncate(mode)))
}

pub(super) fn names_in(directory: &OwnedFd) -> rustix::io::Result<Vec<OsString>> {
    let mut names = as_listed(directory)?;
    names.sort();
    Ok(names)
}

/// The names in a directory in the order in which its file system lists them.
pub(super) fn as_listed(directory: &OwnedFd) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_owned();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

/// Removes without following any link: each directory is opened as one (`O_NOFOLLOW`) before its names are removed.
fn remove_at(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        other => return other,
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let how = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    let directory = match rustix::fs::openat2(parent, name, flags, Mode::empty(), how) {
        Err(Errno::XDEV) => return Err(Errno::BUSY),
        other => other?,
    };
    for child in names_in(&directory)? {
        roomy(|| remove_at(directory.as_fd(), &child))?;
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// The names of a path. `..` is refused: bake never writes one, and after a link it would mean something else.
fn names(path: &str) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) if !name.as_bytes().contains(&0) => names.push(name.to_owned()),
            _ => {
                let operation = format!("reach {path} in the image");
                return Err(HostError::new(
                    Kind::Invalid,
                    operation,
                    "it has a part that is no name, such as `..`",
                ));
            }
        }
    }
    Ok(names)
}
