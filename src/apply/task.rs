//! One step as a task of its own: opens or closes a node, and answers how that went, whatever happens in it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::choice::{Choice, Failure, OnError};
use super::opening::{Opened, explained, open};
use crate::diagnostic::Diagnostic;
use crate::event::Half;
use crate::nodes::{Context, Handle, Keeper, Node, NodeError};
use crate::plan::steps::Step;
use crate::providers::Marker;

/// How long the kernel may take to free what a helper held.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a step went.
#[derive(Debug)]
pub enum Done {
    /// Of an open, with what is to be done if it failed.
    Opened(Box<Opened>, Choice),
    /// Of a close.
    Closed(Closed),
    /// It was gone before it could be closed.
    Gone,
}

/// How a close went.
#[derive(Debug)]
pub struct Closed {
    /// Whether it went well.
    pub result: Result<(), NodeError>,
    /// Whether it is gone although the close failed, because its helper was ended.
    pub gone: bool,
}

impl Done {
    /// A step that did not begin.
    pub fn refused(half: Half, error: NodeError) -> Done {
        match half {
            Half::Open => Done::Opened(Box::new(Opened::Failed(error, None)), Choice::Cleanup),
            Half::Close => Done::Closed(Closed {
                result: Err(error),
                gone: false,
            }),
        }
    }
}

/// A step that can be run.
pub struct Task(Work);

type Work = Box<dyn FnOnce(Step) -> Pin<Box<dyn Future<Output = Done> + Send>> + Send>;

impl Task {
    /// Opens a node.
    pub fn open(nodes: Arc<[Node]>, marker: Marker, cx: Context, on_error: OnError) -> Task {
        Task(Box::new(move |step| {
            Box::pin(async move {
                let node = &nodes[step.node];
                let opened = open(node, &marker, &cx).await;
                let choice = match &opened {
                    Opened::Done(_) => Choice::Cleanup,
                    Opened::Failed(error, _) | Opened::Unclear(error, _) => choose(node, error, &cx, &on_error).await,
                };
                Done::Opened(Box::new(opened), choice)
            })
        }))
    }

    /// Closes a node.
    pub fn close(nodes: Arc<[Node]>, handle: Arc<Handle>, cx: Context) -> Task {
        Task(Box::new(move |step| {
            Box::pin(async move {
                let at = &nodes[step.node].address;
                let result = handle.close(at, &cx).await;
                let kept_by_helper = handle.kind().keeper() == Keeper::Helper;
                let gone = result.is_err() && kept_by_helper && end_helper(&cx).await;
                Done::Closed(Closed { result, gone })
            })
        }))
    }

    /// What is gone already.
    pub fn gone() -> Task {
        Task(Box::new(|_| Box::pin(async { Done::Gone })))
    }

    /// Runs it. A panic of the node is a failure of the node.
    pub async fn run(self, step: Step) -> (Step, Instant, Done) {
        let begun = Instant::now();
        let done = tokio::spawn((self.0)(step)).await;
        let done = done.unwrap_or_else(|panic| {
            let words = Diagnostic::error(format!("bake has an error: {panic}")).help("please report it");
            Done::refused(step.half, words.into())
        });
        (step, begun, done)
    }
}

/// Ends the helper of the node's image: the kernel takes what it held. Whether that worked.
async fn end_helper(cx: &Context) -> bool {
    match cx.helpers.take(&cx.at.image).await {
        Some(helper) => tokio::time::timeout(PATIENCE, helper.end()).await.is_ok(),
        None => true,
    }
}

/// What is to be done about a failure, asked for while everything under the node still stands.
async fn choose(node: &Node, error: &NodeError, cx: &Context, on_error: &OnError) -> Choice {
    let attendant = match on_error {
        _ if cx.stop.is_stopped() => return Choice::Cleanup,
        OnError::Cleanup => return Choice::Cleanup,
        OnError::Keep => return Choice::Keep,
        OnError::Consult(attendant) => attendant,
    };
    let failure = Failure {
        address: node.address.clone(),
        diagnostic: explained(error.clone(), &node.address),
        helper: cx.helpers.running().await.remove(&node.address.image),
        root: root(cx),
    };
    tokio::select! {
        biased;
        () = cx.stop.stopped() => Choice::Cleanup,
        choice = attendant.failed(&failure) => choice,
    }
}

/// Where the image's root is mounted, if the node needs it.
fn root(cx: &Context) -> Option<PathBuf> {
    cx.outputs.iter().find_map(|(_, handle)| match handle {
        Handle::Mount { handle } if handle.target == "/" => Some(handle.root.clone()),
        _ => None,
    })
}
