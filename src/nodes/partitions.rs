//! The partitions of an attached volume: written or read, added to the kernel, and handed on as one device each.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Attachment, Context, Hook, Keeper, Kind, Lifetime, Need, NodeError, Ref, work};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems::Place;
use crate::host::helper::Extent;
use crate::host::partitions::{self, Scheme, Wanted};
use crate::host::{files, machine, pour};
use crate::providers::Marker;
use crate::spec::PartitionTable;
use crate::units::Size;

/// What is to be done with the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partitions {
    /// The disk.
    pub attachment: Ref<Attachment>,
    /// Write it, read it, or there is none.
    pub table: Table,
    /// Hooks that partition (`before_mount` with `partition_table = "none"`): the table is read after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Ref<Hook>>,
}

/// The table of a volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Written anew.
    Write {
        /// gpt or mbr.
        kind: PartitionTable,
        /// UUID of the disk (GPT), or its first 32 bits (MBR); derived from the digest, so equal specs give equal tables.
        disk: String,
        /// In order, numbered from 1.
        entries: Vec<Entry>,
    },
    /// Read from a source; none is fine (a file system on the whole disk).
    Read {
        /// Whether the root partition is grown to the end of the disk.
        grow: bool,
    },
    /// There is none: the whole disk is one file system, or raw.
    None,
}

/// A partition to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Name in the GPT, and the label of its block.
    pub name: String,
    /// `linux-root`, `esp`, a GUID, ...; the architecture is settled by the compiler of the graph.
    pub kind: String,
    /// `None`: all that is left.
    pub size: Option<Size>,
    /// UUID of the partition (GPT).
    pub uuid: String,
}

/// The partitions of a disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionsHandle {
    /// The whole disk.
    pub disk: PathBuf,
    /// Whether a provider has attached it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provided: bool,
    /// Whether the disk is a file and no device: each partition is a file beside it then, until it is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// Which table there is.
    pub table: Option<PartitionTable>,
    /// By number; empty without a table.
    pub entries: Vec<PartitionEntry>,
}

impl PartitionsHandle {
    /// Where a partition, or the whole of it, lies on the disk.
    ///
    /// # Errors
    /// If the disk cannot be looked at.
    pub(super) fn place_of(&self, device: &Path) -> Result<Place, Diagnostic> {
        let entry = self.entries.iter().find(|entry| entry.device == device);
        Ok(Place {
            start: entry.map_or(0, |entry| entry.start),
            disk: device_size(&self.disk)?,
        })
    }

    /// Devices by the names of their partitions, or by number where there is no name.
    pub fn by_name(&self) -> BTreeMap<String, PathBuf> {
        let name = |entry: &PartitionEntry| match entry.name.as_str() {
            "" => entry.number.to_string(),
            name => name.to_owned(),
        };
        self.entries
            .iter()
            .map(|entry| (name(entry), entry.device.clone()))
            .collect()
    }
}

/// A partition that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionEntry {
    /// From 1.
    pub number: u32,
    /// Name in the GPT; empty in an MBR that bake did not write.
    pub name: String,
    /// Type as written: GUID or MBR code in hex.
    pub kind: String,
    /// `/dev/loop0p1`, or a file.
    pub device: PathBuf,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What `PARTUUID=` takes.
    pub partuuid: String,
}

impl Kind for Partitions {
    type Handle = PartitionsHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        std::iter::once(self.attachment.opened())
            .chain(self.after.iter().map(Ref::opened))
            .collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<PartitionsHandle, NodeError> {
        let attachment = cx.outputs.get(&self.attachment)?;
        let (disk, provided) = (attachment.device.clone(), attachment.volume.is_some());
        let plain = attachment.is_plain();
        let table = match &self.table {
            Table::Write {
                kind,
                disk: id,
                entries,
            } => Some(write(&disk, *kind, id, entries)?),
            Table::Read { grow } => read(&disk, *grow)?,
            Table::None => None,
        };
        let Some(table) = table else {
            return Ok(PartitionsHandle {
                disk,
                provided,
                plain,
                table: None,
                entries: Vec::new(),
            });
        };
        let devices = match plain {
            true => apart(&disk, &table).await?,
            false => cx.helper().await?.add_partitions(&disk, &extents(&table)).await?,
        };
        let names = self.table.names();
        let entries = table.entries.iter().zip(devices).enumerate();
        Ok(PartitionsHandle {
            disk,
            provided,
            plain,
            table: Some(kind_of(table.scheme)),
            entries: entries
                .map(|(index, (entry, device))| stands(entry, device, names.get(index)))
                .collect(),
        })
    }

