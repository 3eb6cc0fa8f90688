//! The times of every inode set, so that they depend on the tree alone: mke2fs(8) with `-d` takes over when each file was
//! last read and when its inode changed, which no two trees have in common.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Layout, ROOT, SUPERBLOCK, attributes, crc32c, number16, number32, time_of};
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::inside::Metadata;

/// A group whose inodes were never written.
const INODE_UNINIT: u16 = 0x1;
/// Bytes of an entry of an extended attribute, without its name.
const SHORTEST: usize = 16;

/// Sets of every inode the times of reading and changing to that of its content, which becomes at most `latest`
/// (seconds after 1970), and the time of its making to `latest`. Parts of seconds go. The root directory gets the mode, the
/// owners and the time of `root`: mke2fs takes them from nowhere. Nothing is synced: the file is read through the page cache,
/// and whoever takes its bytes elsewhere syncs them there.
///
/// Answers the numbers of inodes that may have several extended attributes.
///
/// # Errors
/// [`Kind::Invalid`] if it is no ext4 of a layout that is known.
pub fn settle(path: &Path, latest: i64, root: &Metadata) -> Result<Vec<u32>> {
    let operation = || format!("settle the inodes of {}", path.display());
    let file = OpenOptions::new().read(true).write(true).open(path).doing(operation)?;
    let layout = Layout::read(&file)
        .doing(operation)?
        .ok_or_else(|| HostError::new(Kind::Invalid, operation(), "its layout is none that bake knows"))?;
    let mut several = Vec::new();
    for group in 0..layout.groups {
        let found = layout.settle_group(&file, group, latest, root).doing(operation)?;
        several.extend(found);
    }
    Ok(several)
}

/// Forgets how much was ever written to a file system (`s_kbytes_written`), in every copy of its superblock: that depends on
/// the way to its content.
///
/// # Errors
/// As [`settle`].
pub fn forget_writes(path: &Path) -> Result<()> {
    let operation = || format!("settle the superblocks of {}", path.display());
    let file = OpenOptions::new().read(true).write(true).open(path).doing(operation)?;
    let layout = Layout::read(&file)
        .doing(operation)?
        .ok_or_else(|| HostError::new(Kind::Invalid, operation(), "its layout is none that bake knows"))?;
    for group in (0..layout.block_groups).filter(|group| may_have_superblock(*group)) {
        layout.forget_writes(&file, group).doing(operation)?;
    }
    Ok(())
}

/// Whether a group has a copy of the superblock where not all have one (`sparse_super`): 0, 1, powers of 3, 5 and 7.
fn may_have_superblock(group: u64) -> bool {
    let is_power = |base: u64| {
        (0..40)
            .map_while(|power| base.checked_pow(power))
            .any(|power| power == group)
    };
    group == 0 || [3, 5, 7].into_iter().any(is_power)
}

impl Layout {
    fn forget_writes(&self, file: &File, group: u64) -> std::io::Result<()> {
        let at = match group {
            0 => SUPERBLOCK.0,
            _ => (self.first_block + group * self.blocks_per_group) * self.block,
        };
        let mut superblock = vec![0; SUPERBLOCK.1];
        file.read_exact_at(&mut superblock, at)?;
        let is_one = number16(&superblock, 0x38) == 0xEF53 && u64::from(number16(&superblock, 0x5A)) == group;
        if !is_one {
            return Ok(());
        }
        superblock[0x178..0x180].fill(0);
        if self.seed.is_some() {
            let sum = crc32c(!0, &superblock[..0x3FC]).to_le_bytes();
            superblock[0x3FC..].copy_from_slice(&sum);
        }
        file.write_all_at(&superblock, at)
    }

    fn settle_group(&self, file: &File, group: u64, latest: i64, root: &Metadata) -> std::io::Result<Vec<u32>> {
        let mut several = Vec::new();
        let found = self.group(file, group)?;
        if found.flags & INODE_UNINIT != 0 {
            return Ok(several);
        }
        let first = u32::try_from(group).unwrap_or(u32::MAX).saturating_mul(self.per_group);
        let count = self
            .per_group
            .min(self.inodes.saturating_sub(first))
            .saturating_sub(found.unused);
        let mut inodes = vec![0; count as usize * self.inode_size];
        file.read_exact_at(&mut inodes, found.table)?;
        for (inode, number) in inodes.chunks_exact_mut(self.inode_size).zip(first + 1..) {
            if number == ROOT {
                set_owners(inode, root);
            }
            self.settle(inode, number, latest);
            several.extend(may_have_several(inode).then_some(number));
        }
        file.write_all_at(&inodes, found.table)?;
        Ok(several)
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
        let modified = time_of(inode, 0x10, has(0x8C).then_some(0x88)).min(latest);
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

/// Whether there is a block with extended attributes, or room for two that is used.
fn may_have_several(inode: &[u8]) -> bool {
    let in_use = number16(inode, 0) != 0;
    let extra = inode.get(0x80..0x82).map_or(0, |_| usize::from(number16(inode, 0x80)));
    let space = inode.get(128 + extra..).filter(|space| space.len() > 4 + SHORTEST);
    let inside = space.is_some_and(|space| number32(space, 0) == attributes::MAGIC && number32(space, 4) != 0);
    in_use && (inside || number32(inode, 0x68) != 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_superblock_are_in_few_groups() {
        let found: Vec<u64> = (0..130).filter(|group| may_have_superblock(*group)).collect();
        assert_eq!(found, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    #[test]
    fn times_beyond_2038_keep_their_upper_bits() {
        let mut inode = vec![0; 256];
        let later = 5_000_000_000_i64;
        set_time(&mut inode, 0x10, Some(0x88), later);
        assert_eq!(time_of(&inode, 0x10, Some(0x88)), later);
        set_time(&mut inode, 0x10, Some(0x88), -5);
        assert_eq!((number32(&inode, 0x10).cast_signed(), number32(&inode, 0x88)), (-5, 0));
    }
}
