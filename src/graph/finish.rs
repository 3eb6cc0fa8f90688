//! The end of a build: snapshots of volumes at rest, and the image that is registered from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::Build;
use super::digests::{Chain, ContentNode};
use super::hooks::EFFECTS;
use super::order::read_images;
use crate::address::Address;
use crate::digest::Digest;
use crate::nodes::image::{Inherits, SnapshotSource};
use crate::nodes::{Image, Need, Node, NodeData, Ref, Snapshot};
use crate::providers::manifest::{BuiltNode, BuiltVolume, FORMAT};
use crate::providers::{ImageId, Manifest, Owner, SnapshotId};
use crate::schema::Recorded;
use crate::spec::{ImageSpec, Source};
use crate::units::Size;

impl Build<'_> {
    /// One snapshot per volume.
    pub(super) fn snapshots(&mut self) {
        let volumes: Vec<String> = self.shape.volumes.iter().map(|volume| volume.name.clone()).collect();
        for name in volumes {
            let node = Snapshot {
                provider: self.spec.provider.clone(),
                volume: Ref::new(self.spec.address.node("volume", name.as_str())),
                name: name.clone(),
                digest: self.chain.last(),
                tags: self.snapshot_tags(),
                after: self.at_rest(&name),
            };
            let summary = format!("snapshot of volume {name:?}");
            self.push(self.spec.address.node("snapshot", name.as_str()), node, None, summary);
        }
    }

    /// Tags that snapshots have from the first moment.
    fn snapshot_tags(&self) -> BTreeMap<String, String> {
        let publish = self.spec.publish.object.as_deref();
        publish.map(|block| block.map("snapshot_tags")).unwrap_or_default()
    }

    /// All content is there, and the volume is at rest.
    fn at_rest(&self, volume: &str) -> Vec<Need> {
        let of_volume = |at: &&Address| {
            let label = at.node.as_ref().and_then(|node| node.label.as_deref()).unwrap_or("");
            label == volume || label.strip_prefix(volume).is_some_and(|rest| rest.starts_with('/'))
        };
        let local = self.spec.provider.kind == "local";
        let attachment = self.of_kind("attachment").filter(|_| local);
        let of_it = self
            .of_kind("filesystem")
            .chain(self.of_kind("partitions"))
            .chain(attachment)
            .filter(of_volume);
        let closed = self.of_kind("mount").chain(of_it).cloned().map(Need::Closed);
        self.last.iter().cloned().map(Need::Opened).chain(closed).collect()
    }

    /// The image itself.
    pub(super) fn image(&mut self) {
        let spec = self.spec;
        let snapshots = self.shape.volumes.iter().map(|volume| {
            let at = spec.address.node("snapshot", volume.name.as_str());
            (volume.name.clone(), SnapshotSource::Made(Ref::new(at)))
        });
        let effects = EFFECTS.into_iter().chain(["seal"]).flat_map(|kind| self.of_kind(kind));
        let name_of = |at: &Address| at.node.as_ref().map_or_else(String::new, |node| node.to_string());
        let node = Image {
            provider: spec.provider.clone(),
            name: String::new(),
            description: spec.description.as_ref().map(|value| value.value.clone()),
            snapshots: snapshots.collect(),
            inherits: inherits(spec),
            tags: spec.publish.tags.as_ref().map(|tags| tags.value.clone()),
            deprecate_after: spec.publish.deprecate_after.as_ref().map(|after| after.value),
            manifest: self.manifest(),
            timed: effects.map(|at| (name_of(at), at.clone())).collect(),
            after: read_images(spec)
                .into_iter()
                .map(|(image, _)| Need::Opened(image.itself()))
                .collect(),
        };
        self.push(
            spec.address.itself(),
            node,
            Some(&spec.span),
            "register the image".into(),
        );
    }

    /// What will be recorded, as far as it is known without the world: name, release and the like are the plan's.
    fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT,
            bake: env!("CARGO_PKG_VERSION").to_owned(),
            owner: Owner {
                project: String::new(),
                workspace: String::new(),
            },
            address: self.spec.address.clone(),
            release: 0,
            digest: self.chain.last(),
            release_id: String::new(),
            build_number: 0,
            created: String::new(),
            spec: Arc::default(),
            nodes: Vec::new(),
            built_on: None,
            regions: Vec::new(),
            volumes: self.shape.volumes.iter().map(built_volume).collect(),
            imported: None,
        }
    }
}

/// From which image is taken over what this one does not say of itself; the local provider has nothing of the kind.
fn inherits(spec: &ImageSpec) -> Option<Inherits> {
    match &spec.source {
        _ if spec.provider.kind == "local" => None,
        Source::Ami(id) => Some(Inherits::Standing(ImageId(id.value.clone()))),
        Source::Image(base) => Some(Inherits::Made(Ref::new(base.value.itself()))),
        _ => None,
    }
}

/// What is known only when the whole chain is: the image's digest in its snapshots, the content nodes in its manifest.
pub(super) fn settle(nodes: &mut [Node], digest: Digest, recorded: &Arc<Recorded>, chain: &Chain) {
    for node in nodes {
        match &mut node.data {
            NodeData::Snapshot(snapshot) => snapshot.digest = digest,
            NodeData::Image(image) => {
                image.manifest.digest = digest;
                image.manifest.spec = Arc::clone(recorded);
                image.manifest.nodes = chain.nodes.iter().map(built_node).collect();
            }
            _ => {}
        }
    }
}

fn built_node(node: &ContentNode) -> BuiltNode {
    BuiltNode {
        name: node.name(),
        content: node.content,
        digest: node.digest,
        recipe: node.recipe,
        took: None,
    }
}

fn built_volume(volume: &super::shape::VolumeShape) -> BuiltVolume {
    let mounts = volume.slots.iter().filter_map(|slot| {
        let label = if slot.label.is_empty() { "whole" } else { &slot.label };
        Some((label.to_owned(), slot.mount.as_ref()?.0.clone()))
    });
    BuiltVolume {
        name: volume.name.clone(),
        snapshot: SnapshotId(String::new()),
        size: volume.size.unwrap_or(Size::bytes(0)),
        blocks: None,
        mounts: mounts.collect(),
    }
}
