//! A boot loader in the declared partitions.

use serde::{Deserialize, Serialize};

use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;

/// A boot loader to be put in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootLoader {
    /// `grub`.
    pub kind: String,
    /// `x86_64`, `aarch64`.
    pub architecture: crate::spec::Architecture,
    /// The disk that it is put on.
    pub partitions: super::Ref<super::Partitions>,
    /// The file system of `/`.
    pub root: super::Ref<super::Filesystem>,
    /// Its arguments.
    pub arguments: Arguments,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

impl Kind for BootLoader {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.within.needs()
    }

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<(), NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
