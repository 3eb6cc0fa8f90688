//! What becomes of one image of the module, with everything that its nodes and its part of the plan are made from.

use std::sync::Arc;

use super::Action;
use super::compare::Change;
use super::decide::Decision;
use super::publication::Announcing;
use crate::graph::Compiled;
use crate::lang::value::Value;
use crate::providers::manifest::{BuiltOn, Manifest};
use crate::providers::{ImageUpdate, ObservedImage, SnapshotId};

/// What becomes of one image of the module.
pub struct Fate<'a> {
    /// Its nodes and content.
    pub compiled: Compiled,
    /// What was decided.
    pub decision: Decision<'a>,
    /// Its standing releases, the current one first.
    pub standing: Vec<&'a ObservedImage>,
    /// What it is called afterwards.
    pub name: String,
    /// `self.release` of what stands afterwards.
    pub release_id: String,
    /// The number of what stands afterwards.
    pub number: u64,
    /// The image that it is built on.
    pub built_on: Option<BuiltOn>,
    /// A release that goes before the new one comes.
    pub first: Option<&'a ObservedImage>,
    /// What can be changed on the release that stays, and differs.
    pub mutable: Vec<Change>,
    /// What mends that.
    pub update: ImageUpdate,
    /// Whether its releases stand under another address.
    pub moved: bool,
    /// Its tags, with what the plan knows put in.
    pub tags: Option<Value>,
    /// Its description, with what the plan knows put in.
    pub description: Option<Value>,
    /// What is announced of it; none if its provider does not publish.
    pub announcing: Option<Announcing>,
}

impl<'a> Fate<'a> {
    /// Whether a new image is registered.
    pub fn is_new(&self) -> bool {
        matches!(self.decision.action, Action::Build | Action::Replace | Action::Register)
    }

    /// Whether it is built, so that its snapshots are not there yet.
    pub fn is_built(&self) -> bool {
        matches!(self.decision.action, Action::Build | Action::Replace)
    }

    /// The release that is current afterwards, if it stands already.
    pub fn stays(&self) -> Option<&'a ObservedImage> {
        if self.is_new() { None } else { self.decision.release }
    }

    /// The snapshot of one of its volumes, if that stands already.
    pub fn snapshot(&self, volume: &str) -> Option<SnapshotId> {
        if self.is_built() {
            return None;
        }
        let kept = self
            .decision
            .kept
            .iter()
            .find(|kept| kept.volume == volume)
            .map(|kept| kept.id.clone());
        kept.or_else(|| self.decision.release?.snapshots.get(volume).cloned())
    }

    /// What is recorded with a new image, from what the compiler of the graph knew.
    pub fn manifest(&self, compiled: &Manifest) -> Manifest {
        Manifest {
            release: self.number,
            release_id: self.release_id.clone(),
            build_number: self.decision.build_number,
            built_on: self.built_on.clone(),
            regions: self.regions(None),
            ..compiled.clone()
        }
    }

    fn regions(&self, release: Option<&ObservedImage>) -> Vec<String> {
        let announcing = self.announcing.as_ref();
        announcing
            .map(|announcing| announcing.regions(release))
            .unwrap_or_default()
    }

    /// Nothing is done: what only doing it would need goes, so that a thousand images that stay take little room.
    pub fn forget(&mut self) {
        (self.compiled.nodes, self.compiled.content) = (Vec::new(), Vec::new());
        let recorded = self.decision.release.map(|release| &release.manifest.spec);
        if let Some(same) = recorded.filter(|recorded| **recorded == self.compiled.recorded) {
            self.compiled.recorded = Arc::clone(same);
        }
    }

    /// What is recorded with a release that stays, when something of it changes.
    pub fn amended(&self, release: &ObservedImage) -> Manifest {
        let is_current = self.stays().is_some_and(|stays| stays.id == release.id);
        Manifest {
            release: if is_current {
                self.number
            } else {
                release.manifest.release
            },
            address: self.compiled.spec.address.clone(),
            regions: match is_current && self.announcing.is_some() {
                true => self.regions(Some(release)),
                false => release.manifest.regions.clone(),
            },
            spec: if is_current {
                self.compiled.recorded.clone()
            } else {
                release.manifest.spec.clone()
            },
            ..release.manifest.clone()
        }
    }
}
