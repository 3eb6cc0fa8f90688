//! The one place that writes files of the builder host: whole and flushed, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, OFlags};

use super::error::{Explain, HostError, Kind, Result};
use crate::digest::Digest;

/// Puts a file with these bytes in place of what is there: a reader sees the old or the new file, also after a crash.
/// New files get the permission bits 0644 without the umask's; a file that is replaced keeps its own, and its owner where
/// that is allowed. A link to a file stays a link. What passes bytes on, a pipe or `/dev/null`, is written to.
///
/// # Errors
/// As write(2) and rename(2), with the path; [`Kind::WrongType`] if a disk, a socket or a directory is there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_from(path, bytes).map(|_| ())
}

/// The kind alone: the text has the number of the error and the name of a file that nobody asked for.
fn cannot_begin(path: &Path, error: &std::io::Error) -> HostError {
    match error.kind() {
        std::io::ErrorKind::NotFound => HostError::new(
            Kind::NotFound,
            format!("write {}", path.display()),
            "its directory does not exist",
        ),
        kind => HostError::on_path("write", path, std::io::Error::from(kind)),
    }
}

fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o644), |old| old.permissions())
}

/// Gives a new file the owner of the one that it replaces; who may not do that becomes the owner.
fn keep_owner(path: &Path, new: &File) {
    use std::os::unix::fs::MetadataExt;
    if let Ok(old) = fs::metadata(path) {
        let _ = std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid()));
    }
}

/// What is where bytes shall go.
enum Target {
    /// A file, or nothing yet; links are followed.
    File(PathBuf),
    /// What passes bytes on: a new file in its place would take the device or pipe from everybody else.
    Stream,
}

impl Target {
    fn of(path: &Path) -> Result<Target> {
        match fs::metadata(path).map(|found| found.file_type()) {
            Ok(kind) if kind.is_file() => {
                let file = fs::canonicalize(path).map_err(|error| HostError::on_path("write", path, error))?;
                Ok(Target::File(file))
            }
            Ok(kind) if kind.is_fifo() || kind.is_char_device() => Ok(Target::Stream),
            Ok(kind) if kind.is_dir() => Err(HostError::on_path("write", path, rustix::io::Errno::ISDIR)),
            Ok(_) => Err(no_file(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Target::File(path.to_owned())),
            Err(error) => Err(HostError::on_path("write", path, error)),
        }
    }
}

fn no_file(path: &Path) -> HostError {
    HostError::new(
        Kind::WrongType,
        format!("write {}", path.display()),
        "it is no plain file",
    )
}

/// A pipe that nobody reads is an error ([`Kind::NotFound`]) and not waited for (fifo(7)).
fn open_stream(path: &Path) -> std::io::Result<File> {
    let stream = OpenOptions::new()
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)?;
    let flags = rustix::fs::fcntl_getfl(&stream)?;
    rustix::fs::fcntl_setfl(&stream, flags - OFlags::NONBLOCK)?;
    Ok(stream)
}

/// A file that is being made beside its place; dropped, it is removed.
#[derive(Debug)]
pub struct Coming {
    new: tempfile::NamedTempFile,
    place: PathBuf,
}

impl Coming {
    /// An empty one in the directory in which it will be kept, with the permission bits that it will have.
    ///
    /// # Errors
    /// As open(2); [`Kind::WrongType`] if something other than a file is in its place.
    pub fn beside(path: &Path) -> Result<Coming> {
        let Target::File(place) = Target::of(path)? else {
            return Err(no_file(path));
        };
        let new = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(permissions(&place))
            .tempfile_in(parent(&place))
            .map_err(|error| cannot_begin(path, &error))?;
        Ok(Coming { new, place })
    }

