//! A boot loader in the declared partitions.

use serde::{Deserialize, Serialize};

use super::{Arguments, Keeper, Kind, Lifetime, Need, Surroundings};

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
}
