//! The content of a file put over that of a device or of a part of it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::error::{Explain, Result};
use super::files;

/// Bytes that are moved at a time.
const CHUNK: usize = 1 << 20;

/// Makes the first bytes of a device those of a file, and flushes them. Zeros are not written where the device can be
/// told of them, so a disk in a file stays as small as it can be.
///
/// # Errors
/// As fallocate(2), pwrite(2) and fsync(2).
pub fn pour(file: &Path, device: &Path) -> Result<()> {
    let operation = || format!("write {} to {}", file.display(), device.display());
    let source = File::open(file).doing(operation)?;
    let size = source.metadata().doing(operation)?.len();
    let target = OpenOptions::new().write(true).open(device).doing(operation)?;
    clear(&target, size).doing(operation)?;
    let (mut chunk, zeros) = (vec![0; CHUNK], vec![0; CHUNK]);
    let poured = files::for_each_extent(&source, size, |start, end| {
        let mut at = start;
        while at < end {
            let wish = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            source.read_exact_at(&mut chunk[..wish], at)?;
            if chunk[..wish] != zeros[..wish] {
                target.write_all_at(&chunk[..wish], at)?;
            }
            at += wish as u64;
        }
        Ok(())
    });
    poured.and_then(|()| target.sync_all()).doing(operation)
}

/// Zeros, by a hole where that can be made.
fn clear(target: &File, size: u64) -> std::io::Result<()> {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    for flags in [hole, FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE] {
        match rustix::fs::fallocate(target, flags, 0, size) {
            Err(Errno::OPNOTSUPP | Errno::INVAL) => {}
            other => return Ok(other?),
        }
    }
    let zeros = vec![0; CHUNK];
    let mut at = 0;
    while at < size {
        let wish = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        target.write_all_at(&zeros[..wish], at)?;
        at += wish as u64;
    }
    Ok(())
}
