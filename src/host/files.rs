//! The one place that writes files of the builder host: whole and flushed, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, OFlags};
use rustix::io::Errno;

use super::error::{Explain, HostError, Result};
use crate::digest::Digest;

/// Bytes that are copied or compared at a time.
const BLOCK: usize = 1 << 20;

/// Puts a file with these bytes in place of what is there: a reader sees the old or the new file, also after a crash.
/// New files get the permission bits 0644 without the umask's; a file that is replaced keeps its own, and its owner where
/// that is allowed.
///
/// # Errors
/// As write(2) and rename(2), with the path.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_from(path, bytes).map(|_| ())
}

/// The kind alone: the text has the number of the error and the name of a file that nobody asked for.
fn cannot_begin(path: &Path, error: &std::io::Error) -> HostError {
    HostError::on_path("write", path, std::io::Error::from(error.kind()))
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

/// Like [`replace`] with a reader for the bytes; answers how many there were.
///
/// # Errors
/// As read(2) of the reader, write(2) and rename(2).
pub fn replace_from(path: &Path, mut bytes: impl Read) -> Result<u64> {
    let directory = parent(path);
    let mut new = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(permissions(path))
        .tempfile_in(directory)
        .map_err(|error| cannot_begin(path, &error))?;
    let copied = std::io::copy(&mut bytes, &mut new).and_then(|copied| new.as_file().sync_all().map(|()| copied));
    let copied = copied.map_err(|error| HostError::on_path("write", path, error))?;
    keep_owner(path, new.as_file());
    new.persist(path)
        .map_err(|error| HostError::on_path("write", path, error.error))?;
    sync_directory(directory)?;
    Ok(copied)
}

/// A file that only grows, one record a line. A crash can tear its last line; [`Log::open`] takes a torn one away.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens a log, or makes it with its entry in the directory flushed. What follows its last newline is cut off.
    ///
    /// # Errors
    /// As open(2) and write(2).
    pub fn open(path: &Path) -> Result<Log> {
        let fresh = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path);
        let file = file.map_err(|error| HostError::on_path("open", path, error))?;
        if fresh {
            sync_directory(parent(path))?;
        }
        let mut log = Log {
            file,
            path: path.to_owned(),
        };
        log.mend()?;
        Ok(log)
    }

    /// Adds a line; `line` has no newline of its own.
    ///
    /// # Errors
    /// As write(2).
    pub fn append(&mut self, line: &[u8]) -> Result<()> {
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        let written = self.file.write_all(&whole);
        written.map_err(|error| HostError::on_path("write to", &self.path, error))
    }

    /// Waits until everything that was added is on the disk.
    ///
    /// # Errors
    /// As fdatasync(2).
    pub fn flush(&mut self) -> Result<()> {
        let flushed = self.file.sync_data();
        flushed.map_err(|error| HostError::on_path("write to", &self.path, error))
    }

    /// The open file, to be locked by its owner.
    pub fn file(&self) -> &File {
        &self.file
    }

    fn mend(&mut self) -> Result<()> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
        let total = read.map_err(|error| HostError::on_path("read", &self.path, error))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < total {
            let cut = self.file.set_len(whole as u64);
            cut.map_err(|error| HostError::on_path("write to", &self.path, error))?;
        }
        Ok(())
    }
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

/// Makes a file of `size` bytes that takes no space yet.
///
/// # Errors
/// [`super::Kind::Exists`] if there is one.
pub fn create_sparse(path: &Path, size: u64) -> Result<()> {
    let file = create_new(path)?;
    let sized = file.set_len(size).and_then(|()| file.sync_all());
    sized.map_err(|error| HostError::on_path("make", path, error))?;
    sync_directory(parent(path))
}

/// Gives a file another size; what is added takes no space yet.
///
/// # Errors
/// As ftruncate(2).
pub fn resize(path: &Path, size: u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path);
    let resized = file.and_then(|file| file.set_len(size).and_then(|()| file.sync_all()));
    resized.map_err(|error| HostError::on_path("resize", path, error))
}

/// Copies a file that may have holes, to a path where nothing is: as a reflink where the file system can, else the
/// parts that hold data. The copy is the same byte for byte, and flushed; what was begun is removed on failure.
///
/// # Errors
/// [`super::Kind::Full`] and the like.
pub fn copy_sparse(from: &Path, to: &Path) -> Result<()> {
    let operation = || format!("copy {} to {}", from.display(), to.display());
    let source = File::open(from).doing(operation)?;
    let target = create_new(to)?;
    let copied = copy_into(&source, &target).doing(operation);
    let copied = copied.and_then(|()| target.sync_all().doing(operation));
    if copied.is_err() {
        let _ = fs::remove_file(to);
        return copied;
    }
    sync_directory(parent(to))
}

fn copy_into(source: &File, target: &File) -> std::io::Result<()> {
    if rustix::fs::ioctl_ficlone(target, source).is_ok() {
        return Ok(());
    }
    let size = source.metadata()?.len();
    target.set_len(size)?;
    for_each_extent(source, size, |start, end| copy_range(source, target, start, end))
}

