//! The content of a file put over that of a device or of a part of it, and a part taken out into a file.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::error::{Explain, Result};
use super::{sparse, sys};

/// Bytes that are moved at a time.
const CHUNK: usize = 1 << 20;

/// Makes the bytes of a device or file from `at` on those of another file, and flushes them. Zeros are not written where the
/// device can be told of them, so a disk in a file stays as small as it can be. The other file need not be flushed.
///
/// # Errors
/// As fallocate(2), pwrite(2) and fsync(2); also of what the disk did not take of the other file.
pub fn pour(file: &Path, device: &Path, at: u64) -> Result<()> {
    let operation = || format!("write {} to {}", file.display(), device.display());
    let source = File::open(file).doing(operation)?;
    let size = source.metadata().doing(operation)?.len();
    let target = OpenOptions::new().write(true).open(device).doing(operation)?;
    let zeros = |start, end| clear(&target, at + start, end - start);
    let poured = copy(&source, (0, size), &target, at, zeros);
    poured
        .and_then(|()| Ok(sys::was_written_well(source.as_fd())?))
        .and_then(|()| target.sync_all())
        .doing(operation)
}

/// Makes a file of `size` bytes of a disk from `start` on. It is not flushed: what comes of it is.
///
/// # Errors
/// [`super::Kind::Exists`] if there is one; as pread(2) and pwrite(2).
pub fn cut(disk: &Path, start: u64, size: u64, file: &Path) -> Result<()> {
    let operation = || format!("read a partition of {}", disk.display());
    sparse::create(file, size)?;
    let source = File::open(disk).doing(operation)?;
    let target = OpenOptions::new().write(true).open(file).doing(operation)?;
    copy(&source, (start, start + size), &target, 0, |_, _| Ok(())).doing(operation)
}

/// Copies what is not zeros of a part of a file, first byte and end, and hands what is, as places in the file, to `zeros`.
fn copy(
    source: &File,
    part: (u64, u64),
    target: &File,
    to: u64,
    zeros: impl Fn(u64, u64) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let (mut chunk, nothing) = (vec![0; CHUNK], vec![0; CHUNK]);
    // All from here on that was looked at is zeros.
    let mut empty = part.0;
    sparse::for_each_extent(source, part.1, |start, end| {
        let mut at = start.max(part.0);
        while at < end {
            let wish = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            source.read_exact_at(&mut chunk[..wish], at)?;
            if chunk[..wish] != nothing[..wish] {
                if empty < at {
                    zeros(empty, at)?;
                }
                target.write_all_at(&chunk[..wish], to + (at - part.0))?;
                empty = at + wish as u64;
            }
            at += wish as u64;
        }
        Ok(())
    })?;
    match empty < part.1 {
        true => zeros(empty, part.1),
        false => Ok(()),
    }
}

/// Zeros, by a hole where that can be made.
fn clear(target: &File, start: u64, size: u64) -> std::io::Result<()> {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    for flags in [hole, FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE] {
        match rustix::fs::fallocate(target, flags, start, size) {
            Err(Errno::OPNOTSUPP | Errno::INVAL) => {}
            other => return Ok(other?),
        }
    }
    let zeros = vec![0; CHUNK];
    let (mut at, end) = (start, start + size);
    while at < end {
        let wish = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        target.write_all_at(&zeros[..wish], at)?;
        at += wish as u64;
    }
    Ok(())
}
