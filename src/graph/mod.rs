//! The graph of an apply: every node of a full build of each image, what it needs, and the digest of what it contains.
//!
//! Edges are derived from the nodes' needs ([`crate::nodes::NodeData::needs`]) and never added by hand.

pub mod batches;
pub mod compile;
pub mod digests;
mod disks;
mod finish;
mod hooks;
pub mod ids;
pub mod order;
pub mod print;
mod seal;
pub mod shape;
pub mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::stable_graph::{NodeIndex, StableDiGraph};

use crate::address::{Address, ImageAddress};
use crate::diagnostic::Diagnostics;
use crate::event::Half;
use crate::module::Module;
use crate::nodes::{Lifetime, Need, Node};
use crate::spec::ImageSpec;

pub use compile::{Base, Compiled};
pub use digests::{BaseIdentity, ContentNode};
use shape::Shape;

/// Every image with all nodes of a full build.
#[derive(Debug, Clone)]
pub struct Graph {
    /// In the order of their addresses.
    pub images: Vec<Compiled>,
}

/// Compiles all images of a module as if each was to be built, none of them by force.
///
/// # Errors
/// Images that need each other, images that do not exist, volumes and mounts that contradict each other.
pub fn compile(module: &Module) -> Result<Graph, Diagnostics> {
    let mut errors = Diagnostics::new();
    let mut done: BTreeMap<&ImageAddress, Compiled> = BTreeMap::new();
    let specs = order::order(&module.images)?
        .into_iter()
        .map(|index| &module.images[index]);
    for batch in batches::batches(specs) {
        let compiled = batches::compile(batch, |base| Some(Base::of(done.get(base)?, 0)));
        for (spec, compiled) in compiled {
            done.extend(errors.take(compiled).map(|compiled| (&spec.address, compiled)));
        }
    }
    let graph = Graph {
        images: done.into_values().collect(),
    };
    errors.into_result(graph).map(|(graph, _)| graph)
}

/// What [`compile()`] says of a module: nodes and digests are made of shapes without an error.
///
/// # Errors
/// Those of [`compile()`].
pub fn check(module: &Module) -> Result<(), Diagnostics> {
    let bases: BTreeSet<&ImageAddress> = module.images.iter().filter_map(|spec| spec.source.base()).collect();
    let mut errors = Diagnostics::new();
    let mut shapes: BTreeMap<&ImageAddress, (&ImageSpec, Shape)> = BTreeMap::new();
    for index in order::order(&module.images)? {
        let spec = &module.images[index];
        let base = spec.source.base().map(|base| shapes.get(base));
        if matches!(base, Some(None)) {
            continue; // its base has an error, which is reported
        }
        let base = base.flatten().map(|(spec, shape)| (*spec, shape));
        if let Some(shape) = errors.take(compile::shape(spec, base))
            && bases.contains(&spec.address)
        {
            shapes.insert(&spec.address, (spec, shape));
        }
    }
    errors.into_result(()).map(drop)
}

/// A moment in the life of a node: the graph of a walk has one or two for each.
pub type Moment = (Address, Half);

/// The walk over some nodes: opens and closes, and an edge from each to what it waits for.
///
/// Closes mirror opens: a node is closed when all that needed it opened are done, and closed where they close at all.
pub fn walk(nodes: &[Arc<Node>]) -> StableDiGraph<Moment, ()> {
    let mut graph = StableDiGraph::new();
    let mut at: BTreeMap<Moment, NodeIndex> = BTreeMap::new();
    for node in nodes {
        let halves: &[Half] = match closes(node) {
            true => &[Half::Open, Half::Close],
            false => &[Half::Open],
        };
        for half in halves {
            let moment = (node.address.clone(), *half);
            at.insert(moment.clone(), graph.add_node(moment));
        }
    }
    let mut edge = |from: (&Address, Half), to: (&Address, Half)| {
        let found = |(address, half): (&Address, Half)| at.get(&(address.clone(), half)).copied();
        if let (Some(from), Some(to)) = (found(from), found(to)) {
            graph.update_edge(from, to, ());
        }
    };
    for node in nodes {
        edge((&node.address, Half::Close), (&node.address, Half::Open));
        for need in node.data.needs() {
            match need {
                Need::Opened(address) => {
                    edge((&node.address, Half::Open), (&address, Half::Open));
                    let last = if closes(node) { Half::Close } else { Half::Open };
                    edge((&address, Half::Close), (&node.address, last));
                }
                Need::Closed(address) => edge((&node.address, Half::Open), (&address, Half::Close)),
            }
        }
    }
    graph
}

/// Whether a node is closed in an apply that succeeds.
pub fn closes(node: &Node) -> bool {
    node.data.kind().lifetime() == Lifetime::Ephemeral
}

impl Graph {
    /// Every node, image by image.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.images.iter().flat_map(|image| &image.nodes)
    }

    /// One image.
    pub fn image(&self, address: &ImageAddress) -> Option<&Compiled> {
        self.images.iter().find(|image| image.spec.address == *address)
    }
}

/// The specs of a module by address.
pub fn by_address(images: &[ImageSpec]) -> BTreeMap<&ImageAddress, &ImageSpec> {
    images.iter().map(|spec| (&spec.address, spec)).collect()
}