/// Calls `visit(start, end)` for each part of a file that holds data, in order (lseek(2), `SEEK_DATA`).
pub(super) fn for_each_extent(
    file: &File,
    size: u64,
    mut visit: impl FnMut(u64, u64) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(start))?;
        visit(start, end.min(size))?;
        at = end;
    }
    Ok(())
}

fn copy_range(source: &File, target: &File, start: u64, end: u64) -> std::io::Result<()> {
    let (mut from, mut to) = (start, start);
    while from < end {
        let wish = usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 30);
        match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), wish) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return copy_by_hand(source, target, from, end);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_by_hand(source: &File, target: &File, start: u64, end: u64) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut at = start;
    while at < end {
        let wish = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
        let count = source.read_at(&mut block[..wish], at)?;
        if count == 0 {
            return Ok(());
        }
        target.write_all_at(&block[..count], at)?;
        at += count as u64;
    }
    Ok(())
}

/// Calls `visit(offset, bytes)` for each block of a file that holds data, in order; what is left out are zeros.
/// Blocks are as the file system stores them, so two equal files may be cut differently.
///
/// # Errors
/// As read(2).
pub fn read_sparse(path: &Path, mut visit: impl FnMut(u64, &[u8])) -> Result<u64> {
    let operation = || format!("read {}", path.display());
    let file = File::open(path).doing(operation)?;
    let size = file.metadata().doing(operation)?.len();
    let mut block = vec![0; BLOCK];
    let visited = for_each_extent(&file, size, |start, end| {
        let mut at = start;
        while at < end {
            let wish = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
            file.read_exact_at(&mut block[..wish], at)?;
            visit(at, &block[..wish]);
            at += wish as u64;
        }
        Ok(())
    });
    visited.doing(operation)?;
    Ok(size)
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
    let directory = parent(path);
    let mut new = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(permissions(path))
        .tempfile_in(directory)
        .map_err(|error| cannot_begin(path, &error))?;
    let failed = |error: std::io::Error| HostError::on_path("write", path, error);
    std::io::copy(bytes, &mut new)
        .and_then(|_| new.as_file().sync_all())
        .and_then(|()| new.as_file_mut().seek(SeekFrom::Start(0)))
        .map_err(failed)?;
    let is = Digest::of_reader(new.as_file()).map_err(failed)?;
    if is != *wanted {
        return Ok(Err(is));
    }
    new.persist(path).map_err(|error| failed(error.error))?;
    sync_directory(directory)?;
    Ok(Ok(()))
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

/// A directory under the system's directory for temporary files that is removed when the value is dropped.
///
/// # Errors
/// As mkdir(2).
pub fn temporary_dir() -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("bake-")
        .tempdir()
        .doing(|| "make a temporary directory".into())
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

fn create_new(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    file.map_err(|error| HostError::on_path("make", path, error))
}

/// Flushes a directory's entries: without it a new name may be gone after a crash.
fn sync_directory(path: &Path) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let synced = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
        .and_then(|directory| rustix::fs::fsync(directory.as_fd()));
    synced.map_err(|error| HostError::on_path("flush directory", path, error))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Kind;

    fn here() -> (tempfile::TempDir, PathBuf) {
        let directory = temporary_dir().unwrap();
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

    #[test]
    fn a_torn_line_is_cut_off_and_the_rest_kept() {
        let (_directory, path) = here();
        let mut log = Log::open(&path).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        log.flush().unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"thr")
            .unwrap();
        let mut log = Log::open(&path).unwrap();
        log.append(b"four").unwrap();
        assert_eq!(read(&path).unwrap(), b"one\ntwo\nfour\n");
    }

    #[test]
    fn a_sparse_copy_is_the_same_and_as_sparse() {
        use std::os::unix::fs::MetadataExt;
        let (directory, path) = here();
        let size = 64 << 20;
        create_sparse(&path, size).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for at in [0, 5_000_001, size - 3] {
            file.write_all_at(b"xyz", at).unwrap();
        }
        let copy = directory.path().join("copy");
        copy_sparse(&path, &copy).unwrap();
        assert!(read(&path).unwrap() == read(&copy).unwrap());
        assert!(fs::metadata(&copy).unwrap().blocks() * 512 < 1 << 20);
        assert_eq!(copy_sparse(&path, &copy).unwrap_err().kind, Kind::Exists);
    }

    #[test]
    fn blocks_that_hold_data_are_all_that_a_sparse_read_shows() {
        let (_directory, path) = here();
        create_sparse(&path, 8 << 20).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(b"data", 3 << 20)
            .unwrap();
        let mut whole = vec![0; 8 << 20];
        let mut shown = 0;
        let size = read_sparse(&path, |at, bytes| {
            let at = usize::try_from(at).unwrap();
            whole[at..at + bytes.len()].copy_from_slice(bytes);
            shown += bytes.len();
        });
        assert_eq!(size.unwrap(), 8 << 20);
        assert!(whole == read(&path).unwrap());
        assert!(shown < 1 << 20);
    }
}
