//! What the executor writes into the journal, and the markers of what it makes.

use crate::address::Address;
use crate::digest::ContentHasher;
use crate::host::machine::Process;
use crate::journal::backend::JournalError;
use crate::journal::{Journal, Outcome, Record};
use crate::nodes::{Handle, Keeper, Lifetime, Node, NodeData};
use crate::providers::{Marker, Owner, RunId};
use crate::spec::ProviderKey;

/// The journal of a run, with what its records need to know.
#[derive(Debug)]
pub struct Ledger {
    journal: Journal,
    run: RunId,
    owner: Owner,
    host: String,
}

impl Ledger {
    /// Of a run whose journal has begun.
    pub fn new(journal: Journal, run: RunId, owner: Owner, host: String) -> Ledger {
        Ledger {
            journal,
            run,
            owner,
            host,
        }
    }

    /// What a node's resource will carry: never the same for two runs, nodes or attempts.
    pub fn marker(&self, node: &Node, attempt: u32) -> Marker {
        let mut hasher = ContentHasher::new("marker", 1);
        hasher
            .text("run", &self.run.0)
            .text("address", &node.address.to_string());
        hasher.text("attempt", &attempt.to_string());
        Marker {
            token: hasher.finish().hex()[..32].to_owned(),
            owner: self.owner.clone(),
            address: node.address.clone(),
            run: self.run.clone(),
            host: self.host.clone(),
            provider: provider(&node.data).cloned(),
        }
    }

    /// Before an open: what nobody but the journal would remember is on the disk before it can exist.
    pub fn intend(&mut self, node: &Node, marker: &Marker) -> Result<(), JournalError> {
        if !is_remembered(&node.data) {
            return Ok(());
        }
        self.journal.write_through(&Record::Intent {
            address: node.address.clone(),
            kind: node.data.kind(),
            marker: marker.clone(),
        })
    }

    /// After an open.
    pub fn opened(&mut self, node: &Node, handle: &Handle) -> Result<(), JournalError> {
        match node.data.kind().lifetime() {
            Lifetime::Effect => Ok(()),
            _ => self.journal.write(&Record::Opened {
                address: node.address.clone(),
                handle: handle.clone(),
            }),
        }
    }

    /// Nothing of it stands: after a close, or after an open that made nothing.
    pub fn closed(&mut self, address: &Address) -> Result<(), JournalError> {
        self.journal.write(&Record::Closed {
            address: address.clone(),
        })
    }

    /// An open failed and made nothing.
    pub fn made_nothing(&mut self, node: &Node) -> Result<(), JournalError> {
        if is_remembered(&node.data) {
            self.closed(&node.address)
        } else {
            Ok(())
        }
    }

    /// A close failed.
    pub fn stuck(&mut self, address: &Address, error: &str) -> Result<(), JournalError> {
        self.journal.write_through(&Record::Stuck {
            address: address.clone(),
            error: error.to_owned(),
        })
    }

    /// A helper process runs, or is told to outlive the run.
    pub fn helper(&mut self, address: &Address, process: Process, kept: bool) -> Result<(), JournalError> {
        let address = address.clone();
        self.journal.write(&Record::Helper { address, process, kept })
    }

    /// The lock of the run, for a helper that outlives it.
    pub fn share(&self) -> Result<std::os::fd::OwnedFd, JournalError> {
        self.journal.share()
    }

    /// The end. A journal that has nothing to remember is removed; one whose lock was given to a helper is left to it.
    pub fn end(mut self, outcome: Outcome) -> Result<(), JournalError> {
        self.journal.write_through(&Record::Ended { outcome })?;
        match outcome {
            Outcome::Incomplete => self.journal.leave(),
            _ => self.journal.remove()?,
        }
        Ok(())
    }
}

/// Whether a node makes something that outlives bake and the helper.
fn is_remembered(data: &NodeData) -> bool {
    let kind = data.kind();
    kind.keeper() == Keeper::Journal && kind.lifetime() != Lifetime::Effect
}

/// The provider that a node calls.
pub(super) fn provider(data: &NodeData) -> Option<&ProviderKey> {
    match data {
        NodeData::Volume(node) => Some(&node.provider),
        NodeData::Snapshot(node) => Some(&node.provider),
        NodeData::Image(node) => Some(&node.provider),
        NodeData::Adopt(node) => Some(&node.provider),
        NodeData::Update(node) => Some(&node.provider),
        NodeData::RegionalCopy(node) => Some(&node.provider),
        NodeData::Share(node) => Some(&node.provider),
        NodeData::Parameter(node) => Some(&node.provider),
        NodeData::Retire(node) => Some(&node.provider),
        _ => None,
    }
}
