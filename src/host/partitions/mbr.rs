//! The partition table of the master boot record, with the chain of logical partitions when it is read.

use super::{Disk, Entry, Scheme, Table, u32_at};
use crate::host::error::Result;

/// Where the table begins in the first block.
const TABLE: usize = 446;
const ENTRY: usize = 16;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];
const PROTECTIVE: u8 = 0xee;
/// Extended partitions: in the old addressing, in blocks, and Linux's own.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// The longest chain of logical partitions that is followed.
const MOST_LOGICAL: u32 = 60;
/// Cylinder, head and sector where they cannot say it: what everybody writes today.
const NO_GEOMETRY: [u8; 3] = [0xfe, 0xff, 0xff];

/// What becomes of the boot code before the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BootCode {
    /// It goes.
    Clear,
    /// It stays.
    Keep,
}

/// One of the four places.
#[derive(Clone, Copy)]
struct Slot {
    active: u8,
    kind: u8,
    start: u32,
    blocks: u32,
}

/// Writes a new table; the first partition is marked active, which some BIOSes want to see.
pub fn write(disk: &Disk, table: &Table) -> Result<()> {
    let mut block = vec![0; 512];
    let signature = u32::from_str_radix(&table.disk, 16);
    let signature =
        signature.map_err(|_| disk.invalid("write", format!("`{}` is not eight hex digits", table.disk)))?;
    block[440..444].copy_from_slice(&signature.to_le_bytes());
    for entry in &table.entries {
        let kind = u8::from_str_radix(&entry.kind, 16);
        let slot = Slot {
            active: if entry.number == 1 { 0x80 } else { 0 },
            kind: kind.map_err(|_| disk.invalid("write", format!("`{}` is not two hex digits", entry.kind)))?,
            start: blocks(disk, entry.start)?,
            blocks: blocks(disk, entry.size)?,
        };
        slot.put(&mut block, entry.number as usize - 1);
    }
    block[510..].copy_from_slice(&SIGNATURE);
    disk.write(0, &block)
}

/// Reads the table; `None` if the first block holds none.
pub fn read(disk: &Disk) -> Result<Option<Table>> {
    let Some(block) = first_block(disk)? else {
        return Ok(None);
    };
    let slots = slots(&block);
    let used = slots.iter().filter(|slot| slot.kind != 0);
    if used.clone().next().is_none() || !used.clone().all(|slot| slot.is_sane(disk)) {
        return Ok(None);
    }
    let signature = format!("{:08x}", u32_at(&block, 440));
    let mut entries = Vec::new();
    for (slot, number) in slots.iter().zip(1..) {
        if EXTENDED.contains(&slot.kind) {
            logical(disk, slot, &signature, &mut entries)?;
        } else if slot.kind != 0 {
            entries.push(slot.entry(disk, number, 0, &signature));
        }
    }
    entries.sort_by_key(|entry| entry.number);
    Ok(Some(Table {
        scheme: Scheme::Mbr,
        disk: signature,
        entries,
    }))
}

/// Lets a partition end where the disk does, as far as the table can say it.
pub fn grow(disk: &Disk, number: u32) -> Result<()> {
    let mut block = disk.read(0, 512)?;
    let at = number as usize - 1;
    let Some(mut slot) = slots(&block).get(at).copied() else {
        return Err(disk.invalid("grow", "logical partitions cannot be grown"));
    };
    let room = disk.blocks.saturating_sub(u64::from(slot.start));
    slot.blocks = u32::try_from(room).unwrap_or(u32::MAX);
    slot.put(&mut block, at);
    disk.write(0, &block)
}

/// Whether the first block says that a GPT follows.
pub fn is_protective(disk: &Disk) -> Result<bool> {
    let block = first_block(disk)?;
    Ok(block.is_some_and(|block| slots(&block).iter().any(|slot| slot.kind == PROTECTIVE)))
}

