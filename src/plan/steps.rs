//! The walk over opens and closes: which steps may run now, and what follows from how a step went.
//!
//! Four rules, and no others:
//! 1. An open waits for its needs and runs if all of them are met; if one cannot be met any more it is skipped.
//! 2. The close of `d` waits until every node that needs `d` opened has settled, and has been closed where it closes at all.
//! 3. An open that failed but left something standing is closed like any other.
//! 4. If a close failed, what it stood on is stuck: it is left alone and reported.
//!
//! Success, failure and a stop are the same walk; a stop means "no more opens". The walk is pure: it does nothing itself,
//! and two walks that are told the same things say the same things.

mod rules;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use crate::address::{Address, ImageAddress};
use crate::diagnostic::Diagnostic;
use crate::nodes::{Lifetime, Need, Node, NodeData};
use crate::spec::HookPoint;

use rules::{Close, Open, State};

pub use crate::event::Half;

/// A node, as far as the walk cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepNode {
    /// Its address.
    pub address: Address,
    /// How long it stands.
    pub lifetime: Lifetime,
    /// Whether it is an ordinary node.
    pub when: When,
    /// What it waits for.
    pub needs: Vec<Need>,
}

/// When a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// If its needs are met.
    Needed,
    /// When its needs have settled, if one of them failed (`hook "on_failure"`).
    OnFailure,
    /// When its needs have settled, in any case, also after a stop (`hook "always"`).
    Always,
}

impl From<&Node> for StepNode {
    fn from(node: &Node) -> StepNode {
        let when = match &node.data {
            NodeData::Hook(hook) if hook.point == HookPoint::OnFailure => When::OnFailure,
            NodeData::Hook(hook) if hook.point == HookPoint::Always => When::Always,
            _ => When::Needed,
        };
        StepNode {
            address: node.address.clone(),
            lifetime: node.data.kind().lifetime(),
            when,
            needs: node.data.needs(),
        }
    }
}

/// One half of one node, by the node's place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Index into the nodes of the plan.
    pub node: usize,
    /// Opening or closing.
    pub half: Half,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is open, or closed.
    Done,
    /// It failed, and nothing of it stands. Of a close: it is gone, but not in the way it should have gone (its helper was
    /// ended), so nothing may be built on that.
    Failed,
    /// It failed, and it stands: an open that is to be closed, or a close that is stuck.
    Stands,
}

/// What became of a node, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Opened, and closed where it closes.
    Done,
    /// Not opened.
    Skipped,
    /// Its open or its close failed; nothing of it is left that should not be.
    Failed,
    /// A part that is whole but whose owner could not be opened: the next apply goes on from it.
    Resumable,
    /// Left standing on purpose (`-on-error keep`).
    Kept,
    /// Left standing because a close failed.
    Stuck,
    /// Not settled yet.
    Pending,
}

/// What became of a node without a step of its own being run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    /// Which node.
    pub node: usize,
    /// [`Fate::Skipped`], [`Fate::Stuck`] or [`Fate::Kept`].
    pub fate: Fate,
}

/// Where an apply stands.
#[derive(Debug, Clone)]
pub struct Walk {
    states: Vec<State>,
    ready: BTreeSet<Step>,
    running: BTreeSet<Step>,
    kept: BTreeSet<ImageAddress>,
    stopped: bool,
    consequences: Vec<Consequence>,
}

impl Walk {
    /// A walk over the nodes of a plan, before its first step.
    ///
    /// # Errors
    /// [`BadWalk`] if a need names no node, waits for the close of a node that stays, or if needs form a circle.
    pub fn of<N: Borrow<Node>>(nodes: &[N]) -> Result<Walk, BadWalk> {
        let nodes: Vec<StepNode> = nodes.iter().map(|node| StepNode::from(node.borrow())).collect();
        Walk::new(&nodes)
    }

    /// As [`Walk::of`], of what the walk needs to know.
    pub fn new(nodes: &[StepNode]) -> Result<Walk, BadWalk> {
        let walk = Walk::new_unchecked(nodes, |node| node.when)?;
        // Every need must be able to be met at once, also those of hooks that run only after a failure.
        let mut rehearsal = Walk::new_unchecked(nodes, |_| When::Needed)?;
        rehearsal.finish();
        let waiting = |node: &usize| rehearsal.fate(*node) == Fate::Pending;
        let circle: Vec<Address> = (0..nodes.len())
            .filter(waiting)
            .map(|node| nodes[node].address.clone())
            .collect();
        if circle.is_empty() {
            Ok(walk)
        } else {
            Err(BadWalk::Circle(circle))
        }
    }

    fn new_unchecked(nodes: &[StepNode], when: fn(&StepNode) -> When) -> Result<Walk, BadWalk> {
        let mut walk = Walk {
            states: rules::linked(nodes, when)?,
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            kept: BTreeSet::new(),
            stopped: false,
            consequences: Vec::new(),
        };
        let all: Vec<usize> = (0..nodes.len()).collect();
        walk.propagate(all);
        Ok(walk)
    }