    /// Only its owner may read it, then and later.
    ///
    /// # Errors
    /// As fchmod(2).
    pub fn private(self) -> Result<Coming> {
        use std::os::unix::fs::PermissionsExt;
        let set = self.new.as_file().set_permissions(fs::Permissions::from_mode(0o600));
        set.map_err(|error| HostError::on_path("write", &self.place, error))?;
        Ok(self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.new.path()
    }

    /// Flushes it and puts it in its place, over what is there.
    ///
    /// # Errors
    /// As fsync(2) and rename(2).
    pub fn keep(self) -> Result<()> {
        let failed = |error| HostError::on_path("write", &self.place, error);
        // By its name: a program may have put another file there.
        let file = File::open(self.new.path()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        keep_owner(&self.place, &file);
        self.new.persist(&self.place).map_err(|error| failed(error.error))?;
        sync_directory(parent(&self.place))
    }

    fn copy(&mut self, bytes: &mut impl Read) -> Result<u64> {
        std::io::copy(bytes, self.new.as_file_mut()).map_err(|error| HostError::on_path("write", &self.place, error))
    }
}

/// Like [`replace`] with a reader for the bytes; answers how many there were.
///
/// # Errors
/// As [`replace`], and read(2) of the reader.
pub fn replace_from(path: &Path, mut bytes: impl Read) -> Result<u64> {
    if let Target::Stream = Target::of(path)? {
        let passed = open_stream(path).and_then(|mut stream| std::io::copy(&mut bytes, &mut stream));
        return passed.map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ENXIO) => HostError::new(
                Kind::NotFound,
                format!("write {}", path.display()),
                "nobody reads this pipe",
            ),
            _ => HostError::on_path("write", path, error),
        });
    }
    let mut new = Coming::beside(path)?;
    let copied = new.copy(&mut bytes)?;
    new.keep()?;
    Ok(copied)
}

/// Writes bytes into a file or block device that is there, at an offset, and flushes them: what is written to a device
/// stays in its own page cache until then, also when the device is looked at through another one.
///
/// # Errors
/// As open(2), pwrite(2) and fsync(2).
pub fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path);
    let written = file.and_then(|file| file.write_all_at(bytes, at).and_then(|()| file.sync_all()));
    written.map_err(|error| HostError::on_path("write to", path, error))
}

/// Flushes a file.
///
/// # Errors
/// As fsync(2).
pub fn flush(path: &Path) -> Result<()> {
    let flushed = File::open(path).and_then(|file| file.sync_all());
    flushed.map_err(|error| HostError::on_path("write back", path, error))
}

/// Reads a whole file, if it has an end: no device, no fifo.
/// # Errors
/// As open(2) and read(2), with the path.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = match fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(std::io::Error::other("it is no plain file")),
        _ => fs::read(path),
    };
    bytes.map_err(|error| HostError::on_path("read", path, error))
}

/// Whether a file begins with these bytes. Nothing more of it is read; one that cannot be read does not.
pub fn begins_with(path: &Path, beginning: &[u8]) -> bool {
    let mut read = Vec::new();
    let wanted = beginning.len() as u64;
    let done = File::open(path).and_then(|file| file.take(wanted).read_to_end(&mut read));
    done.is_ok() && read == beginning
}

/// Gives a file another name in one step, over what was there, and flushes the directory.
///
/// # Errors
/// As rename(2).
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    let renamed = fs::rename(from, to);
    renamed.doing(|| format!("rename {} to {}", from.display(), to.display()))?;
    sync_directory(parent(to))
}

/// Opens a file to be read.
///
/// # Errors
/// As open(2).
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| HostError::on_path("open", path, error))
}

/// Like [`replace_from`], if the bytes have this digest; else what was there stays, and the digest that they have is
/// answered.
///
/// # Errors
/// As [`replace_from`].
pub fn replace_if(path: &Path, bytes: &mut impl Read, wanted: &Digest) -> Result<std::result::Result<(), Digest>> {
    let mut new = Coming::beside(path)?;
    new.copy(bytes)?;
    let again = new.new.as_file_mut().seek(SeekFrom::Start(0));
    let is = again.and_then(|_| Digest::of_reader(new.new.as_file()));
    let is = is.map_err(|error| HostError::on_path("read", path, error))?;
    if is != *wanted {
        return Ok(Err(is));
    }
    Ok(Ok(new.keep()?))
}

