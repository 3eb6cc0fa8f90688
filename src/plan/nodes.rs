//! The nodes of a plan: of everything that could be built only what must run, with what only the world knows filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fate::Fate;
use super::observe::{Kept, World};
use crate::address::Address;
use crate::lang::value::Value;
use crate::nodes::image::{ImageHandle, Inherits, SnapshotSource};
use crate::nodes::volume::Origin;
use crate::nodes::{Image, Need, Node, NodeData, Retire, Update};
use crate::providers::manifest::BuiltNode;
use crate::providers::{ImageId, ImageUpdate, Keep, Manifest, ObservedImage, SnapshotId};
use crate::spec::{HookPoint, ImageSpec};

/// All nodes of a build; volumes that come from an image which is not built in this apply come from its snapshot.
pub fn build(fate: &Fate<'_>, base: Option<&Fate<'_>>, world: &World) -> Vec<Arc<Node>> {
    let mut nodes = fate.compiled.nodes.clone();
    for node in nodes.iter_mut().filter(|node| is_settled_by_the_world(node)) {
        match &mut Arc::make_mut(node).data {
            NodeData::Volume(volume) => {
                let settled = match &volume.origin {
                    Origin::Built { volume: name, .. } => base.and_then(|base| base.snapshot(name)),
                    Origin::Ami(id) => root_of(world, fate, id),
                    _ => None,
                };
                if let Some(id) = settled {
                    volume.origin = Origin::Snapshot(id);
                }
            }
            NodeData::Image(image) => {
                finish(image, fate);
                settle_inherited(image, base);
            }
            _ => {}
        }
    }
    nodes
}

/// The snapshot of the root volume of somebody else's image.
fn root_of(world: &World, fate: &Fate<'_>, id: &str) -> Option<SnapshotId> {
    let source = world.source(&fate.compiled.spec.provider, id)?;
    source.root.as_ref().map(|(snapshot, _)| snapshot.clone())
}

/// From a base that is not registered in this apply an image inherits as it stands.
fn settle_inherited(image: &mut Image, base: Option<&Fate<'_>>) {
    if let (Some(Inherits::Made(_)), Some(release)) = (&image.inherits, base.and_then(Fate::stays)) {
        image.inherits = Some(Inherits::Standing(release.id.clone()));
    }
}

/// Whether a node may be another one in a plan than in the graph; all others are shared by the two.
fn is_settled_by_the_world(node: &Node) -> bool {
    match &node.data {
        NodeData::Volume(volume) => matches!(volume.origin, Origin::Built { .. } | Origin::Ami(_)),
        data => matches!(data, NodeData::Image(_)),
    }
}

/// Registration of snapshots that stand, or of copies of them under another key: the image, and what follows its
/// publication.
pub fn register(fate: &Fate<'_>, base: Option<&Fate<'_>>) -> Vec<Arc<Node>> {
    let (kept, release) = (fate.decision.kept.as_slice(), fate.decision.release);
    let follows = |node: &&Arc<Node>| match &node.data {
        NodeData::Image(_) => true,
        NodeData::Hook(hook) => matches!(hook.point, HookPoint::AfterPublish | HookPoint::Always),
        _ => false,
    };
    let followers = fate.compiled.nodes.iter().filter(follows).cloned();
    let mut nodes: Vec<Arc<Node>> = encrypt(fate).into_iter().chain(followers).collect();
    for node in nodes.iter_mut().filter(|node| matches!(node.data, NodeData::Image(_))) {
        if let NodeData::Image(image) = &mut Arc::make_mut(node).data {
            finish(image, fate);
            settle_inherited(image, base);
            if let (Some(Inherits::Made(_)), Some(release)) = (&image.inherits, release) {
                image.inherits = Some(Inherits::Standing(release.id.clone()));
            }
            let made = std::mem::take(&mut image.snapshots);
            let made = made
                .into_iter()
                .filter(|(volume, _)| fate.decision.encrypted.contains(volume));
            let made: BTreeMap<String, SnapshotSource> = made.collect();
            image.snapshots = standing(kept, release);
            for (volume, source) in &mut image.snapshots {
                if let Some(new) = made.get(volume) {
                    *source = new.clone();
                }
            }
            image.timed = BTreeMap::new();
            if let Some(release) = release {
                image.manifest.nodes = with_times(&image.manifest.nodes, &release.manifest);
                image.manifest.built_on = release.manifest.built_on.clone();
            }
        }
    }
    nodes
}

/// A snapshot under another key: of a volume that is made of the one that stands, with the new key, and that nobody writes to.
fn encrypt(fate: &Fate<'_>) -> Vec<Arc<Node>> {
    let chosen = |volume: &str| fate.decision.encrypted.contains(volume);
    let mut nodes = Vec::new();
    for node in &fate.compiled.nodes {
        let mut node = Arc::clone(node);
        match &node.data {
            NodeData::Volume(volume) if chosen(&volume.name) => {
                let Some(standing) = fate.snapshot(&volume.name) else {
                    continue;
                };
                if let NodeData::Volume(volume) = &mut Arc::make_mut(&mut node).data {
                    volume.origin = Origin::Snapshot(standing);
                    volume.size = None;
                    volume.after = Vec::new();
                }
            }
            NodeData::Snapshot(snapshot) if chosen(&snapshot.name) => {
                if let NodeData::Snapshot(snapshot) = &mut Arc::make_mut(&mut node).data {
                    snapshot.after = Vec::new();
                }
            }
            _ => continue,
        }
        nodes.push(node);
    }
    nodes
}

