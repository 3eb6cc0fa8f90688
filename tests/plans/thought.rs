//! What an apply would leave, without doing it: the images of a plan's nodes stand, what it removes is gone.

use std::collections::BTreeMap;

use bake::lang::Value;
use bake::nodes::image::SnapshotSource;
use bake::nodes::{Image, NodeData, Update};
use bake::plan::{Plan, World};
use bake::providers::manifest::BuiltVolume;
use bake::providers::{Holder, ImageId, ObservedImage, SnapshotId};
use bake::units::{Duration, Size};

/// Applies a plan; `day` of November 2026 is when that happened, and part of the ids.
pub fn apply(plan: &Plan, world: &mut World, day: usize) {
    let mut number = 0;
    for node in &plan.nodes {
        match &node.data {
            NodeData::Image(image) => {
                number += 1;
                register(image, world, day, number);
            }
            NodeData::Update(update) => change(update, world),
            _ => {}
        }
    }
    for node in &plan.nodes {
        if let NodeData::Retire(retire) = &node.data {
            world
                .images
                .values_mut()
                .for_each(|images| images.retain(|image| image.id != retire.image));
        }
    }
    world.images.retain(|_, images| !images.is_empty());
    world
        .images
        .values_mut()
        .for_each(|images| images.sort_by_key(|image| std::cmp::Reverse(image.manifest.release)));
    names(world);
}

fn register(image: &Image, world: &mut World, day: usize, number: usize) {
    let created = format!("2026-11-{day:02}T12:00:00Z");
    let mut manifest = image.manifest.clone();
    manifest.created = created.clone();
    manifest
        .nodes
        .iter_mut()
        .for_each(|node| node.took = Some(Duration::seconds(33)));
    manifest.volumes = image
        .snapshots
        .iter()
        .enumerate()
        .map(|(index, (name, source))| BuiltVolume {
            name: name.clone(),
            snapshot: match source {
                SnapshotSource::Standing { id, .. } => id.clone(),
                SnapshotSource::Made(_) => SnapshotId(format!("snap-{day:02}{number:02}{index}")),
            },
            size: Size::mib(64),
            blocks: None,
            mounts: BTreeMap::new(),
        })
        .collect();
    let snapshots = manifest
        .volumes
        .iter()
        .map(|volume| (volume.name.clone(), volume.snapshot.clone()))
        .collect();
    let observed = ObservedImage {
        id: ImageId(format!("img-{day:02}{number:02}")),
        provider: image.provider.clone(),
        name: image.name.clone(),
        snapshots,
        tags: image.tags.as_ref().map(texts).unwrap_or_default(),
        description: image.description.as_ref().and_then(Value::as_str).map(str::to_owned),
        published: None,
        deprecated_at: image.deprecate_after.map(|after| {
            let created: jiff::Timestamp = created.parse().unwrap();
            created.checked_add(after.as_std()).unwrap().to_string()
        }),
        created,
        manifest,
    };
    world
        .images
        .entry(observed.manifest.address.clone())
        .or_default()
        .push(observed);
    world.kept.retain(|kept| {
        !image
            .snapshots
            .iter()
            .any(|(_, source)| matches!(source, SnapshotSource::Standing { id, .. } if *id == kept.id))
    });
}

fn change(update: &Update, world: &mut World) {
    let mut all: Vec<ObservedImage> = std::mem::take(&mut world.images).into_values().flatten().collect();
    for image in all.iter_mut().filter(|image| image.id == update.image.id) {
        let change = update.change.clone();
        image.tags = change
            .tags
            .or(update.tags.as_ref().map(texts))
            .unwrap_or(image.tags.clone());
        image.description = change.description.unwrap_or(image.description.clone());
        image.deprecated_at = change.deprecate_at.unwrap_or(image.deprecated_at.clone());
        image.manifest = change.manifest.unwrap_or(image.manifest.clone());
    }
    for image in all {
        world
            .images
            .entry(image.manifest.address.clone())
            .or_default()
            .push(image);
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let known = value.attributes().into_iter().flatten();
    known
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Who holds which name, after images came or went.
pub fn names(world: &mut World) {
    let holder = |image: &ObservedImage| Holder {
        owner: Some(image.manifest.owner.clone()),
        address: Some(image.manifest.address.clone()),
    };
    let key = bake::spec::ProviderKey {
        kind: "local".into(),
        alias: None,
    };
    let mut names: BTreeMap<String, Holder> = world
        .images
        .values()
        .flatten()
        .map(|image| (image.name.clone(), holder(image)))
        .collect();
    let foreign = world
        .names
        .iter()
        .flat_map(|(_, names)| names)
        .filter(|(_, holder)| holder.owner.is_none());
    names.extend(foreign.map(|(name, holder)| (name.clone(), holder.clone())));
    world.names = vec![(key, names)];
}
