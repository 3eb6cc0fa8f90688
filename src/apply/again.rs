//! The second look: whether the world is still the one that was planned for, now that nobody else can change it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{Address, ImageAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nodes::image::{Image, ImageHandle};
use crate::nodes::{Handle, Node, NodeData};
use crate::plan::observe::World;
use crate::plan::{Plan, Standing};
use crate::providers::ObservedImage;

/// What is left of a plan.
#[derive(Debug)]
pub struct Remaining {
    /// Nodes to be opened.
    pub nodes: Vec<Node>,
    /// Images that another apply has built meanwhile, by the address of their node.
    pub standing: BTreeMap<Address, Arc<Handle>>,
    /// Those images.
    pub dropped: Vec<ImageAddress>,
}

/// Compares the world with the plan's. Images that have become what was planned are dropped from the plan.
///
/// # Errors
/// One diagnostic for each image that is neither what it was nor what it was to become.
pub fn look(plan: &Plan, world: &World, now: &[Standing]) -> Result<Remaining, Diagnostics> {
    let mut remaining = Remaining {
        nodes: Vec::new(),
        standing: BTreeMap::new(),
        dropped: Vec::new(),
    };
    let mut moved = Diagnostics::new();
    for image in &plan.images {
        let (then, since) = (of(&plan.world, &image.address), of(now, &image.address));
        if then == since {
            continue;
        }
        match built_meanwhile(plan, world, &image.address) {
            Some((at, handle)) => {
                remaining.standing.insert(at, Arc::new(Handle::Image { handle }));
                remaining.dropped.push(image.address.clone());
            }
            None => moved.push(refusal(&image.address, &then, &since)),
        }
    }
    let dropped: BTreeSet<&ImageAddress> = remaining.dropped.iter().collect();
    let stays = |node: &&Arc<Node>| !dropped.contains(&node.address.image);
    remaining.nodes = plan.nodes.iter().filter(stays).map(|node| Node::clone(node)).collect();
    moved.into_result(remaining).map(|(remaining, _)| remaining)
}

fn of<'a>(world: &'a [Standing], image: &ImageAddress) -> Vec<&'a Standing> {
    world.iter().filter(|standing| standing.address == *image).collect()
}

/// The node of the image, and the image that stands where it was to stand.
fn built_meanwhile(plan: &Plan, world: &World, image: &ImageAddress) -> Option<(Address, ImageHandle)> {
    let (at, wanted) = plan.nodes.iter().find_map(|node| match &node.data {
        NodeData::Image(data) if node.address.image == *image => Some((node.address.clone(), data)),
        _ => None,
    })?;
    let current = world
        .releases(image)
        .first()
        .filter(|current| is_wanted(current, wanted))?;
    Some((at, ImageHandle::of(current)))
}

fn is_wanted(current: &ObservedImage, wanted: &Image) -> bool {
    let (is, wish) = (&current.manifest, &wanted.manifest);
    current.provider == wanted.provider
        && (is.digest, &is.release_id, is.build_number, is.release)
            == (wish.digest, &wish.release_id, wish.build_number, wish.release)
}

fn refusal(image: &ImageAddress, then: &[&Standing], now: &[&Standing]) -> Diagnostic {
    let changed = |from: &[&Standing], to: &[&Standing], words: &str| -> Vec<String> {
        let gone = from.iter().filter(|one| !to.contains(one));
        gone.map(|one| format!("release {} ({}) {words}", one.release, one.id))
            .collect()
    };
    let notes = changed(then, now, "is gone or was changed")
        .into_iter()
        .chain(changed(now, then, "stands now"));
    let error = Diagnostic::error(format!("{image} has moved since it was planned")).about(&image.itself());
    notes.fold(error, Diagnostic::note).help("plan again")
}
