//! A provision step.

use serde::{Deserialize, Serialize};

use super::given::{BuildValues, given};
use super::work;
use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;
use crate::steps::{self, Every};

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
    /// Whether it finds the names in directories in another order where a tmpfs holds the tree; only `bake verify` says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turned: bool,
}

impl Kind for Provision {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.within.needs()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let unknown = || Diagnostic::error(format!("unknown kind of step {:?}", self.kind));
        let kind = steps::kind(&self.kind).ok_or_else(unknown)?;
        let site = work::site(&self.within, cx).await?;
        if self.turned {
            work::turn(&site).await?;
        }
        let given = given(&self.arguments, kind.block, &BuildValues::of(&self.needs(), cx), cx)?;
        let (step, every, output) = ((kind.decode)(&given), Every::of(&given), work::output(cx));
        work::run(every.run(&*step, &site, &output), &site, cx).await
    }
}
