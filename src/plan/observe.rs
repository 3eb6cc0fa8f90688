//! What exists: the images of this project and workspace, who holds which name, and snapshots that a cut-off apply left.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::module::Module;
use crate::providers::publication::{ParameterPlace, SeenParameter, Shares};
use crate::providers::{
    DefaultEncryption, Holder, ImageId, Key, Leftover, ObservedImage, Owner, ProviderError, Providers, Publication,
    Sight, SnapshotId, SourceImage,
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
    /// Where images are built, of providers that publish to more than one region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<(ProviderKey, String)>,
    /// Parameters of the module that stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Held>,
    /// By which key snapshots are encrypted; none: not at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub encryption: BTreeMap<SnapshotId, Option<String>>,
    /// Keys of the module as the key service knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<NamedKey>,
    /// What was asked of regions because something is to be made there ([`super::closer`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abroad: Vec<Abroad>,
}

/// A parameter of the module that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Where.
    pub provider: ProviderKey,
    /// Which, and what it holds.
    #[serde(flatten)]
    pub seen: SeenParameter,
    /// Why it is not the image's; none if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger: Option<String>,
}

/// A key of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedKey {
    /// Where.
    pub provider: ProviderKey,
    /// Its region.
    pub region: String,
    /// As the module names it.
    pub named: String,
    /// What it is.
    pub key: Key,
}

/// What was asked of a region because something is to be made there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Abroad {
    /// Where.
    pub provider: ProviderKey,
    /// Which.
    pub region: String,
    /// What it encrypts where nothing is said; none: it was not asked.
    pub default: Option<DefaultEncryption>,
    /// Who holds names that are to be given.
    pub names: BTreeMap<String, Holder>,
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

/// What the module's parameters hold: one question for ten parameters of a region.
///
/// # Errors
/// Two images that write one parameter; those of the provider that could not answer.
pub async fn publications(module: &Module, providers: &Providers, world: &mut World) -> Result<(), Diagnostic> {
    for (key, provider) in providers.iter() {
        let (Some(publishing), Some(home)) = (provider.publishing(), world.region(key).map(str::to_owned)) else {
            continue;
        };
        let of_provider = module.images.iter().filter(|spec| spec.provider == *key);
        let mut asked = Vec::new();
        for spec in of_provider {
            let Some(block) = &spec.publish.object else { continue };
            let wanted = Publication::of_block(&block.recorded(), &home);
            let regions = std::iter::once(&home).chain(wanted.copies.keys());
            for region in regions {
                asked.extend(wanted.parameters.keys().map(|name| {
                    let (region, name) = (region.clone(), name.clone());
                    (ParameterPlace { region, name }, &spec.address)
                }));
            }
        }
        for (index, (place, image)) in asked.iter().enumerate() {
            let other = asked[..index]
                .iter()
                .find(|(before, of)| before == place && of != image);
            if let Some((_, other)) = other {
                let error = Diagnostic::error(format!(
                    "two images write parameter {}: {other} and {image}",
                    place.name
                ));
                return Err(error.help("give each a name of its own").about(&image.itself()));
            }
        }
        let places: Vec<ParameterPlace> = asked.iter().map(|(place, _)| place.clone()).collect();
        for seen in publishing.parameters(&places).await? {
            let of = asked.iter().find(|(place, _)| *place == seen.place);
            let Some((_, image)) = of else { continue };
            let stranger = match world.is_release(image, &seen) {
                true => None,
                false => publishing.stranger(&seen, &module.owner, image).await?,
            };
            world.parameters.push(Held {
                provider: key.clone(),
                seen,
                stranger,
            });
        }
    }
    Ok(())
}

