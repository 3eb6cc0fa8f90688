//! Commands on the builder host at a certain moment of a build.

use serde::{Deserialize, Serialize};

use super::{Arguments, Keeper, Kind, Lifetime, Need};
use crate::spec::HookPoint;

/// Commands to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// When.
    pub point: HookPoint,
    /// `inline`, `env`, ...; `build.*` in them is settled from the nodes below.
    pub arguments: Arguments,
    /// What gives the `build.*` values and what must have happened.
    pub after: Vec<Need>,
}

impl Kind for Hook {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.after.clone()
    }
}
