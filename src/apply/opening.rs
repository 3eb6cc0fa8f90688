//! One open: the call, and what is found if its answer was lost.

use std::time::{Duration, Instant};

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::nodes::{Context, Handle, Keeper, Lifetime, Node, NodeError, NodeKind};
use crate::providers::Marker;

/// How an open went.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Done(Handle),
    /// It failed; what it left standing, if it left something.
    Failed(NodeError, Option<Handle>),
    /// It failed, and it could not be found out whether something stands.
    Unclear(NodeError, NodeError),
}

/// Opens a node. An open that failed is looked up by its marker: no answer is not "nothing there". What is found of a
/// lasting node counts as opened; anything else is to be closed.
pub async fn open(node: &Node, marker: &Marker, cx: &Context) -> Opened {
    let error = match node.data.open(&node.address, marker, cx).await {
        Ok(handle) => return Opened::Done(handle),
        Err(error) => error,
    };
    match find(node, marker, &error, cx).await {
        Ok(Some(handle)) if node.data.kind().lifetime() == Lifetime::Lasting => Opened::Done(handle),
        Ok(found) => Opened::Failed(error, found),
        Err(unclear) => Opened::Unclear(error, unclear),
    }
}

/// After a plain no one look is enough.
async fn find(node: &Node, marker: &Marker, error: &NodeError, cx: &Context) -> Result<Option<Handle>, NodeError> {
    let kind = node.data.kind();
    let Some(provider) = &marker.provider else {
        return Ok(None);
    };
    if kind.keeper() != Keeper::Journal || kind.lifetime() == Lifetime::Effect {
        return Ok(None);
    }
    let settle = match error {
        NodeError::Provider(error) if error.is_definite() => Duration::ZERO,
        _ => cx.providers.get(provider)?.settle(),
    };
    look(kind, marker, settle, cx).await
}

/// Looks until something is found, or "nothing there" has been answered for so long.
pub async fn look(
    kind: NodeKind,
    marker: &Marker,
    settle: Duration,
    cx: &Context,
) -> Result<Option<Handle>, NodeError> {
    let begun = Instant::now();
    loop {
        let found = kind.find(marker, cx).await?;
        if found.is_some() || begun.elapsed() >= settle {
            return Ok(found);
        }
        tokio::time::sleep(settle / 20).await;
    }
}

/// The words for a node that failed, about its address.
pub fn explained(error: NodeError, at: &Address) -> Diagnostic {
    match error {
        NodeError::Stopped => Diagnostic::error("stopped before its end").about(at),
        error => Diagnostic::from(error).about(at),
    }
}
