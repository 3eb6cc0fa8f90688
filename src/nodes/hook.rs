//! Commands on the builder host at a certain moment of a build.

use serde::{Deserialize, Serialize};

use super::given::{BuildValues, given};
use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError};
use super::{Handle, work};
use crate::address::Address;
use crate::providers::Marker;
use crate::spec::HookPoint;
use crate::steps::local::{self, Local};
use crate::steps::{Every, Site};

/// Commands to be run.
///
/// A hook is an effect like any other, with two exceptions that the executor knows by their [`HookPoint`]. Both wait until
/// every node in `after` has *settled*, in whatever way, and are not skipped because one of them was:
/// - `on_failure` runs if one of them failed, and is skipped otherwise. It needs the image's mounts opened, so whatever of
///   them stands still stands while it runs.
/// - `always` runs in any case, also after a stop, when the image is registered or has failed for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// When.
    pub point: HookPoint,
    /// `inline`, `env`, ...; `build.*` in them is settled from the nodes below.
    pub arguments: Arguments,
    /// What gives the `build.*` values and what must have happened.
    pub after: Vec<Need>,
    /// What stands for now in a reproducible image: seconds after 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
}

impl Kind for Hook {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.after.clone()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let build = BuildValues::of(&self.after, cx);
        let given = given(&self.arguments, &local::BLOCK, &build, cx)?;
        let site = Site {
            root: build.mount_path.unwrap_or_default(),
            device: build.device.unwrap_or_default(),
            mounts: mounts(cx),
            date: self.date,
            ..work::bare_site(cx).await?
        };
        let (step, every, output) = (Local::of(&given), Every::of(&given), work::output(cx));
        work::run(every.run(&step, &site, &output), &site, cx).await
    }
}

/// The mount points that stand while the hook runs.
fn mounts(cx: &Context) -> Vec<String> {
    let of = |(_, handle): (&Address, &Handle)| match handle {
        Handle::Mount { handle } => Some(handle.target.clone()),
        _ => None,
    };
    cx.outputs.iter().filter_map(of).collect()
}
