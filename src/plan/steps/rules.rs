//! The four rules, as functions of where a node and its neighbours stand.

use std::collections::BTreeMap;

use super::{BadWalk, Consequence, Fate, Half, Step, StepNode, Walk, When};
use crate::address::{Address, ImageAddress};
use crate::nodes::{Lifetime, Need};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Waiting,
    Ready,
    Running,
    Done,
    Skipped,
    Failed { stands: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Waiting,
    Ready,
    Running,
    Done,
    /// It is gone, but its close failed.
    Gone,
    Stuck,
    Kept,
    /// It never stood, or it stays.
    Never,
}

impl Open {
    pub(super) fn is_settled(self) -> bool {
        !matches!(self, Open::Waiting | Open::Ready | Open::Running)
    }
}

impl Close {
    pub(super) fn is_settled(self) -> bool {
        !matches!(self, Close::Waiting | Close::Ready | Close::Running)
    }
}

/// What is known of a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    Met,
    Open,
    Lost,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Edge {
    Opened(usize),
    Closed(usize),
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) lifetime: Lifetime,
    pub(super) when: When,
    pub(super) image: ImageAddress,
    pub(super) needs: Vec<Edge>,
    /// Nodes that need this one opened.
    pub(super) users: Vec<usize>,
    /// Nodes that need this one closed.
    pub(super) followers: Vec<usize>,
    pub(super) open: Open,
    pub(super) close: Close,
}

impl Walk {
    /// Brings these nodes, and all that follows from them, up to date.
    pub(super) fn propagate(&mut self, nodes: Vec<usize>) {
        let mut queue = nodes;
        while let Some(node) = queue.pop() {
            let opened = self.advance_open(node);
            let closed = self.advance_close(node);
            if opened || closed {
                queue.extend(self.neighbours(node));
            }
        }
    }

