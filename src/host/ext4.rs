//! The inodes of an ext4 that is not mounted: their times set, without a program call for each.
//!
//! mke2fs(8) with `-d` takes over when each file was last read and when its inode changed, which no two trees have in
//! common. Layout: the kernel's `Documentation/filesystems/ext4` ("Inode Table", "Block Group Descriptors", "Checksums").

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::{Explain, HostError, Kind, Result};
use super::inside::Metadata;

/// Where the superblock is, and its length.
const SUPERBLOCK: (u64, usize) = (1024, 1024);
const INCOMPATIBLE_META_BG: u32 = 0x10;
const INCOMPATIBLE_64BIT: u32 = 0x80;
const INCOMPATIBLE_CSUM_SEED: u32 = 0x2000;
const RO_COMPATIBLE_METADATA_CSUM: u32 = 0x400;
/// A group whose inodes were never written.
const INODE_UNINIT: u16 = 0x1;

/// The number of the root's inode.
const ROOT: u32 = 2;

/// Sets of every inode the times of reading and changing to that of its content, which becomes at most `latest`
/// (seconds after 1970), and the time of its making to `latest`. Parts of seconds go. The root directory gets the mode, the
/// owners and the time of `root`: mke2fs takes them from nowhere. Nothing is synced: the file is read through the page cache,
/// and whoever takes its bytes elsewhere syncs them there.
///
/// # Errors
/// [`Kind::Invalid`] if it is no ext4 of a layout that is known.
pub fn settle(path: &Path, latest: i64, root: &Metadata) -> Result<()> {
    let operation = || format!("settle the inodes of {}", path.display());
    let file = OpenOptions::new().read(true).write(true).open(path).doing(operation)?;
    let layout = Layout::read(&file)
        .doing(operation)?
        .ok_or_else(|| HostError::new(Kind::Invalid, operation(), "its layout is none that bake knows"))?;
    for group in 0..layout.groups {
        layout.settle_group(&file, group, latest, root).doing(operation)?;
    }
    Ok(())
}

struct Layout {
    block: u64,
    /// Where the descriptors of the groups begin.
    descriptors: u64,
    descriptor_size: u64,
    groups: u64,
    inodes: u32,
    per_group: u32,
    inode_size: usize,
    /// With which checksums of inodes begin, where there are any.
    seed: Option<u32>,
}

impl Layout {
    fn read(file: &File) -> std::io::Result<Option<Layout>> {
        let mut superblock = vec![0; SUPERBLOCK.1];
        file.read_exact_at(&mut superblock, SUPERBLOCK.0)?;
        let incompatible = number32(&superblock, 0x60);
        let block = 1024_u64 << number32(&superblock, 0x18).min(16);
        let (inodes, per_group) = (number32(&superblock, 0), number32(&superblock, 0x28));
        let inode_size = usize::from(number16(&superblock, 0x58));
        if number16(&superblock, 0x38) != 0xEF53 || incompatible & INCOMPATIBLE_META_BG != 0 {
            return Ok(None);
        }
        if per_group == 0 || !(128..=65536).contains(&inode_size) {
            return Ok(None);
        }
        let checked = number32(&superblock, 0x64) & RO_COMPATIBLE_METADATA_CSUM != 0;
        let seed = match incompatible & INCOMPATIBLE_CSUM_SEED {
            0 => crc32c(!0, &superblock[0x68..0x78]),
            _ => number32(&superblock, 0x270),
        };
        Ok(Some(Layout {
            block,
            descriptors: (u64::from(number32(&superblock, 0x14)) + 1) * block,
            descriptor_size: match incompatible & INCOMPATIBLE_64BIT {
                0 => 32,
                _ => u64::from(number16(&superblock, 0xFE)).max(64),
            },
            groups: u64::from(inodes.div_ceil(per_group)),
            inodes,
            per_group,
            inode_size,
            seed: checked.then_some(seed),
        }))
    }