/// Writes the table that keeps programs without GPT from taking the disk for empty.
pub fn write_protective(disk: &Disk, code: BootCode) -> Result<()> {
    let mut block = if code == BootCode::Keep {
        disk.read(0, 512)?
    } else {
        vec![0; 512]
    };
    block[TABLE..510].fill(0);
    let slot = Slot {
        active: 0,
        kind: PROTECTIVE,
        start: 1,
        blocks: u32::try_from(disk.blocks - 1).unwrap_or(u32::MAX),
    };
    slot.put(&mut block, 0);
    // The first partition's geometry is fixed by the UEFI specification: block 1.
    block[TABLE + 1..TABLE + 4].copy_from_slice(&[0, 2, 0]);
    block[510..].copy_from_slice(&SIGNATURE);
    disk.write(0, &block)
}

/// The first block, if it has the signature and is not the first of a FAT or NTFS, which have it too.
fn first_block(disk: &Disk) -> Result<Option<Vec<u8>>> {
    if disk.blocks == 0 {
        return Ok(None);
    }
    let block = disk.read(0, 512)?;
    let is_file_system =
        block[54..].starts_with(b"FAT") || block[82..].starts_with(b"FAT32") || block[3..].starts_with(b"NTFS");
    Ok((block[510..] == SIGNATURE && !is_file_system).then_some(block))
}

fn slots(block: &[u8]) -> [Slot; 4] {
    [0, 1, 2, 3].map(|at| {
        let bytes = &block[TABLE + at * ENTRY..TABLE + (at + 1) * ENTRY];
        Slot {
            active: bytes[0],
            kind: bytes[4],
            start: u32_at(bytes, 8),
            blocks: u32_at(bytes, 12),
        }
    })
}

impl Slot {
    fn put(&self, block: &mut [u8], at: usize) {
        let bytes = &mut block[TABLE + at * ENTRY..TABLE + (at + 1) * ENTRY];
        bytes[0] = self.active;
        bytes[1..4].copy_from_slice(&NO_GEOMETRY);
        bytes[4] = self.kind;
        bytes[5..8].copy_from_slice(&NO_GEOMETRY);
        bytes[8..12].copy_from_slice(&self.start.to_le_bytes());
        bytes[12..].copy_from_slice(&self.blocks.to_le_bytes());
    }

    fn is_sane(&self, disk: &Disk) -> bool {
        let end = u64::from(self.start) + u64::from(self.blocks);
        matches!(self.active, 0 | 0x80) && self.start > 0 && self.blocks > 0 && end <= disk.blocks
    }

    fn entry(&self, disk: &Disk, number: u32, base: u64, signature: &str) -> Entry {
        Entry {
            number,
            name: String::new(),
            kind: format!("{:02x}", self.kind),
            start: (base + u64::from(self.start)) * disk.block,
            size: u64::from(self.blocks) * disk.block,
            uuid: format!("{signature}-{number:02x}"),
        }
    }
}

/// The chain in an extended partition: each link has one partition, and where the next link is.
fn logical(disk: &Disk, extended: &Slot, signature: &str, entries: &mut Vec<Entry>) -> Result<()> {
    let base = u64::from(extended.start);
    let mut link = base;
    for number in 5..5 + MOST_LOGICAL {
        let block = disk.read(link, 512)?;
        let [slot, next, ..] = slots(&block);
        let end = link + u64::from(slot.start) + u64::from(slot.blocks);
        if block[510..] != SIGNATURE || slot.kind == 0 {
            return Ok(());
        }
        if end > disk.blocks {
            return Err(disk.invalid("read", format!("partition {number} leaves the disk")));
        }
        entries.push(slot.entry(disk, number, link, signature));
        if next.kind == 0 {
            return Ok(());
        }
        link = base + u64::from(next.start);
        if link >= disk.blocks {
            return Err(disk.invalid("read", "the chain of logical partitions leaves the disk"));
        }
    }
    Err(disk.invalid("read", "the chain of logical partitions does not end"))
}

fn blocks(disk: &Disk, bytes: u64) -> Result<u32> {
    u32::try_from(bytes / disk.block).map_err(|_| {
        disk.invalid("write", "an MBR ends at 2 TiB")
            .help("use partition_table = \"gpt\"")
    })
}