/// The aliases of keys that images of the module name, and their copies: one question for each of a region. Only an alias may
/// mean another key than it did; others are asked about when something is to be made with them.
///
/// # Errors
/// Those of the provider that could not answer.
pub async fn keys(module: &Module, providers: &Providers, world: &mut World) -> Result<(), ProviderError> {
    for (key, provider) in providers.iter() {
        let (Some(publishing), Some(home)) = (provider.publishing(), world.region(key)) else {
            continue;
        };
        let of_provider = module.images.iter().filter(|spec| spec.provider == *key);
        let named: BTreeSet<(String, String)> = of_provider.flat_map(|spec| super::keys::named(spec, home)).collect();
        for (region, named) in named.into_iter().filter(|(_, named)| super::keys::is_alias(named)) {
            let found = publishing.key(&region, &named).await?;
            world.keys.push(NamedKey {
                provider: key.clone(),
                region,
                named,
                key: found,
            });
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
        self.encryption.extend(seen.encryption);
        self.regions.extend(seen.region.map(|region| (key.clone(), region)));
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
            believe(image);
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

    /// Where a provider builds images; none if it knows no regions.
    pub fn region(&self, provider: &ProviderKey) -> Option<&str> {
        let found = self.regions.iter().find(|(key, _)| key == provider);
        found.map(|(_, region)| region.as_str())
    }

    /// What a parameter of the module holds.
    pub fn parameter(&self, provider: &ProviderKey, place: &ParameterPlace) -> Option<&Held> {
        let mut all = self.parameters.iter();
        all.find(|held| held.provider == *provider && held.seen.place == *place)
    }

    /// Whether a parameter holds a release of this image, or a copy of one.
    fn is_release(&self, image: &ImageAddress, seen: &SeenParameter) -> bool {
        self.releases(image).iter().any(|release| {
            let copies = release.published.iter().flat_map(|published| &published.copies);
            let mut copies = copies.filter(|copy| copy.region == seen.place.region);
            release.id.0 == seen.value || copies.any(|copy| copy.id.0 == seen.value)
        })
    }

    /// An image on which one of the module is built.
    pub fn source(&self, provider: &ProviderKey, id: &str) -> Option<&SourceImage> {
        let found = self
            .sources
            .iter()
            .find(|(key, source)| key == provider && source.id.0 == id);
        found.map(|(_, source)| source)
    }

    /// What a provider told of a key of a region.
    pub fn key(&self, provider: &ProviderKey, region: &str, named: &str) -> Option<&Key> {
        let is_it = |one: &&NamedKey| one.provider == *provider && one.region == region && one.named == named;
        self.keys.iter().find(is_it).map(|one| &one.key)
    }

    /// What a region encrypts where nothing is said; none if it was not asked.
    pub fn default_encryption(&self, provider: &ProviderKey, region: &str) -> Option<&DefaultEncryption> {
        let mut of_region = self.abroad.iter();
        let found = of_region.find(|one| one.provider == *provider && one.region == region);
        found?.default.as_ref()
    }

    /// Who holds a name in another region, as far as that was asked.
    pub fn holder_abroad(&self, provider: &ProviderKey, region: &str, name: &str) -> Option<&Holder> {
        let mut of_region = self.abroad.iter();
        let found = of_region.find(|one| one.provider == *provider && one.region == region);
        found?.names.get(name)
    }

    /// What it told of a key of the region in which images are built.
    pub fn key_at_home(&self, provider: &ProviderKey, named: &str) -> Option<&Key> {
        self.key(provider, self.region(provider)?, named)
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

/// Takes protection, shares and tags of snapshots as they were recorded.
fn believe(image: &mut ObservedImage) {
    let Some(published) = &mut image.published else { return };
    let recorded = Publication::of(&image.manifest.spec, &published.region);
    let copies = published.copies.iter_mut().map(|copy| &mut copy.announced);
    for announced in copies.chain([&mut published.here]) {
        announced.protected = recorded.protect;
        announced.shares = Some(recorded.shares.clone()).filter(|shares: &Shares| !shares.is_empty());
        let tags = &recorded.snapshot_tags;
        announced.snapshot_tags.iter_mut().for_each(|one| *one = tags.clone());
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
