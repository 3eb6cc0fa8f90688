//! A file system on a partition or on a whole volume: made, or found in a source.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Partitions, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;
use crate::spec::RootPartition;

/// What is to be done with a partition's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filesystem {
    /// The table in which the partition stands.
    pub partitions: Ref<Partitions>,
    /// Which partition.
    pub on: On,
    /// Make it or use it.
    pub action: Action,
}

/// Which partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The whole volume.
    Whole,
    /// By number, from 1.
    Number(u32),
    /// The root of a source, found so.
    Root(RootPartition),
}

/// Make a file system or use the one that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// mkfs.
    Make {
        /// `ext4`, `xfs`, `btrfs`, `vfat`, `swap`.
        kind: String,
        /// Label.
        label: Option<String>,
        /// UUID; for vfat its first 32 bits. Derived from the digest.
        uuid: String,
        /// Further arguments of mkfs.
        options: Vec<String>,
    },
    /// It is there.
    Use {
        /// Whether it is grown to the size of the partition.
        grow: bool,
    },
}

/// A file system that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesystemHandle {
    /// The device it is on.
    pub device: PathBuf,
    /// `ext4`, ...
    pub kind: String,
    /// As `blkid` prints it.
    pub uuid: String,
    /// Label, if it has one.
    pub label: Option<String>,
    /// `PARTUUID` of its partition, if it is on one.
    pub partuuid: Option<String>,
}

impl Kind for Filesystem {
    type Handle = FilesystemHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        vec![self.partitions.opened()]
    }

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<FilesystemHandle, NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
