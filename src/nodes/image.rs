//! An image: registered from snapshots, and it stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::regional_copy::CopyHandle;
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Ref, Snapshot, values};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::lang::value::Value;
use crate::providers::manifest::BuiltVolume;
use crate::providers::{
    ImageId, ImageQuery, Manifest, Marker, ObservedImage, Registered, Registration, Resource, SnapshotId,
};
use crate::spec::ProviderKey;
use crate::units::{Duration, Size};

/// An image to be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Who registers it.
    pub provider: ProviderKey,
    /// Its name.
    pub name: String,
    /// May be unknown until apply.
    pub description: Option<Value>,
    /// By the name of the volume, the root volume first.
    pub snapshots: Vec<(String, SnapshotSource)>,
    /// From which image it takes over what it does not say of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherits: Option<Inherits>,
    /// A map; may be unknown until apply.
    pub tags: Option<Value>,
    /// From its creation.
    pub deprecate_after: Option<Duration>,
    /// What is recorded with it; times, snapshot ids and sizes are filled in when it is opened.
    pub manifest: Manifest,
    /// Content nodes whose time is recorded, by their name in the manifest.
    pub timed: BTreeMap<String, Address>,
    /// What else must have happened: images in `depends_on`, values that are read, one of equal name retired.
    pub after: Vec<Need>,
}

/// Where a snapshot of an image comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotSource {
    /// From a node of this apply.
    Made(Ref<Snapshot>),
    /// It stands already.
    Standing {
        /// Its id.
        id: SnapshotId,
        /// Its size.
        size: Size,
    },
}

/// An image from which another takes over what it does not say of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inherits {
    /// One that this apply registers.
    Made(Ref<Image>),
    /// One that stands.
    Standing(ImageId),
}

/// An image that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// By the name of the volume.
    pub snapshots: BTreeMap<String, SnapshotId>,
    /// Its tags, which its copies have too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its description, which its copies have too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The region in which it is registered; none where the provider knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its copies in other regions that stood before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub copies: BTreeMap<String, ImageId>,
}

impl ImageHandle {
    /// Where it is by place: the region, else the kind of its provider. `made` are copies that came since.
    pub fn ids<'a>(&self, made: impl IntoIterator<Item = &'a CopyHandle>) -> BTreeMap<String, ImageId> {
        let here = self.region.as_ref().unwrap_or(&self.provider.kind);
        let made = made.into_iter().map(|copy| (copy.region.clone(), copy.id.clone()));
        let before = self.copies.clone().into_iter();
        before.chain(made).chain([(here.clone(), self.id.clone())]).collect()
    }

    /// Of an image that was seen to stand.
    pub fn of(image: &ObservedImage) -> ImageHandle {
        ImageHandle {
            provider: image.provider.clone(),
            id: image.id.clone(),
            name: image.name.clone(),
            snapshots: image.snapshots.clone(),
            tags: image.tags.clone(),
            description: image.description.clone(),
            region: image.published.as_ref().map(|published| published.region.clone()),
            copies: image.copies(),
        }
    }
}

impl Kind for Image {
    type Handle = ImageHandle;
    const LIFETIME: Lifetime = Lifetime::Lasting;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let made = self.snapshots.iter().filter_map(|(_, source)| match source {
            SnapshotSource::Made(snapshot) => Some(snapshot.opened()),
            SnapshotSource::Standing { .. } => None,
        });
        let base = match &self.inherits {
            Some(Inherits::Made(image)) => Some(image.opened()),
            _ => None,
        };
        made.chain(base).chain(self.after.iter().cloned()).collect()
    }

    async fn open(&self, _at: &Address, marker: &Marker, cx: &Context) -> Result<ImageHandle, NodeError> {
        let manifest = self.finished(cx).await?;
        let inherits = match &self.inherits {
            Some(Inherits::Made(image)) => Some(cx.outputs.get(image)?.id.clone()),
            Some(Inherits::Standing(id)) => Some(id.clone()),
            None => None,
        };
        let registration = Registration {
            inherits,
            name: self.name.clone(),
            description: self
                .description
                .as_ref()
                .map_or(Ok(None), |value| values::text(value, cx))?,
            snapshots: by_volume(&manifest.volumes),
            tags: self
                .tags
                .as_ref()
                .map_or(Ok(BTreeMap::new()), |value| values::map(value, cx))?,
            deprecate_at: self.deprecate_after.map(|after| later(&cx.now, after)).transpose()?,
            manifest,
        };
        let provider = cx.providers.get(&self.provider)?;
        let (id, snapshots) = match provider.images().register(&registration, marker).await? {
            Registered::New(id) => (id, registration.snapshots),
            Registered::Already { id, snapshots } => {
                self.give_way(&id, cx).await?;
                (id, snapshots)
            }
        };
        Ok(ImageHandle {
            provider: self.provider.clone(),
            region: provider.place().await?,
            copies: BTreeMap::new(),
            id,
            name: registration.name,
            snapshots,
            tags: registration.tags,
            description: registration.description,
        })
    }

    async fn find(marker: &Marker, cx: &Context) -> Result<Option<ImageHandle>, NodeError> {
        let Some(key) = &marker.provider else {
            return Ok(None);
        };
        let provider = cx.providers.get(key)?;
        let Some(Resource::Image(id)) = provider.inventory().find(marker).await? else {
            return Ok(None);
        };
        let query = ImageQuery {
            owner: marker.owner.clone(),
            address: Some(marker.address.image.clone()),
        };
        let standing = provider.images().observe(&[query]).await?;
        let found = standing.into_iter().flatten().find(|image| image.id == id);
        let region = provider.place().await?;
        Ok(found.as_ref().map(|image| ImageHandle {
            region,
            ..ImageHandle::of(image)
        }))
    }
}

