//! The lines of a journal.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::digest::Digest;
use crate::host::machine::Process;
use crate::nodes::{Handle, NodeKind};
use crate::providers::{Marker, RunId};
use crate::spec::ProviderSettings;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The first line: what recovery needs to find and close things again. No credentials.
    Began {
        /// The run.
        run: RunId,
        /// Digest of the plan.
        plan: Digest,
        /// RFC 3339.
        at: String,
        /// Every provider of the plan.
        providers: Vec<ProviderSettings>,
    },
    /// Something is about to be made; fsynced before the call.
    Intent {
        /// The node.
        address: Address,
        /// Its kind.
        kind: NodeKind,
        /// What the thing will carry.
        marker: Marker,
    },
    /// It stands.
    Opened {
        /// The node.
        address: Address,
        /// All that closing needs.
        handle: Handle,
    },
    /// It is gone again.
    Closed {
        /// The node.
        address: Address,
    },
    /// It could not be closed.
    Stuck {
        /// The node.
        address: Address,
        /// Why.
        error: String,
    },
    /// The helper process of an image was seen to run: what it keeps is gone when it is dead.
    Helper {
        /// Any node of the image.
        address: Address,
        /// Which process.
        process: Process,
        /// Whether it was told to outlive the run (`-on-error keep`).
        kept: bool,
    },
    /// The run is over; only a recovery adds to it.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was planned is done.
    Done,
    /// Something failed; all that had to be closed is closed.
    Failed,
    /// It was interrupted; all that had to be closed is closed.
    Interrupted,
    /// Something is left standing.
    Incomplete,
}
