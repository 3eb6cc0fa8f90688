//! The partitions of an attached volume: written or read, added to the kernel, and handed on as one device each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Attachment, Context, Hook, Keeper, Kind, Lifetime, Need, NodeError, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
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
    /// Which table there is.
    pub table: Option<PartitionTable>,
    /// By number; empty without a table.
    pub entries: Vec<PartitionEntry>,
}

impl PartitionsHandle {
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
    /// `/dev/loop0p1`.
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

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<PartitionsHandle, NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