    /// Nodes that look at this one: itself, its users and followers, what it needs, and the parts beside it.
    pub(super) fn neighbours(&self, node: usize) -> Vec<usize> {
        let state = &self.states[node];
        let needs = state.needs.iter().map(Edge::node);
        let beside = state
            .users
            .iter()
            .flat_map(|user| self.states[*user].needs.iter().map(Edge::node));
        let beside = beside.filter(|_| state.lifetime == Lifetime::Part);
        let mut all: Vec<usize> = std::iter::once(node)
            .chain(state.users.iter().copied())
            .chain(state.followers.iter().copied())
            .chain(needs)
            .chain(beside)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn advance_open(&mut self, node: usize) -> bool {
        let now = self.states[node].open;
        let next = match now {
            Open::Waiting | Open::Ready => self.next_open(node),
            settled => settled,
        };
        if next == now {
            return false;
        }
        self.states[node].open = next;
        let step = Step { node, half: Half::Open };
        match next {
            Open::Ready => _ = self.ready.insert(step),
            _ => _ = self.ready.remove(&step),
        }
        if next == Open::Skipped {
            self.consequences.push(Consequence {
                node,
                fate: Fate::Skipped,
            });
        }
        true
    }

    /// Rule 1.
    fn next_open(&self, node: usize) -> Open {
        let state = &self.states[node];
        let prospects = || state.needs.iter().map(|edge| self.prospect(*edge));
        let settled = !prospects().any(|prospect| prospect == Prospect::Open);
        match state.when {
            When::Always if settled => Open::Ready,
            When::Needed | When::OnFailure if self.stopped => Open::Skipped,
            When::Needed if prospects().any(|prospect| prospect == Prospect::Lost) => Open::Skipped,
            When::Needed if settled => Open::Ready,
            When::OnFailure if settled && self.has_failed_need(node) => Open::Ready,
            When::OnFailure if settled => Open::Skipped,
            _ => Open::Waiting,
        }
    }

    fn prospect(&self, edge: Edge) -> Prospect {
        let state = &self.states[edge.node()];
        match (edge, state.open, state.close) {
            (_, Open::Skipped | Open::Failed { .. }, _) => Prospect::Lost,
            (Edge::Opened(_), Open::Done, _) => Prospect::Met,
            (Edge::Closed(_), Open::Done, Close::Done) => Prospect::Met,
            (Edge::Closed(_), Open::Done, close) if close.is_settled() => Prospect::Lost,
            _ => Prospect::Open,
        }
    }

    fn has_failed_need(&self, node: usize) -> bool {
        let failed = |edge: &Edge| matches!(self.states[edge.node()].open, Open::Failed { .. });
        self.states[node].needs.iter().any(failed)
    }

    fn advance_close(&mut self, node: usize) -> bool {
        let now = self.states[node].close;
        let next = match now {
            Close::Waiting | Close::Ready => self.next_close(node),
            settled => settled,
        };
        if next == now {
            return false;
        }
        self.states[node].close = next;
        let step = Step {
            node,
            half: Half::Close,
        };
        match next {
            Close::Ready => _ = self.ready.insert(step),
            _ => _ = self.ready.remove(&step),
        }
        match next {
            Close::Stuck => self.consequences.push(Consequence {
                node,
                fate: Fate::Stuck,
            }),
            Close::Kept => self.consequences.push(Consequence { node, fate: Fate::Kept }),
            _ => (),
        }
        true
    }

    /// Rules 2, 3 and 4.
    fn next_close(&self, node: usize) -> Close {
        let state = &self.states[node];
        match state.open {
            Open::Skipped | Open::Failed { stands: false } => return Close::Never,
            Open::Done | Open::Failed { stands: true } => (),
            _ => return Close::Waiting,
        }
        match self.wish_to_close(node) {
            Some(true) => self.next_close_under_users(node),
            Some(false) => Close::Never,
            None => Close::Waiting,
        }
    }

    /// Whether a standing node is to be closed; `None` while that is not decided.
    fn wish_to_close(&self, node: usize) -> Option<bool> {
        let state = &self.states[node];
        match (state.lifetime, state.open) {
            (Lifetime::Ephemeral, _) => Some(true),
            (Lifetime::Lasting | Lifetime::Effect, _) => Some(false),
            (Lifetime::Part, Open::Failed { .. }) => Some(true),
            (Lifetime::Part, _) => self.wish_to_close_whole_part(node),
        }
    }

    /// A whole part goes only if its owners cannot be opened from it later, because a part beside it is not whole.
    fn wish_to_close_whole_part(&self, node: usize) -> Option<bool> {
        let owners: Vec<&State> = self.owners(node).collect();
        if owners.iter().any(|owner| owner.open == Open::Done) {
            return Some(false);
        }
        let beside = owners
            .iter()
            .flat_map(|owner| owner.needs.iter().map(|edge| &self.states[edge.node()]));
        let parts: Vec<&State> = beside.filter(|other| other.lifetime == Lifetime::Part).collect();
        if owners.iter().chain(&parts).any(|other| !other.open.is_settled()) {
            return None;
        }
        Some(parts.iter().any(|other| other.open != Open::Done))
    }

    pub(super) fn is_resumable(&self, node: usize) -> bool {
        let state = &self.states[node];
        let owned = self.owners(node).any(|owner| owner.open == Open::Done);
        state.lifetime == Lifetime::Part && state.open == Open::Done && !owned
    }

    /// The lasting nodes that a part belongs to.
    fn owners(&self, node: usize) -> impl Iterator<Item = &State> {
        let users = self.states[node].users.iter().map(|user| &self.states[*user]);
        users.filter(|user| user.lifetime == Lifetime::Lasting)
    }

    fn next_close_under_users(&self, node: usize) -> Close {
        let state = &self.states[node];
        let users = || state.users.iter().map(|user| &self.states[*user]);
        let opening = |user: &State| !user.open.is_settled();
        let standing = |user: &State| user.open.is_settled() && !user.close.is_settled() && !user.is_whole_part();
        if users().any(|user| user.close == Close::Stuck) {
            return Close::Stuck;
        }
        if users().any(|user| user.close == Close::Kept) || self.kept.contains(&state.image) {
            return Close::Kept;
        }
        // Nobody can use what failed to open, so nobody holds it.
        if state.open == Open::Done && users().any(|user| opening(user) || standing(user)) {
            Close::Waiting
        } else {
            Close::Ready
        }
    }
}

impl State {
    /// A part that is whole does not need what it was made from any more.
    fn is_whole_part(&self) -> bool {
        self.lifetime == Lifetime::Part && self.open == Open::Done
    }
}

impl Edge {
    fn node(&self) -> usize {
        match self {
            Edge::Opened(node) | Edge::Closed(node) => *node,
        }
    }
}

pub(super) fn linked(nodes: &[StepNode], when: fn(&StepNode) -> When) -> Result<Vec<State>, BadWalk> {
    let index: BTreeMap<&Address, usize> = nodes.iter().enumerate().map(|(i, node)| (&node.address, i)).collect();
    let find = |need: &Need, of: &StepNode| {
        let unknown = || BadWalk::Unknown {
            node: Box::new(of.address.clone()),
            need: Box::new(need.address().clone()),
        };
        index.get(need.address()).copied().ok_or_else(unknown)
    };
    let mut states: Vec<State> = nodes.iter().map(|node| State::new(node, when(node))).collect();
    for (i, node) in nodes.iter().enumerate() {
        for need in &node.needs {
            let other = find(need, node)?;
            match need {
                Need::Opened(_) => {
                    states[i].needs.push(Edge::Opened(other));
                    states[other].users.push(i);
                }
                Need::Closed(address) if nodes[other].lifetime != Lifetime::Ephemeral => {
                    return Err(BadWalk::Stays {
                        node: Box::new(node.address.clone()),
                        need: Box::new(address.clone()),
                    });
                }
                Need::Closed(_) => {
                    states[i].needs.push(Edge::Closed(other));
                    states[other].followers.push(i);
                }
            }
        }
    }
    Ok(states)
}

impl State {
    fn new(node: &StepNode, when: When) -> State {
        State {
            lifetime: node.lifetime,
            when,
            image: node.address.image.clone(),
            needs: Vec::new(),
            users: Vec::new(),
            followers: Vec::new(),
            open: Open::Waiting,
            close: Close::Waiting,
        }
    }
}