    /// Flushes a disk that a provider has attached, and its partitions: its snapshot is made while it is still there.
    /// That of a loop device is made after it was flushed and given back. Partitions that are files are put into the disk.
    async fn close(handle: &PartitionsHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        if handle.plain {
            return together(handle.clone()).await;
        }
        if !handle.provided {
            return Ok(());
        }
        Ok(cx.helper().await?.flush(&handle.disk).await?)
    }
}

impl Table {
    /// The names that bake gave, which an MBR does not keep.
    fn names(&self) -> Vec<&str> {
        match self {
            Table::Write { entries, .. } => entries.iter().map(|entry| entry.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

fn write(disk: &Path, kind: PartitionTable, id: &str, entries: &[Entry]) -> Result<partitions::Table, NodeError> {
    let wanted = entries.iter().map(|entry| Wanted {
        name: entry.name.clone(),
        kind: entry.kind.clone(),
        size: entry.size.map(Size::as_bytes),
        uuid: entry.uuid.clone(),
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let (scheme, id) = match kind {
        PartitionTable::Gpt => (Scheme::Gpt, id.to_owned()),
        PartitionTable::Mbr => (Scheme::Mbr, id.chars().filter(|c| *c != '-').take(8).collect()),
    };
    let table = partitions::lay_out(scheme, &id, machine::architecture(), device_size(disk)?, &wanted)?;
    partitions::write(disk, &table)?;
    Ok(table)
}

/// The table that is there, with its last partition grown to the end of the disk if that is asked for.
fn read(disk: &Path, grow: bool) -> Result<Option<partitions::Table>, NodeError> {
    let table = partitions::read(disk)?;
    let last = table
        .as_ref()
        .and_then(|table| table.entries.iter().max_by_key(|entry| entry.start));
    match last.filter(|_| grow) {
        Some(last) => Ok(Some(partitions::grow(disk, last.number)?)),
        None => Ok(table),
    }
}

/// A file for each partition of a disk in a file, with its content.
async fn apart(disk: &Path, table: &partitions::Table) -> Result<Vec<PathBuf>, NodeError> {
    let entries = table.entries.iter();
    let cut = entries.map(|entry| {
        (
            disk.with_extension(format!("p{}", entry.number)),
            entry.start,
            entry.size,
        )
    });
    let (disk, parts): (PathBuf, Vec<_>) = (disk.to_owned(), cut.collect());
    work::blocking(move || {
        let each = parts.into_iter().map(|(file, start, size)| {
            pour::cut(&disk, start, size, &file)?;
            Ok(file)
        });
        each.collect()
    })
    .await
}

/// Puts them into the disk again.
async fn together(handle: PartitionsHandle) -> Result<(), NodeError> {
    work::blocking(move || {
        handle.entries.iter().try_for_each(|entry| {
            pour::pour(&entry.device, &handle.disk, entry.start)?;
            files::remove(&entry.device)
        })
    })
    .await
}

fn extents(table: &partitions::Table) -> Vec<Extent> {
    let extent = |entry: &partitions::Entry| Extent {
        number: entry.number,
        start: entry.start,
        size: entry.size,
    };
    table.entries.iter().map(extent).collect()
}

fn kind_of(scheme: Scheme) -> PartitionTable {
    match scheme {
        Scheme::Gpt => PartitionTable::Gpt,
        Scheme::Mbr => PartitionTable::Mbr,
    }
}

fn stands(entry: &partitions::Entry, device: PathBuf, own_name: Option<&&str>) -> PartitionEntry {
    PartitionEntry {
        number: entry.number,
        name: own_name.map_or_else(|| entry.name.clone(), |name| (*name).to_owned()),
        kind: entry.kind.clone(),
        device,
        start: entry.start,
        size: entry.size,
        partuuid: entry.uuid.clone(),
    }
}

/// Bytes of a block device or file.
///
/// # Errors
/// If it cannot be opened.
pub(super) fn device_size(device: &Path) -> Result<u64, Diagnostic> {
    let end = std::fs::File::open(device).and_then(|mut file| file.seek(SeekFrom::End(0)));
    end.map_err(|why| Diagnostic::error(format!("cannot read the size of {}: {why}", device.display())))
}
