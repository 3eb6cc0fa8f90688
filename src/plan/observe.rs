//! What exists: the images of this project and workspace, who holds which name, and snapshots that a cut-off apply left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::module::Module;
use crate::providers::{
    Holder, ImageId, Leftover, ObservedImage, Owner, ProviderError, Providers, Sight, SnapshotId, SourceImage,
};
use crate::spec::{ProviderKey, Source};
use crate::units::Size;

/// The world as the providers tell it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Images of the owner by address, the current release first.
    pub images: BTreeMap<ImageAddress, Vec<ObservedImage>>,
    /// Who holds which name in each provider.
    pub names: Vec<(ProviderKey, BTreeMap<String, Holder>)>,
    /// Snapshots that stand without an image.
    pub kept: Vec<Kept>,
    /// Images whose snapshots are gone or cut short, with what is wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub damaged: BTreeMap<ImageId, String>,
    /// Images, whoever made them, on which images of the module are built.
    #[serde(default)]
    pub sources: Vec<(ProviderKey, SourceImage)>,
}

/// A snapshot whose image could not be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Where.
    pub provider: ProviderKey,
    /// Of which image.
    pub image: ImageAddress,
    /// Of which volume.
    pub volume: String,
    /// The content of the image that it was made for.
    pub digest: Digest,
    /// Its id.
    pub id: SnapshotId,
    /// Of the volume.
    pub size: Size,
}

/// Asks every provider.
///
/// # Errors
/// Those of the provider that could not answer.
pub async fn observe(owner: &Owner, providers: &Providers) -> Result<World, ProviderError> {
    let mut world = World::default();
    for (key, provider) in providers.iter() {
        world.add(key, provider.look(owner).await?);
    }
    world.sort();
    Ok(world)
}

/// The same, and what runs of the owner left in each provider.
///
/// # Errors
/// Those of the provider that could not answer.
pub async fn observe_closely(
    owner: &Owner,
    providers: &Providers,
) -> Result<(World, Vec<(ProviderKey, Leftover)>), ProviderError> {
    let (mut world, mut left) = (World::default(), Vec::new());
    for (key, provider) in providers.iter() {
        let (seen, leftovers) = provider.look_closely(owner).await?;
        world.add(key, seen);
        left.extend(leftovers.into_iter().map(|leftover| (key.clone(), leftover)));
    }
    world.sort();
    Ok((world, left))
}

/// The images, whoever made them, on which images of the module are built: one question to each provider that has some.
///
/// # Errors
/// Those of the provider that could not answer.
pub async fn sources(module: &Module, providers: &Providers, world: &mut World) -> Result<(), ProviderError> {
    for (key, provider) in providers.iter() {
        let of_provider = module.images.iter().filter(|spec| spec.provider == *key);
        let mut ids: Vec<ImageId> = of_provider
            .filter_map(|spec| match &spec.source {
                Source::Ami(id) => Some(ImageId(id.value.clone())),
                _ => None,
            })
            .collect();
        ids.sort();
        ids.dedup();
        if !ids.is_empty() {
            let found = provider.images().sources(&ids).await?;
            world
                .sources
                .extend(found.into_iter().map(|source| (key.clone(), source)));
        }
    }
    Ok(())
}

/// A snapshot from which an image of its content can be registered.
fn resumable(provider: &ProviderKey, id: SnapshotId, leftover: &Leftover, size: Size) -> Option<Kept> {
    let address = &leftover.marker.address;
    let volume = address.node.as_ref().and_then(|node| node.label.clone());
    Some(Kept {
        provider: provider.clone(),
        image: address.image.clone(),
        volume: volume.unwrap_or_default(),
        digest: leftover.digest?,
        id,
        size,
    })
}

impl World {
    fn add(&mut self, key: &ProviderKey, seen: Sight) {
        for image in seen.images {
            if let Some(why) = image.snapshots.values().find_map(|id| seen.damaged.get(id)) {
                self.damaged.insert(image.id.clone(), why.clone());
            }
            let address = image.manifest.address.clone();
            self.images.entry(address).or_default().push(image);
        }
        self.names.push((key.clone(), seen.names));
        let kept = seen.kept.into_iter();
        self.kept
            .extend(kept.filter_map(|(id, leftover, size)| resumable(key, id, &leftover, size)));
    }

    /// Puts everything in the order in which it is read. Of two releases with one number the later creation date wins.
    fn sort(&mut self) {
        for releases in self.images.values_mut() {
            releases.sort_by(|a, b| {
                let key = |image: &ObservedImage| (image.manifest.release, image.created.clone(), image.id.clone());
                key(b).cmp(&key(a))
            });
        }
        self.kept
            .sort_by(|a, b| (&a.image, &a.volume, &a.id).cmp(&(&b.image, &b.volume, &b.id)));
    }

    /// Believes what was recorded instead of what somebody may have changed since (`-refresh=false`).
    pub fn forget_drift(&mut self) {
        self.damaged.clear();
        for image in self.images.values_mut().flatten() {
            let tags = image.manifest.spec.blocks.iter().find(|block| block.name == "publish");
            let tags = tags.and_then(|publish| publish.content.arguments.get("tags"));
            if let Some(recorded) = tags.and_then(|tags| tags.value.as_ref()?.as_object()) {
                let text =
                    |(name, value): (&String, &serde_json::Value)| Some((name.clone(), value.as_str()?.to_owned()));
                image.tags = recorded.iter().filter_map(text).collect();
            }
        }
    }

    /// Releases of an address, the current one first.
    pub fn releases(&self, address: &ImageAddress) -> &[ObservedImage] {
        self.images.get(address).map_or(&[], Vec::as_slice)
    }

    /// An image on which one of the module is built.
    pub fn source(&self, provider: &ProviderKey, id: &str) -> Option<&SourceImage> {
        let found = self
            .sources
            .iter()
            .find(|(key, source)| key == provider && source.id.0 == id);
        found.map(|(_, source)| source)
    }

    /// Who holds a name.
    pub fn holder(&self, provider: &ProviderKey, name: &str) -> Option<&Holder> {
        let (_, names) = self.names.iter().find(|(key, _)| key == provider)?;
        names.get(name)
    }

    /// Snapshots of all these volumes that stand for an image of this content.
    pub fn resumable(
        &self,
        provider: &ProviderKey,
        image: &ImageAddress,
        digest: &Digest,
        volumes: &[String],
    ) -> Option<Vec<&Kept>> {
        let of = |kept: &&Kept| kept.provider == *provider && kept.image == *image && kept.digest == *digest;
        let find = |name: &String| self.kept.iter().filter(of).find(|kept| kept.volume == *name);
        volumes.iter().map(find).collect()
    }
}

/// What the providers cannot do of what the module asks for.
///
/// # Errors
/// If there is an error among it; otherwise the warnings are answered.
pub fn check(module: &Module, providers: &Providers) -> Result<Diagnostics, Diagnostics> {
    let mut found = Diagnostics::new();
    for spec in &module.images {
        match providers.get(&spec.provider) {
            Ok(provider) => found.extend(provider.check(spec)),
            Err(error) => found.push(Diagnostic::from(error).at(&spec.span)),
        }
    }
    found.into_result(()).map(|((), warnings)| warnings)
}