/// Gives a file a second name, or where that is another file system a copy.
///
/// # Errors
/// As link(2) and write(2).
pub fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => fs::copy(from, to)
            .map(|_| ())
            .map_err(|error| HostError::on_path("copy", from, error)),
    }
}

/// Gives a file a second name in the same file system, with its bytes and the name flushed.
///
/// # Errors
/// As link(2): [`super::Kind::Exists`] if the name is taken, [`super::Kind::Unsupported`] or [`super::Kind::Denied`] where
/// the file system has no second names.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    let flushed = File::open(from).and_then(|file| file.sync_all());
    let linked = flushed.and_then(|()| fs::hard_link(from, to));
    linked.doing(|| format!("link {} to {}", from.display(), to.display()))?;
    sync_directory(parent(to))
}

/// Removes a file; it is no error if there is none.
///
/// # Errors
/// As unlink(2).
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(parent(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(HostError::on_path("remove", path, error)),
    }
}

/// Removes a directory with everything in it; it is no error if there is none. Links in it are removed, not followed.
///
/// # Errors
/// As unlink(2) and rmdir(2).
pub fn remove_dir_all(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(HostError::on_path("remove", path, error)),
    }
}

/// Removes an empty directory; it is no error if there is none.
///
/// # Errors
/// As rmdir(2): [`super::Kind::Exists`] if it is not empty.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(HostError::on_path("remove", path, error)),
    }
}

/// Makes a directory and its parents.
///
/// # Errors
/// As mkdir(2).
pub fn create_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| HostError::on_path("make directory", path, error))
}

/// A file without a name, in memory, that holds these bytes and is read from its beginning.
///
/// # Errors
/// When there is no memory or descriptor for it.
pub fn in_memory(name: &str, bytes: &[u8]) -> Result<OwnedFd> {
    let operation = || "keep bytes in memory".to_owned();
    let descriptor = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC).doing(operation)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes).doing(operation)?;
    file.seek(SeekFrom::Start(0)).doing(operation)?;
    Ok(file.into())
}

/// Opens a file for its owner to lock; it is made if there is none.
pub(super) fn open_lock(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path);
    file.map_err(|error| HostError::on_path("open", path, error))
}

pub(super) fn create_new(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    file.map_err(|error| HostError::on_path("make", path, error))
}

/// Flushes a directory's entries: without it a new name may be gone after a crash.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let synced = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
        .and_then(|directory| rustix::fs::fsync(directory.as_fd()));
    synced.map_err(|error| HostError::on_path("flush directory", path, error))
}

pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        (directory, path)
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let (directory, path) = here();
        replace(&path, b"old").unwrap();
        let reader = File::open(&path).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(std::io::read_to_string(reader).unwrap(), "old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let (directory, path) = here();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&path, b"old").unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let is_device = || fs::metadata("/dev/full").unwrap().file_type().is_char_device();
        assert!(is_device(), "this host has lost its /dev/full");
        for device in ["/dev/full", "/dev/null"] {
            // Reached by a link: a mistake costs the link and not the device.
            let link = directory.path().join("device");
            std::os::unix::fs::symlink(device, &link).unwrap();
            let written = replace(&link, b"x").map_err(|error| error.kind);
            assert_eq!(written, if device == "/dev/full" { Err(Kind::Full) } else { Ok(()) });
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            fs::remove_file(&link).unwrap();
        }
        let socket = directory.path().join("socket");
        let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for wrong in [socket.as_path(), directory.path()] {
            assert_eq!(replace(wrong, b"x").unwrap_err().kind, Kind::WrongType);
        }
    }

    #[test]
    fn an_error_names_the_file_and_what_was_done() {
        let (_directory, path) = here();
        let error = read(&path).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert_eq!(
            error.to_string(),
            format!("cannot read {}: it does not exist", path.display())
        );
        let inside = path.join("below");
        replace(&path, b"").unwrap();
        assert_eq!(replace(&inside, b"").unwrap_err().kind, Kind::WrongType);
    }
}
