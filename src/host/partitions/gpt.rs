//! The GUID partition table (UEFI specification 2.10, section 5.3): a header and an array of entries, both twice.

use super::layout::GPT_ENTRIES;
use super::{ALIGNMENT, Disk, Entry, Scheme, Table, guid, mbr, u32_at, u64_at};
use crate::host::error::Result;

const SIGNATURE: &[u8; 8] = b"EFI PART";
const REVISION: u32 = 0x0001_0000;
const HEADER: usize = 92;
const ENTRY: usize = 128;
/// The longest array that is believed: a hundred times what everybody writes.
const LONGEST: u64 = 2 << 20;
/// UTF-16 units of a name.
const NAME: usize = 36;

/// A table as it is stored, entries with all their attributes.
struct Stored {
    disk: [u8; 16],
    first_usable: u64,
    entry_size: usize,
    entries: Vec<u8>,
}

/// Writes a new table and its copy, with a protective MBR before it.
pub fn write(disk: &Disk, table: &Table) -> Result<()> {
    let mut entries = vec![0; GPT_ENTRIES * ENTRY];
    for entry in &table.entries {
        let at = (entry.number as usize - 1) * ENTRY;
        entries[at..at + ENTRY].copy_from_slice(&encode(disk, entry)?);
    }
    let array_blocks = (entries.len() as u64).div_ceil(disk.block);
    let stored = Stored {
        disk: identifier(disk, &table.disk)?,
        first_usable: 2 + array_blocks,
        entry_size: ENTRY,
        entries,
    };
    mbr::write_protective(disk, mbr::BootCode::Clear)?;
    stored.write(disk)
}

/// Reads the table, or its copy if the first is damaged; `None` if there is neither and nothing says that there should be.
pub fn read(disk: &Disk) -> Result<Option<Table>> {
    let Some(stored) = find(disk)? else {
        return Ok(None);
    };
    let mut entries = Vec::new();
    for (bytes, number) in stored.entries.chunks_exact(stored.entry_size).zip(1..) {
        if bytes[..16] != [0; 16] {
            entries.push(decode(disk, bytes, number)?);
        }
    }
    Ok(Some(Table {
        scheme: Scheme::Gpt,
        disk: guid::to_text(&stored.disk),
        entries,
    }))
}

/// Lets a partition end where the disk does, and moves the copy of the table there.
pub fn grow(disk: &Disk, number: u32) -> Result<()> {
    let mut stored = find(disk)?.ok_or_else(|| disk.invalid("grow", "there is none"))?;
    let at = (number as usize - 1) * stored.entry_size + 40;
    // At a whole mebibyte, as it would have been laid out; never less than it has.
    let aligned = (stored.last_usable(disk) + 1) * disk.block / ALIGNMENT * ALIGNMENT / disk.block;
    let end = u64_at(&stored.entries, at).max(aligned.saturating_sub(1));
    stored.entries[at..at + 8].copy_from_slice(&end.to_le_bytes());
    mbr::write_protective(disk, mbr::BootCode::Keep)?;
    stored.write(disk)
}

fn find(disk: &Disk) -> Result<Option<Stored>> {
    if disk.blocks < 68 {
        return Ok(None);
    }
    let stored = match Stored::read(disk, 1)? {
        None => Stored::read(disk, disk.blocks - 1)?,
        stored => stored,
    };
    if stored.is_none() && mbr::is_protective(disk)? {
        return Err(disk.invalid("read", "the GPT and its copy are damaged"));
    }
    Ok(stored)
}