    /// Every step that may begin now, in the order of the nodes, opens before closes.
    pub fn ready(&self) -> impl Iterator<Item = Step> + '_ {
        self.ready.iter().copied()
    }

    /// The first of them.
    pub fn first(&self) -> Option<Step> {
        self.ready.first().copied()
    }

    /// Says that a ready step has begun.
    pub fn begin(&mut self, step: Step) {
        assert!(self.ready.remove(&step), "only a ready step can begin");
        self.running.insert(step);
        let state = &mut self.states[step.node];
        match step.half {
            Half::Open => state.open = Open::Running,
            Half::Close => state.close = Close::Running,
        }
    }

    /// Says how a step that had begun went, and answers what follows from that for other nodes.
    pub fn settle(&mut self, step: Step, outcome: Outcome) -> Vec<Consequence> {
        assert!(self.running.remove(&step), "only a running step can settle");
        let state = &mut self.states[step.node];
        match (step.half, outcome) {
            (Half::Open, Outcome::Done) => state.open = Open::Done,
            (Half::Open, Outcome::Failed) => state.open = Open::Failed { stands: false },
            (Half::Open, Outcome::Stands) => state.open = Open::Failed { stands: true },
            (Half::Close, Outcome::Done) => state.close = Close::Done,
            (Half::Close, Outcome::Failed) => state.close = Close::Gone,
            (Half::Close, Outcome::Stands) => state.close = Close::Stuck,
        }
        self.propagate(self.neighbours(step.node));
        std::mem::take(&mut self.consequences)
    }

    /// No more opens but those of `always` hooks.
    pub fn stop(&mut self) -> Vec<Consequence> {
        self.stopped = true;
        self.propagate((0..self.states.len()).collect());
        std::mem::take(&mut self.consequences)
    }

    /// Leaves standing what stands of an image, from now on.
    pub fn keep(&mut self, image: &ImageAddress) -> Vec<Consequence> {
        self.kept.insert(image.clone());
        self.propagate((0..self.states.len()).collect());
        std::mem::take(&mut self.consequences)
    }

    /// Whether every step has settled.
    pub fn is_over(&self) -> bool {
        self.ready.is_empty() && self.running.is_empty()
    }

    /// What became of a node.
    pub fn fate(&self, node: usize) -> Fate {
        let state = &self.states[node];
        match (state.open, state.close) {
            (_, Close::Stuck) => Fate::Stuck,
            (_, Close::Kept) => Fate::Kept,
            (Open::Skipped, _) => Fate::Skipped,
            (open, close) if !open.is_settled() || !close.is_settled() => Fate::Pending,
            (Open::Failed { .. }, _) | (_, Close::Gone) => Fate::Failed,
            (_, Close::Never) if self.is_resumable(node) => Fate::Resumable,
            _ => Fate::Done,
        }
    }

    /// Whether the node stands now: it was opened, or its open left something, and it has not been closed.
    pub fn stands(&self, node: usize) -> bool {
        let state = &self.states[node];
        let opened = matches!(state.open, Open::Done | Open::Failed { stands: true });
        opened && state.lifetime != Lifetime::Effect && !matches!(state.close, Close::Done | Close::Gone)
    }

    /// Runs to the end with every step succeeding; the steps in the order in which they ran.
    fn finish(&mut self) -> Vec<Step> {
        let mut order = Vec::new();
        while let Some(step) = self.first() {
            self.begin(step);
            self.settle(step, Outcome::Done);
            order.push(step);
        }
        order
    }
}

/// The steps of a plan in which everything succeeds, in the order in which a single worker runs them.
///
/// # Errors
/// As [`Walk::of`].
pub fn planned<N: Borrow<Node>>(nodes: &[N]) -> Result<Vec<(Address, Half)>, BadWalk> {
    let steps = Walk::of(nodes)?.finish();
    Ok(steps
        .into_iter()
        .map(|step| (nodes[step.node].borrow().address.clone(), step.half))
        .collect())
}

/// The needs of a plan make no walk: its file was changed by hand, or bake has an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWalk {
    /// A need names no node.
    #[error("{node} needs {need}, which is not in the plan")]
    Unknown {
        /// Who needs it.
        node: Box<Address>,
        /// What is needed.
        need: Box<Address>,
    },
    /// A node is waited for that is never closed.
    #[error("{node} waits until {need} is closed, which never happens")]
    Stays {
        /// Who waits.
        node: Box<Address>,
        /// For what.
        need: Box<Address>,
    },
    /// Nodes that wait for each other.
    #[error("these nodes wait for each other: {}", .0.iter().map(Address::to_string).collect::<Vec<_>>().join(", "))]
    Circle(Vec<Address>),
}

impl From<BadWalk> for Diagnostic {
    fn from(error: BadWalk) -> Diagnostic {
        Diagnostic::error(error.to_string()).help("make a new plan; if that does not help, please report it")
    }
}

#[cfg(test)]
#[path = "steps/properties.rs"]
mod properties;
