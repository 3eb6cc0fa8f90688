//! Partition tables: laid out, written, read back and grown, on a file or a disk.
//!
//! The tables are bake's own to read, because a kernel need not know them.

mod gpt;
mod guid;
mod kinds;
mod layout;
mod mbr;

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

use super::error::{Explain, HostError, Kind, Result};

pub use kinds::{kind_id, kind_names};
pub use layout::{Wanted, lay_out};

/// Where partitions begin, and what their sizes are rounded down to.
pub const ALIGNMENT: u64 = 1 << 20;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
    /// The table of the master boot record.
    Mbr,
}

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Which.
    pub scheme: Scheme,
    /// UUID of the disk in lower case (GPT), or its signature as eight hex digits (MBR).
    pub disk: String,
    /// By number.
    pub entries: Vec<Entry>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub number: u32,
    /// Name; only a GPT has them.
    pub name: String,
    /// Its type: a UUID in lower case (GPT), or two hex digits (MBR).
    pub kind: String,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What `PARTUUID=` takes.
    pub uuid: String,
}

/// Writes a table to a disk or file, and flushes it. What was in its first sector is gone.
///
/// # Errors
/// [`Kind::Invalid`] for a table that cannot be: partitions that overlap, leave the disk, or are too many.
pub fn write(path: &Path, table: &Table) -> Result<()> {
    let disk = Disk::open(path, Access::Write)?;
    layout::check(table, &disk)?;
    match table.scheme {
        Scheme::Gpt => gpt::write(&disk, table)?,
        Scheme::Mbr => mbr::write(&disk, table)?,
    }
    disk.sync()
}

/// Reads the table of a disk or file; `None` if there is none, as with a file system on the whole disk.
///
/// # Errors
/// [`Kind::Invalid`] for a damaged GPT of which the copy is damaged too.
pub fn read(path: &Path) -> Result<Option<Table>> {
    let disk = Disk::open(path, Access::Read)?;
    match gpt::read(&disk)? {
        Some(table) => Ok(Some(table)),
        None => mbr::read(&disk),
    }
}

/// Grows the partition `number` to the end of the disk, which may have become larger since the table was written.
/// Answers the new table.
///
/// # Errors
/// [`Kind::Invalid`] if another partition lies behind it; [`Kind::NotFound`] if there is no such partition.
pub fn grow(path: &Path, number: u32) -> Result<Table> {
    let disk = Disk::open(path, Access::Write)?;
    let operation = || format!("grow partition {number} of {}", path.display());
    let table = read(path)?.ok_or_else(|| HostError::new(Kind::NotFound, operation(), "there is no table"))?;
    let entry = table.entries.iter().find(|entry| entry.number == number);
    let entry = entry.ok_or_else(|| HostError::new(Kind::NotFound, operation(), "there is no such partition"))?;
    if let Some(behind) = table.entries.iter().find(|other| other.start > entry.start) {
        let reason = format!("partition {} lies behind it", behind.number);
        return Err(HostError::new(Kind::Invalid, operation(), reason));
    }
    match table.scheme {
        Scheme::Gpt => gpt::grow(&disk, number)?,
        Scheme::Mbr => mbr::grow(&disk, number)?,
    }
    disk.sync()?;
    read(path)?.ok_or_else(|| HostError::new(Kind::Io, operation(), "the table is gone after it was written"))
}

/// Whether a disk is opened to be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// An open disk or file.
struct Disk {
    file: File,
    name: String,
    /// Bytes of a logical block.
    block: u64,
    /// Number of blocks.
    blocks: u64,
}

impl Disk {
    fn open(path: &Path, access: Access) -> Result<Disk> {
        let operation = || format!("open {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(access == Access::Write)
            .open(path)
            .doing(operation)?;
        let is_device = file.metadata().doing(operation)?.file_type().is_block_device();
        let block = if is_device {
            u64::from(rustix::fs::ioctl_blksszget(&file).doing(operation)?)
        } else {
            512
        };
        let size = file.seek(SeekFrom::End(0)).doing(operation)?;
        Ok(Disk {
            file,
            name: path.display().to_string(),
            block,
            blocks: size / block,
        })
    }

    fn read(&self, block: u64, bytes: u64) -> Result<Vec<u8>> {
        let length = usize::try_from(bytes).expect("tables are small");
        let mut read = vec![0; length];
        let done = self.file.read_exact_at(&mut read, block.saturating_mul(self.block));
        done.doing(|| format!("read the partition table of {}", self.name))?;
        Ok(read)
    }

    fn write(&self, block: u64, bytes: &[u8]) -> Result<()> {
        let done = self.file.write_all_at(bytes, block.saturating_mul(self.block));
        done.doing(|| format!("write the partition table of {}", self.name))
    }

    fn sync(&self) -> Result<()> {
        self.file
            .sync_all()
            .doing(|| format!("write the partition table of {}", self.name))
    }

    fn invalid(&self, verb: &str, reason: impl Into<String>) -> HostError {
        HostError::new(
            Kind::Invalid,
            format!("{verb} the partition table of {}", self.name),
            reason,
        )
    }
}

/// Little-endian numbers at a place in a block; the blocks that are read have their full length.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sparse;