impl Stored {
    /// The table whose header is in this block; `None` if it is not whole.
    fn read(disk: &Disk, block: u64) -> Result<Option<Stored>> {
        let header = disk.read(block, disk.block)?;
        let size = u32_at(&header, 12) as usize;
        if &header[..8] != SIGNATURE || !(HEADER..=header.len()).contains(&size) || u64_at(&header, 24) != block {
            return Ok(None);
        }
        let mut unsummed = header[..size].to_vec();
        unsummed[16..20].fill(0);
        if crc32fast::hash(&unsummed) != u32_at(&header, 16) {
            return Ok(None);
        }
        let (count, entry_size) = (u64::from(u32_at(&header, 80)), u64::from(u32_at(&header, 84)));
        let array = u64_at(&header, 72);
        let bytes = count * entry_size;
        let inside = array
            .checked_add(bytes.div_ceil(disk.block))
            .is_some_and(|end| end <= disk.blocks);
        if entry_size < ENTRY as u64 || bytes > LONGEST || !inside {
            return Ok(None);
        }
        let entries = disk.read(array, bytes)?;
        let whole = crc32fast::hash(&entries) == u32_at(&header, 88);
        Ok(whole.then(|| Stored {
            disk: header[56..72].try_into().expect("sixteen bytes"),
            first_usable: u64_at(&header, 40),
            entry_size: ENTRY.max(entry_size as usize),
            entries,
        }))
    }

    /// The copy first: if the write is cut off, one of the two is whole.
    fn write(&self, disk: &Disk) -> Result<()> {
        let last = disk.blocks - 1;
        let copy = last - self.array_blocks(disk);
        disk.write(copy, &self.entries)?;
        disk.write(last, &self.header(disk, last, 1, copy))?;
        disk.write(2, &self.entries)?;
        disk.write(1, &self.header(disk, 1, last, 2))
    }

    fn array_blocks(&self, disk: &Disk) -> u64 {
        (self.entries.len() as u64).div_ceil(disk.block)
    }

    fn last_usable(&self, disk: &Disk) -> u64 {
        disk.blocks - 2 - self.array_blocks(disk)
    }

    fn header(&self, disk: &Disk, own: u64, other: u64, array: u64) -> Vec<u8> {
        let mut header = vec![0; usize::try_from(disk.block).expect("blocks are small")];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, SIGNATURE);
        put(8, &REVISION.to_le_bytes());
        put(12, &(HEADER as u32).to_le_bytes());
        put(24, &own.to_le_bytes());
        put(32, &other.to_le_bytes());
        put(40, &self.first_usable.to_le_bytes());
        put(48, &self.last_usable(disk).to_le_bytes());
        put(56, &self.disk);
        put(72, &array.to_le_bytes());
        put(80, &((self.entries.len() / self.entry_size) as u32).to_le_bytes());
        put(84, &(self.entry_size as u32).to_le_bytes());
        put(88, &crc32fast::hash(&self.entries).to_le_bytes());
        let sum = crc32fast::hash(&header[..HEADER]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        header
    }
}

fn encode(disk: &Disk, entry: &Entry) -> Result<[u8; ENTRY]> {
    let mut bytes = [0; ENTRY];
    bytes[..16].copy_from_slice(&identifier(disk, &entry.kind)?);
    bytes[16..32].copy_from_slice(&identifier(disk, &entry.uuid)?);
    bytes[32..40].copy_from_slice(&(entry.start / disk.block).to_le_bytes());
    bytes[40..48].copy_from_slice(&((entry.start + entry.size) / disk.block - 1).to_le_bytes());
    let units: Vec<u16> = entry.name.encode_utf16().collect();
    if units.len() > NAME {
        return Err(disk.invalid(
            "write",
            format!("the name `{}` is longer than {NAME} characters", entry.name),
        ));
    }
    for (place, unit) in bytes[56..].chunks_exact_mut(2).zip(units) {
        place.copy_from_slice(&unit.to_le_bytes());
    }
    Ok(bytes)
}

fn decode(disk: &Disk, bytes: &[u8], number: u32) -> Result<Entry> {
    let (first, last) = (u64_at(bytes, 32), u64_at(bytes, 40));
    if first > last || last >= disk.blocks {
        let reason = format!("partition {number} leaves the disk: was the disk made smaller?");
        return Err(disk.invalid("read", reason));
    }
    let units = bytes[56..ENTRY]
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let name: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
    Ok(Entry {
        number,
        name: String::from_utf16_lossy(&name),
        kind: guid::to_text(&bytes[..16]),
        start: first * disk.block,
        size: (last - first + 1) * disk.block,
        uuid: guid::to_text(&bytes[16..32]),
    })
}

fn identifier(disk: &Disk, text: &str) -> Result<[u8; 16]> {
    guid::to_bytes(text).ok_or_else(|| disk.invalid("write", format!("`{text}` is not a GUID")))
}
