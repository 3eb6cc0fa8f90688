//! An ext4 in a file that nobody has mounted: read ([`Reader`]), unpacked ([`unpack`]), and the times of its inodes set
//! ([`settle`]), without a kernel's help and without a program call for each.
//!
//! Layout: the kernel's `Documentation/filesystems/ext4` ("Super Block", "Inode Table", "Block Group Descriptors",
//! "Contents of inode.i_block", "Directory Entries", "Extended Attributes", "Checksums").

mod attributes;
mod content;
mod reader;
mod settle;
mod unpack;

pub use attributes::Attributes;
pub use content::Content;
pub use reader::{Inode, Reader, several};
pub use settle::{forget_writes, settle};
pub use unpack::unpack;

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Where the superblock is, and its length.
const SUPERBLOCK: (u64, usize) = (1024, 1024);
const INCOMPATIBLE_RECOVER: u32 = 0x4;
const INCOMPATIBLE_META_BG: u32 = 0x10;
const INCOMPATIBLE_64BIT: u32 = 0x80;
const INCOMPATIBLE_CSUM_SEED: u32 = 0x2000;
/// Compressed, a journal's own device, names with data, encrypted: never in what mke2fs(8) makes of a tree.
const INCOMPATIBLE_UNREAD: u32 = 0x1 | 0x8 | 0x1000 | 0x10000;
const RO_COMPATIBLE_METADATA_CSUM: u32 = 0x400;

/// The number of the root's inode.
const ROOT: u32 = 2;

/// How one is laid out.
#[derive(Debug)]
struct Layout {
    block: u64,
    /// Where the descriptors of the groups begin.
    descriptors: u64,
    descriptor_size: u64,
    groups: u64,
    /// First block of the first group.
    first_block: u64,
    blocks_per_group: u64,
    /// Groups by the number of blocks.
    block_groups: u64,
    inodes: u32,
    per_group: u32,
    inode_size: usize,
    /// With which checksums of inodes begin, where there are any.
    seed: Option<u32>,
    incompatible: u32,
}

/// Where the inodes of a group are.
struct Group {
    /// First byte of the table.
    table: u64,
    /// Flags of the group (`bg_flags`).
    flags: u16,
    /// How many at the end of the table were never used.
    unused: u32,
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
        let first_block = u64::from(number32(&superblock, 0x14));
        let blocks = u64::from(number32(&superblock, 0x4)) | u64::from(number32(&superblock, 0x150)) << 32;
        let blocks_per_group = u64::from(number32(&superblock, 0x20)).max(1);
        Ok(Some(Layout {
            block,
            first_block,
            blocks_per_group,
            block_groups: blocks.saturating_sub(first_block).div_ceil(blocks_per_group),
            descriptors: (first_block + 1) * block,
            descriptor_size: match incompatible & INCOMPATIBLE_64BIT {
                0 => 32,
                _ => u64::from(number16(&superblock, 0xFE)).max(64),
            },
            groups: u64::from(inodes.div_ceil(per_group)),
            inodes,
            per_group,
            inode_size,
            seed: checked.then_some(seed),
            incompatible,
        }))
    }

    fn group(&self, file: &File, group: u64) -> std::io::Result<Group> {
        let mut descriptor = vec![0; self.descriptor_size as usize];
        file.read_exact_at(&mut descriptor, self.descriptors + group * self.descriptor_size)?;
        let is_wide = descriptor.len() >= 64;
        let high = |at: usize| if is_wide { number32(&descriptor, at) } else { 0 };
        Ok(Group {
            table: (u64::from(high(0x28)) << 32 | u64::from(number32(&descriptor, 0x8))) * self.block,
            flags: number16(&descriptor, 0x12),
            unused: match self.seed {
                Some(_) => u32::from(number16(&descriptor, 0x1C)) | (high(0x30) >> 16) << 16,
                None => 0,
            },
        })
    }
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from(number16(bytes, at)) | u32::from(number16(bytes, at + 2)) << 16
}

/// Seconds at `low`, with two more bits of them at `high` where there is room.
fn time_of(inode: &[u8], low: usize, high: Option<usize>) -> i64 {
    let epoch = high.map_or(0, |high| i64::from(number32(inode, high) & 3) << 32);
    i64::from(number32(inode, low).cast_signed()) + epoch
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
}