    fn settle_group(&self, file: &File, group: u64, latest: i64, root: &Metadata) -> std::io::Result<()> {
        let mut descriptor = vec![0; self.descriptor_size as usize];
        file.read_exact_at(&mut descriptor, self.descriptors + group * self.descriptor_size)?;
        if number16(&descriptor, 0x12) & INODE_UNINIT != 0 {
            return Ok(());
        }
        let is_wide = descriptor.len() >= 64;
        let high = |at: usize| if is_wide { number32(&descriptor, at) } else { 0 };
        let table = (u64::from(high(0x28)) << 32 | u64::from(number32(&descriptor, 0x8))) * self.block;
        let unused = match self.seed {
            Some(_) => u32::from(number16(&descriptor, 0x1C)) | (high(0x30) >> 16) << 16,
            None => 0,
        };
        let first = u32::try_from(group).unwrap_or(u32::MAX).saturating_mul(self.per_group);
        let count = self
            .per_group
            .min(self.inodes.saturating_sub(first))
            .saturating_sub(unused);
        let mut inodes = vec![0; count as usize * self.inode_size];
        file.read_exact_at(&mut inodes, table)?;
        for (inode, number) in inodes.chunks_exact_mut(self.inode_size).zip(first + 1..) {
            if number == ROOT {
                set_owners(inode, root);
            }
            self.settle(inode, number, latest);
        }
        file.write_all_at(&inodes, table)
    }

    fn settle(&self, inode: &mut [u8], number: u32, latest: i64) {
        if number16(inode, 0) == 0 {
            return;
        }
        let extra = if inode.len() > 128 {
            usize::from(number16(inode, 0x80))
        } else {
            0
        };
        let has = |end: usize| 128 + extra >= end;
        let epoch = if has(0x8C) {
            i64::from(number32(inode, 0x88) & 3) << 32
        } else {
            0
        };
        let modified = (i64::from(number32(inode, 0x10).cast_signed()) + epoch).min(latest);
        for (low, high, end) in [(0x8, 0x8C, 0x90), (0xC, 0x84, 0x88), (0x10, 0x88, 0x8C)] {
            set_time(inode, low, has(end).then_some(high), modified);
        }
        if has(0x98) {
            set_time(inode, 0x90, Some(0x94), latest);
        }
        if let Some(seed) = self.seed {
            self.seal(inode, number, seed, has(0x84));
        }
    }

    /// The checksum of an inode, over itself with the checksum's own place empty.
    fn seal(&self, inode: &mut [u8], number: u32, seed: u32, is_wide: bool) {
        inode[0x7C..0x7E].fill(0);
        if is_wide {
            inode[0x82..0x84].fill(0);
        }
        let own = crc32c(crc32c(seed, &number.to_le_bytes()), &inode[0x64..0x68]);
        let sum = crc32c(own, inode).to_le_bytes();
        inode[0x7C..0x7E].copy_from_slice(&sum[..2]);
        if is_wide {
            inode[0x82..0x84].copy_from_slice(&sum[2..]);
        }
    }
}

fn set_owners(inode: &mut [u8], of: &Metadata) {
    let (mode, time) = (number16(inode, 0) & 0xF000 | of.mode as u16, of.modified);
    inode[0..2].copy_from_slice(&mode.to_le_bytes());
    for (low, high, id) in [(0x2, 0x78, of.user), (0x18, 0x7A, of.group)] {
        inode[low..low + 2].copy_from_slice(&(id as u16).to_le_bytes());
        inode[high..high + 2].copy_from_slice(&((id >> 16) as u16).to_le_bytes());
    }
    set_time(inode, 0x10, (inode.len() > 128).then_some(0x88), time);
}

/// 32 bits of seconds, and above them two more where there is room.
fn set_time(inode: &mut [u8], low: usize, high: Option<usize>, seconds: i64) {
    let signed = seconds as i32;
    inode[low..low + 4].copy_from_slice(&signed.to_le_bytes());
    if let Some(high) = high {
        let epoch = ((seconds - i64::from(signed)) >> 32) as u32 & 3;
        inode[high..high + 4].copy_from_slice(&epoch.to_le_bytes());
    }
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from(number16(bytes, at)) | u32::from(number16(bytes, at + 2)) << 16
}

/// CRC-32C (Castagnoli), reflected, without the final complement, as ext4 chains it.
fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(seed, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0x82F6_3B78
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(!crc32c(!0, &[0; 32]), 0x8A91_36AA);
        assert_eq!(!crc32c(!0, b"123456789"), 0xE306_9283);
    }

    #[test]
    fn times_beyond_2038_keep_their_upper_bits() {
        let mut inode = vec![0; 256];
        let later = 5_000_000_000_i64;
        set_time(&mut inode, 0x10, Some(0x88), later);
        let epoch = i64::from(number32(&inode, 0x88) & 3) << 32;
        assert_eq!(i64::from(number32(&inode, 0x10).cast_signed()) + epoch, later);
        set_time(&mut inode, 0x10, Some(0x88), -5);
        assert_eq!((number32(&inode, 0x10).cast_signed(), number32(&inode, 0x88)), (-5, 0));
    }
}