fn standing(kept: &[&Kept], release: Option<&ObservedImage>) -> Vec<(String, SnapshotSource)> {
    let source = |id, size| SnapshotSource::Standing { id, size };
    let kept = kept
        .iter()
        .map(|kept| (kept.volume.clone(), source(kept.id.clone(), kept.size)));
    let volumes = release.into_iter().flat_map(|release| &release.manifest.volumes);
    let of_release = volumes.map(|volume| {
        let now = release.and_then(|release| release.snapshots.get(&volume.name));
        let id = now.unwrap_or(&volume.snapshot).clone();
        (volume.name.clone(), source(id, volume.size))
    });
    kept.chain(of_release).collect()
}

/// The times of the build whose bytes these are.
fn with_times(nodes: &[BuiltNode], built: &Manifest) -> Vec<BuiltNode> {
    let took = |name: &str| {
        built
            .nodes
            .iter()
            .find(|node| node.name == name)
            .and_then(|node| node.took)
    };
    nodes
        .iter()
        .map(|node| BuiltNode {
            took: took(&node.name),
            ..node.clone()
        })
        .collect()
}

fn finish(image: &mut Image, fate: &Fate<'_>) {
    image.name = fate.name.clone();
    image.description = fate.description.clone();
    image.tags = fate.tags.clone();
    image.manifest = fate.manifest(&image.manifest);
    image
        .after
        .extend(fate.first.iter().map(|old| Need::Opened(retire_address(old))));
}

/// A change of a release that stands.
pub fn update(fate: &Fate<'_>, release: &ObservedImage, change: ImageUpdate) -> Node {
    let spec = &fate.compiled.spec;
    let open = |known: bool, value: &Option<Value>| match known {
        true => None,
        false => value.clone().filter(|value| !value.is_wholly_known()),
    };
    let tags = open(change.tags.is_some(), &fate.tags);
    let description = open(change.description.is_some(), &fate.description);
    let waits = |value: &Value| {
        super::outputs::waits_for(value)
            .into_iter()
            .map(|image| Need::Opened(image.itself()))
            .collect::<Vec<_>>()
    };
    let after = tags.iter().chain(&description).flat_map(waits).collect();
    Node {
        address: update_address(spec, release),
        data: Update {
            provider: release.provider.clone(),
            image: ImageHandle {
                copies: standing_copies(fate, release),
                ..ImageHandle::of(release)
            },
            change,
            tags,
            description,
            after,
        }
        .into(),
        span: Some(spec.span.clone()),
        summary: format!("change release {}", release.manifest.release),
        content: None,
        digest: None,
    }
}

/// Copies of a release that stay.
fn standing_copies(fate: &Fate<'_>, release: &ObservedImage) -> BTreeMap<String, ImageId> {
    match &fate.announcing {
        Some(announcing) if fate.stays().is_some_and(|stays| stays.id == release.id) => announcing.standing.clone(),
        _ => release.copies(),
    }
}

/// What is changed on the release that is current afterwards.
pub fn current(fate: &Fate<'_>) -> Option<Node> {
    let release = fate.stays()?;
    let change = ImageUpdate {
        manifest: Some(fate.amended(release)),
        ..fate.update.clone()
    };
    Some(update(fate, release, change))
}

/// The new address of a release that is not current.
pub fn moved(fate: &Fate<'_>, release: &ObservedImage) -> Option<Node> {
    if fate.stays().is_some_and(|stays| stays.id == release.id) {
        return None;
    }
    let change = ImageUpdate {
        manifest: Some(fate.amended(release)),
        ..ImageUpdate::default()
    };
    let mut node = update(fate, release, change);
    if let NodeData::Update(update) = &mut node.data {
        (update.tags, update.description) = (None, None);
    }
    Some(node)
}

/// `image.web.update["7"]`
pub fn update_address(spec: &ImageSpec, release: &ObservedImage) -> Address {
    spec.address.node("update", release.manifest.release.to_string())
}

/// `image.web.retire["6"]`, by the address under which the release stands.
pub fn retire_address(release: &ObservedImage) -> Address {
    release
        .manifest
        .address
        .node("retire", release.manifest.release.to_string())
}

/// The removal of a release.
pub fn retire(release: &ObservedImage, keep: Keep, after: Vec<Need>) -> Node {
    Node {
        address: retire_address(release),
        data: Retire {
            provider: release.provider.clone(),
            image: release.id.clone(),
            name: release.name.clone(),
            keep,
            region: None,
            after,
        }
        .into(),
        span: None,
        summary: format!("retire {}", release.name),
        content: None,
        digest: None,
    }
}

/// Takes out what nodes would wait for that are not in the plan: it stands already.
pub fn prune(nodes: &mut [Arc<Node>]) {
    let planned: BTreeSet<Address> = nodes.iter().map(|node| node.address.clone()).collect();
    let keep = |need: &Need| planned.contains(need.address());
    for node in nodes {
        if node.data.needs().iter().all(keep) {
            continue;
        }
        match &mut Arc::make_mut(node).data {
            NodeData::Volume(volume) => volume.after.retain(keep),
            NodeData::Image(image) => image.after.retain(keep),
            NodeData::Update(update) => update.after.retain(keep),
            NodeData::Retire(retire) => retire.after.retain(keep),
            NodeData::Parameter(parameter) => parameter.after.retain(keep),
            NodeData::Hook(hook) => hook.after.retain(keep),
            NodeData::Condition(condition) => condition.after.retain(keep),
            _ => {}
        }
    }
}
