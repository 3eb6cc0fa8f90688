//! `/etc/fstab` of a scratch image, written from the declared mounts.

use serde::{Deserialize, Serialize};

use super::{Context, Filesystem, Keeper, Kind, Lifetime, Need, NodeError, Ref, Surroundings};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;

/// The table to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fstab {
    /// In the order of the lines.
    pub lines: Vec<Line>,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Named by its UUID.
    pub filesystem: Ref<Filesystem>,
    /// `/`, or `none` for swap.
    pub target: String,
    /// Empty: `defaults`.
    pub options: Vec<String>,
}

impl Kind for Fstab {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.within
            .needs()
            .into_iter()
            .chain(self.lines.iter().map(|line| line.filesystem.opened()))
            .collect()
    }

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<(), NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