    const MIB: u64 = 1 << 20;

    fn disk(size: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        sparse::create(&path, size).unwrap();
        (directory, path)
    }

    fn wanted(name: &str, kind: &str, size: Option<u64>) -> Wanted {
        Wanted {
            name: name.into(),
            kind: kind.into(),
            size,
            uuid: format!("00000000-1111-4222-8333-{:012x}", name.len()),
        }
    }

    fn table(scheme: Scheme, size: u64) -> Table {
        let (disk, loader) = match scheme {
            Scheme::Gpt => ("01234567-89ab-4cde-8f01-23456789abcd", "bios-boot"),
            Scheme::Mbr => ("89abcdef", "esp"),
        };
        let all = [
            wanted("b", loader, Some(MIB)),
            wanted("rü", "linux-root", None),
            wanted("swp", "swap", Some(2 * MIB)),
        ];
        lay_out(scheme, disk, "x86_64", size, &all).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for scheme in [Scheme::Gpt, Scheme::Mbr] {
            let (_directory, path) = disk(64 * MIB);
            let written = table(scheme, 64 * MIB);
            write(&path, &written).unwrap();
            let read = read(&path).unwrap().unwrap();
            assert_eq!((read.scheme, &read.disk), (scheme, &written.disk));
            let places = |table: &Table| {
                table
                    .entries
                    .iter()
                    .map(|one| (one.number, one.start, one.size))
                    .collect::<Vec<_>>()
            };
            assert_eq!(places(&read), places(&written));
            assert_eq!(read.entries[1].kind, written.entries[1].kind);
            assert_eq!(read.entries, written.entries);
        }
    }

    #[test]
    fn one_partition_takes_what_the_others_leave() {
        let written = table(Scheme::Gpt, 64 * MIB);
        let sizes: Vec<_> = written.entries.iter().map(|entry| entry.size / MIB).collect();
        // 1 MiB before the first, and less than one behind the last for the copy of the table.
        assert_eq!(sizes, [1, 59, 2]);
    }

    #[test]
    fn the_copy_serves_when_the_first_is_damaged() {
        let (_directory, path) = disk(64 * MIB);
        let written = table(Scheme::Gpt, 64 * MIB);
        write(&path, &written).unwrap();
        let open = Disk::open(&path, Access::Write).unwrap();
        open.write(1, &[0xff; 40]).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().entries, written.entries);
        open.write(open.blocks - 1, &[0xff; 40]).unwrap();
        assert_eq!(read(&path).unwrap_err().kind, Kind::Invalid);
    }

    #[test]
    fn a_damaged_entry_is_noticed() {
        let (_directory, path) = disk(64 * MIB);
        write(&path, &table(Scheme::Gpt, 64 * MIB)).unwrap();
        let open = Disk::open(&path, Access::Write).unwrap();
        open.write(2, &[0x55; 3]).unwrap();
        open.write(open.blocks - 33, &[0x55; 3]).unwrap();
        assert_eq!(read(&path).unwrap_err().kind, Kind::Invalid);
    }

    #[test]
    fn a_table_grows_with_its_disk() {
        for scheme in [Scheme::Gpt, Scheme::Mbr] {
            let (_directory, path) = disk(64 * MIB);
            let mut written = table(scheme, 64 * MIB);
            written.entries.pop();
            write(&path, &written).unwrap();
            sparse::resize(&path, 128 * MIB).unwrap();
            assert_eq!(grow(&path, 1).unwrap_err().kind, Kind::Invalid);
            let grown = grow(&path, 2).unwrap();
            assert_eq!(grown.disk, written.disk);
            assert_eq!(grown.entries[0], written.entries[0]);
            assert_eq!(grown.entries[1].start, written.entries[1].start);
            assert!(grown.entries[1].start + grown.entries[1].size > 126 * MIB, "{grown:?}");
            assert_eq!(read(&path).unwrap().unwrap(), grown);
        }
    }

    #[test]
    fn no_table_is_none() {
        let (_directory, path) = disk(8 * MIB);
        assert_eq!(read(&path).unwrap(), None);
        let open = Disk::open(&path, Access::Write).unwrap();
        let mut fat = [0; 512];
        fat[54..59].copy_from_slice(b"FAT16");
        fat[450] = 0x83;
        fat[510..].copy_from_slice(&[0x55, 0xaa]);
        open.write(0, &fat).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn partitions_that_cannot_be_are_refused() {
        let (_directory, path) = disk(64 * MIB);
        let mut overlapping = table(Scheme::Gpt, 64 * MIB);
        overlapping.entries[1].start = overlapping.entries[0].start;
        assert_eq!(write(&path, &overlapping).unwrap_err().kind, Kind::Invalid);
        let beyond = table(Scheme::Gpt, 128 * MIB);
        assert_eq!(write(&path, &beyond).unwrap_err().kind, Kind::Invalid);
        let large = [wanted("root", "linux", Some(70 * MIB))];
        assert_eq!(
            lay_out(Scheme::Gpt, "", "x86_64", 64 * MIB, &large).unwrap_err().kind,
            Kind::Full
        );
    }
}
