//! What a node may touch while it is opened or closed. Nothing else is passed in; the journal in particular is the
//! executor's alone.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Handle, HandleOf, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Events};
use crate::host::HostError;
use crate::host::helper::Helper;
use crate::providers::{Provider, ProviderError, Providers, RunId};
use crate::units::Duration;

pub use super::helpers::Helpers;
pub use super::stop::{StopSwitch, StopToken};
pub use crate::secrets::Secrets;

/// What a node may touch.
#[derive(Debug, Clone)]
pub struct Context {
    /// The node.
    pub at: Address,
    /// What the nodes yielded that this one needs.
    pub outputs: Outputs,
    /// Providers of the plan.
    pub providers: Providers,
    /// The processes that do the host work of images.
    pub helpers: Helpers,
    /// Who is told.
    pub events: Events,
    /// Whether it should go on. A node that is being closed goes on.
    pub stop: StopToken,
    /// Where all that a step writes is kept.
    pub log: StepLog,
    /// What must not be seen.
    pub secrets: Secrets,
    /// The run.
    pub run: RunId,
    /// How long the nodes took that are open already.
    pub took: Arc<BTreeMap<Address, Duration>>,
    /// RFC 3339: when the run began; what is created now is dated so.
    pub now: String,
}

impl Context {
    /// The helper process of the node's image.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn helper(&self) -> Result<Helper, NodeError> {
        Ok(self.helpers.of(&self.at.image).await?)
    }

    /// Waits for what a provider does elsewhere, unless a stop is asked for: what it has made by then is found by its marker.
    /// A provider on this host is not cut off in its work.
    ///
    /// # Errors
    /// [`NodeError::Stopped`]; those of the provider.
    pub async fn unless_stopped<T>(
        &self,
        provider: &dyn Provider,
        work: impl Future<Output = Result<T, ProviderError>> + Send,
    ) -> Result<T, NodeError> {
        if !provider.is_shared() {
            return Ok(work.await?);
        }
        tokio::select! {
            done = work => Ok(done?),
            () = self.stop.stopped() => Err(NodeError::Stopped),
        }
    }

    /// Keeps and shows a line of a step's output, masked.
    pub fn line(&self, line: &str) {
        let line = self.secrets.mask(line);
        self.log.write(format!("{line}\n").as_bytes());
        self.events.send(Event::Output {
            address: self.at.clone(),
            line,
        });
    }
}

/// The handles of a node's needs, and no others.
#[derive(Debug, Clone, Default)]
pub struct Outputs(BTreeMap<Address, Arc<Handle>>);

impl Outputs {
    /// Of these nodes.
    pub fn new(handles: BTreeMap<Address, Arc<Handle>>) -> Outputs {
        Outputs(handles)
    }

    /// What the node yielded at which this points.
    ///
    /// # Errors
    /// [`NodeError::NotOpen`] if the reference is not among the node's needs.
    pub fn get<K: HandleOf>(&self, reference: &Ref<K>) -> Result<&K::Handle, NodeError> {
        let handle = self.0.get(&reference.at).and_then(|handle| K::unwrap(handle));
        handle.ok_or_else(|| NodeError::NotOpen(reference.at.clone()))
    }

    /// What a node yielded, of whatever kind it is.
    pub fn handle(&self, at: &Address) -> Option<&Handle> {
        self.0.get(at).map(AsRef::as_ref)
    }

    /// Every handle, by the address of its node.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Handle)> {
        self.0.iter().map(|(address, handle)| (address, handle.as_ref()))
    }
}

type Sink = dyn Fn(&[u8]) + Send + Sync;

/// Where the whole output of one step is kept.
#[derive(Clone)]
pub struct StepLog {
    path: PathBuf,
    sink: Arc<Sink>,
}

impl StepLog {
    /// Keeps by calling `sink`; `path` is what people are told. A full disk must not fail a step: `sink` has no error.
    pub fn new(path: impl Into<PathBuf>, sink: impl Fn(&[u8]) + Send + Sync + 'static) -> StepLog {
        StepLog {
            path: path.into(),
            sink: Arc::new(sink),
        }
    }

    /// Where to look, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps these bytes, which must be masked already.
    pub fn write(&self, bytes: &[u8]) {
        (self.sink)(bytes);
    }
}

impl std::fmt::Debug for StepLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StepLog({})", self.path.display())
    }
}

/// Why a node could not be opened or closed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NodeError {
    /// It was cut off because a stop was asked for.
    #[error("stopped")]
    Stopped,
    /// The provider said no.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It reads a node that is not among its needs: a plan file that was changed by hand, or an error in bake.
    #[error("{0} is read but not open")]
    NotOpen(Address),
    /// Anything else, with its words.
    #[error("{}", .0.summary)]
    Failed(Box<Diagnostic>),
}

impl From<HostError> for NodeError {
    fn from(error: HostError) -> NodeError {
        Diagnostic::from(error).into()
    }
}

impl From<Diagnostic> for NodeError {
    fn from(diagnostic: Diagnostic) -> NodeError {
        NodeError::Failed(Box::new(diagnostic))
    }
}

impl From<NodeError> for Diagnostic {
    fn from(error: NodeError) -> Diagnostic {
        match error {
            NodeError::Provider(error) => error.into(),
            NodeError::Failed(diagnostic) => *diagnostic,
            NodeError::Stopped => Diagnostic::error("stopped"),
            NodeError::NotOpen(_) => Diagnostic::error(error.to_string())
                .help("make a new plan; if that does not help, this is an error in bake: please report it"),
        }
    }
}
