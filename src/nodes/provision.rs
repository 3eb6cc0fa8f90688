//! A provision step.

use serde::{Deserialize, Serialize};

use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;

/// A step to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provision {
    /// `shell`, `file`, `local`.
    pub kind: String,
    /// Its label.
    pub label: String,
    /// Its arguments.
    pub arguments: Arguments,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

impl Kind for Provision {
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
