//! What happens during an apply, as the terminal, `-json` and tests see it. Events report; they never decide anything.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::units::Duration;

/// Opening or closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// The node is opened (made, run).
    Open,
    /// The node is closed (torn down).
    Close,
}

/// Half of a node, as the cause of another's beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct After {
    /// Which.
    pub address: Address,
    /// Which half.
    pub half: Half,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The apply begins.
    Started {
        /// The run.
        run: String,
        /// Nodes to open.
        nodes: usize,
        /// The directory of its logs, which is made by the first of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logs: Option<PathBuf>,
    },
    /// A node begins.
    NodeStarted {
        /// Which.
        address: Address,
        /// Which half.
        half: Half,
        /// What it does, in a few words: `run scripts/nginx.sh`.
        summary: String,
        /// The last to end before this could begin: what it waited for, or what made room for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<After>,
    },
    /// A node is under way: percent done, if that is known.
    NodeProgress {
        /// Which.
        address: Address,
        /// 0 to 100.
        percent: u8,
    },
    /// A step wrote something. Sensitive values are masked already.
    Output {
        /// Which.
        address: Address,
        /// One line without its end.
        line: String,
    },
    /// A node waits: for whom or what.
    Waiting {
        /// Which.
        address: Address,
        /// `the lock of image.web, held by pid 71 on build1 since 12:03`.
        reason: String,
    },
    /// A node is done.
    NodeDone {
        /// Which.
        address: Address,
        /// Which half.
        half: Half,
        /// How long it took.
        elapsed: Duration,
        /// What came of it, if that has a name: `ami-0c3...`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// A node failed.
    NodeFailed {
        /// Which.
        address: Address,
        /// Which half.
        half: Half,
        /// How long it took.
        elapsed: Duration,
        /// Why.
        diagnostic: Diagnostic,
    },
    /// A node was not opened, because something that it needs failed or a stop was asked for.
    NodeSkipped {
        /// Which.
        address: Address,
    },
    /// Something to know that belongs to no node: a recovery, a lock, a stop.
    Message {
        /// In words.
        text: String,
    },
}

/// Where events go. Cheap to clone; sending never blocks and never fails.
#[derive(Clone)]
pub struct Events(std::sync::Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Sends to this function.
    pub fn to(sink: impl Fn(Event) + Send + Sync + 'static) -> Events {
        Events(std::sync::Arc::new(sink))
    }

    /// Sends nowhere.
    pub fn nowhere() -> Events {
        Events::to(|_| ())
    }

    /// Says that something happened.
    pub fn send(&self, event: Event) {
        (self.0)(event);
    }

    /// Says something that belongs to no node.
    pub fn message(&self, text: impl Into<String>) {
        self.send(Event::Message { text: text.into() });
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
