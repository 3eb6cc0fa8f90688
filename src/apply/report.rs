//! What an apply did, for its summary and its exit code.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::event::Half;
use crate::journal::Outcome;
use crate::nodes::NodeKind;
use crate::nodes::image::ImageHandle;
use crate::plan::PlannedOutput;
use crate::plan::steps::Fate;
use crate::providers::RunId;

/// What came of a plan.
#[derive(Debug, Clone)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// Every node in the order of the plan.
    pub nodes: Vec<NodeReport>,
    /// Why nodes failed, in the order in which they did.
    pub failures: Vec<NodeFailure>,
    /// Images that were registered or changed, by the address of their node.
    pub images: BTreeMap<Address, ImageHandle>,
    /// Nodes that were closed, by kind: what was torn down.
    pub closed: BTreeMap<NodeKind, usize>,
    /// Outputs of the module, as far as they are known now.
    pub outputs: BTreeMap<String, PlannedOutput>,
    /// How the run ended.
    pub outcome: Outcome,
    /// The exit status that a signal asked for.
    pub interrupted: Option<u8>,
    /// Images that another apply had built meanwhile, so that nothing was done for them.
    pub dropped: Vec<crate::address::ImageAddress>,
}

/// What became of a node.
#[derive(Debug, Clone)]
pub struct NodeReport {
    /// Which.
    pub address: Address,
    /// Its kind.
    pub kind: NodeKind,
    /// What became of it.
    pub fate: Fate,
}

/// A node that failed.
#[derive(Debug, Clone)]
pub struct NodeFailure {
    /// Which.
    pub address: Address,
    /// In which half.
    pub half: Half,
    /// Why.
    pub diagnostic: Diagnostic,
}

impl Report {
    /// Nodes with this fate, in the order of the plan.
    pub fn with(&self, fate: Fate) -> impl Iterator<Item = &Address> {
        self.nodes
            .iter()
            .filter(move |node| node.fate == fate)
            .map(|node| &node.address)
    }

    /// Whether everything was done that was planned.
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Done
    }
}
