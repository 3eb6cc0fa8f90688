//! Files that may have holes: disks, and what is cut out of them.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::io::Errno;

use super::error::{Explain, HostError, Result};
use super::files::{create_new, parent, sync_directory};

/// Bytes that are copied or read at a time.
const BLOCK: usize = 1 << 20;

/// Makes a file of `size` bytes that takes no space yet.
///
/// # Errors
/// [`super::Kind::Exists`] if there is one.
pub fn create(path: &Path, size: u64) -> Result<()> {
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
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    create_new(to)?;
    let filled = fill(from, to);
    if filled.is_err() {
        let _ = fs::remove_file(to);
        return filled;
    }
    sync_directory(parent(to))
}

/// Like [`copy`], into a file that is there and empty, and stays on failure.
///
/// # Errors
/// [`super::Kind::Full`] and the like.
pub fn fill(from: &Path, to: &Path) -> Result<()> {
    let operation = || format!("copy {} to {}", from.display(), to.display());
    let source = File::open(from).doing(operation)?;
    let target = OpenOptions::new().write(true).open(to).doing(operation)?;
    copy_into(&source, &target)
        .and_then(|()| target.sync_all())
        .doing(operation)
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
pub fn read(path: &Path, mut visit: impl FnMut(u64, &[u8])) -> Result<u64> {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::host::{Kind, files};

    fn here() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        (directory, path)
    }

    #[test]
    fn a_sparse_copy_is_the_same_and_as_sparse() {
        use std::os::unix::fs::MetadataExt;
        let (directory, path) = here();
        let size = 64 << 20;
        create(&path, size).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for at in [0, 5_000_001, size - 3] {
            file.write_all_at(b"xyz", at).unwrap();
        }
        let other = directory.path().join("copy");
        copy(&path, &other).unwrap();
        assert!(files::read(&path).unwrap() == files::read(&other).unwrap());
        assert!(fs::metadata(&other).unwrap().blocks() * 512 < 1 << 20);
        assert_eq!(copy(&path, &other).unwrap_err().kind, Kind::Exists);
    }

    #[test]
    fn blocks_that_hold_data_are_all_that_a_sparse_read_shows() {
        let (_directory, path) = here();
        create(&path, 8 << 20).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(b"data", 3 << 20)
            .unwrap();
        let mut whole = vec![0; 8 << 20];
        let mut shown = 0;
        let size = read(&path, |at, bytes| {
            let at = usize::try_from(at).unwrap();
            whole[at..at + bytes.len()].copy_from_slice(bytes);
            shown += bytes.len();
        });
        assert_eq!(size.unwrap(), 8 << 20);
        assert!(whole == files::read(&path).unwrap());
        assert!(shown < 1 << 20);
    }
}