impl Image {
    /// Another host was first with the same content: its image counts, and the snapshots that were made here go.
    async fn give_way(&self, to: &ImageId, cx: &Context) -> Result<(), NodeError> {
        let snapshots = cx.providers.get(&self.provider)?.snapshots();
        for (_, source) in &self.snapshots {
            let SnapshotSource::Made(made) = source else { continue };
            let own = &cx.outputs.get(made)?.id;
            snapshots.delete(own).await.map_err(|error| {
                Diagnostic::from(error)
                    .note(format!(
                        "{to} of another host has the same content and stands; {own}, made here, is not needed"
                    ))
                    .help("bake gc removes it")
            })?;
        }
        cx.events.message(format!(
            "{} stands already: another host has registered the same content as {to}; what was made here is removed",
            self.name
        ));
        Ok(())
    }

    /// The manifest with what only this apply knows: the time, the snapshots, how long the steps took.
    async fn finished(&self, cx: &Context) -> Result<Manifest, NodeError> {
        let mut manifest = self.manifest.clone();
        manifest.created = cx.now.clone();
        manifest.volumes = self.volumes(cx)?;
        let snapshots = cx.providers.get(&self.provider)?.snapshots();
        for volume in &mut manifest.volumes {
            volume.blocks = snapshots.identity(&volume.snapshot).await?;
        }
        for node in &mut manifest.nodes {
            let took = self.timed.get(&node.name).and_then(|address| cx.took.get(address));
            node.took = took.copied().or(node.took);
        }
        Ok(manifest)
    }

    /// In the order of the snapshots; mount points as planned.
    fn volumes(&self, cx: &Context) -> Result<Vec<BuiltVolume>, NodeError> {
        let volume = |(name, source): &(String, SnapshotSource)| {
            let (snapshot, size) = match source {
                SnapshotSource::Standing { id, size } => (id.clone(), *size),
                SnapshotSource::Made(reference) => {
                    let handle = cx.outputs.get(reference)?;
                    (handle.id.clone(), handle.size)
                }
            };
            let planned = self.manifest.volumes.iter().find(|volume| volume.name == *name);
            Ok(BuiltVolume {
                name: name.clone(),
                snapshot,
                size,
                blocks: None,
                mounts: planned.map(|volume| volume.mounts.clone()).unwrap_or_default(),
            })
        };
        self.snapshots.iter().map(volume).collect()
    }
}

fn by_volume(volumes: &[BuiltVolume]) -> BTreeMap<String, SnapshotId> {
    volumes
        .iter()
        .map(|volume| (volume.name.clone(), volume.snapshot.clone()))
        .collect()
}

/// A moment (RFC 3339) so much later, in full minutes.
fn later(moment: &str, after: Duration) -> Result<String, NodeError> {
    let unusable = |why: jiff::Error| Diagnostic::error(format!("{moment} and {after} later is no time: {why}"));
    let moment: jiff::Timestamp = moment.parse().map_err(unusable)?;
    let then = moment.checked_add(after.as_std()).map_err(unusable)?;
    let minute = then.as_second().div_euclid(60) * 60;
    Ok(jiff::Timestamp::from_second(minute).map_err(unusable)?.to_string())
}
