//! Filling an empty root: a package system or an archive.

use serde::{Deserialize, Serialize};

use super::given::{BuildValues, given};
use super::work;
use super::{Arguments, Context, Keeper, Kind, Lifetime, Need, NodeError, Surroundings};
use crate::address::Address;
use crate::bootstrap;
use crate::diagnostic::Diagnostic;
use crate::host::helper::Chroot;
use crate::providers::Marker;
use crate::steps::{Output, Site, StepError};

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
    /// Whether a tree that was made before does not count: it is to be seen whether making it gives the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

impl Kind for Bootstrap {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.within.needs()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let unknown = || Diagnostic::error(format!("unknown kind of bootstrap {:?}", self.kind));
        let kind = bootstrap::kind(&self.kind).ok_or_else(unknown)?;
        let site = Site {
            anew: self.anew,
            ..work::site(&self.within, cx).await?
        };
        let given = given(&self.arguments, kind.block, &BuildValues::default(), cx)?;
        let (part, output) = ((kind.decode)(&given, self.architecture.name()), work::output(cx));
        work::run(self.bare(&*part, &site, &output, cx), &site, cx).await
    }
}

impl Bootstrap {
    /// Fills the root while the mounts of the chroot are taken off: what the image has in `/dev` and `/run` is its own.
    async fn bare(
        &self,
        part: &dyn bootstrap::Bootstrap,
        site: &Site,
        output: &Output,
        cx: &Context,
    ) -> Result<(), StepError> {
        let mounts = std::iter::once(&self.within.root).chain(&self.within.mounts);
        let handles = mounts.filter_map(|mount| cx.outputs.get(mount).ok());
        let devices = handles.flat_map(|mount| mount.devices.clone()).collect();
        let is_entered = cx.outputs.get(&self.within.root).is_ok_and(|root| root.entered);
        if !is_entered {
            return part.fill(site, output).await;
        }
        site.helper.leave_chroot(&site.root).await?;
        part.fill(site, output).await?;
        let root = site.root.clone();
        Ok(site.helper.enter_chroot(Chroot { root, devices }).await?)
    }
}
