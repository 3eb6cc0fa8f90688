//! Filling an empty root: a package system or an archive.

use serde::{Deserialize, Serialize};

use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;

/// A root to be filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// `debian`, `tar`.
    pub kind: String,
    /// `x86_64`, `aarch64`.
    pub architecture: crate::spec::Architecture,
    /// Its arguments.
    pub arguments: Arguments,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

impl Kind for Bootstrap {
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
