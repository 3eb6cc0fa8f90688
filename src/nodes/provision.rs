//! A provision step.

use serde::{Deserialize, Serialize};

use super::{Arguments, Keeper, Kind, Lifetime, Need, Surroundings};

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
}
