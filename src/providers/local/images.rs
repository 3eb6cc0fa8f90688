//! The catalogue of a store.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Local;
use super::store::{Shelf, now};
use crate::address::ImageAddress;
use crate::providers::{
    Holder, ImageId, ImageQuery, ImageUpdate, Images, Keep, Manifest, Marker, ObservedImage, Owner, ProviderError,
    Registered, Registration, SnapshotId,
};

/// What is written down of an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Unique among the images of the store.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deprecated_at: Option<String>,
    created: String,
    /// The call that made it.
    pub marker: Marker,
    /// By the name of the volume.
    pub snapshots: BTreeMap<String, SnapshotId>,
    manifest: Manifest,
}

/// As much of it as says what it is called, whose it is, and what it is made of. The rest is passed over unread: a store
/// of a thousand images is read several times in a plan.
#[derive(Debug, Deserialize)]
pub struct ListedImage {
    name: String,
    /// By the name of the volume.
    pub snapshots: BTreeMap<String, SnapshotId>,
    manifest: ListedManifest,
}

#[derive(Debug, Deserialize)]
struct ListedManifest {
    // Not as a flattened `Owner`: for that serde reads and keeps all that it would pass over.
    project: String,
    workspace: String,
    address: ImageAddress,
}

impl ListedManifest {
    fn holder(self) -> Holder {
        Holder {
            owner: Some(Owner {
                project: self.project,
                workspace: self.workspace,
            }),
            address: Some(self.address),
        }
    }
}

impl ImageRecord {
    /// Whose name it is.
    pub(super) fn holder(&self) -> Holder {
        Holder {
            owner: Some(self.manifest.owner.clone()),
            address: Some(self.manifest.address.clone()),
        }
    }

    pub(super) fn answers(&self, query: &ImageQuery) -> bool {
        let manifest = &self.manifest;
        manifest.owner == query.owner
            && query
                .address
                .as_ref()
                .is_none_or(|address| manifest.address == *address)
    }

    pub(super) fn into_observed(self, id: String, local: &Local) -> ObservedImage {
        ObservedImage {
            id: ImageId(id),
            provider: local.key.clone(),
            name: self.name,
            manifest: self.manifest,
            snapshots: self.snapshots,
            tags: self.tags,
            description: self.description,
            deprecated_at: self.deprecated_at,
            published: None,
            created: self.created,
        }
    }

    fn change(&mut self, change: &ImageUpdate) {
        if let Some(tags) = &change.tags {
            self.tags = tags.clone();
        }
        if let Some(description) = &change.description {
            self.description = description.clone();
        }
        if let Some(moment) = &change.deprecate_at {
            self.deprecated_at = moment.clone();
        }
        if let Some(manifest) = &change.manifest {
            self.manifest = manifest.clone();
        }
    }
}

#[async_trait]
impl Images for Local {
    async fn observe(&self, queries: &[ImageQuery]) -> Result<Vec<Vec<ObservedImage>>, ProviderError> {
        let mut answers = vec![Vec::new(); queries.len()];
        for (id, record) in self.records::<ImageRecord>()? {
            let asked = queries
                .iter()
                .zip(&mut answers)
                .filter(|(query, _)| record.answers(query));
            asked.for_each(|(_, answer)| answer.push(record.clone().into_observed(id.clone(), self)));
        }
        answers.iter_mut().for_each(|answer| answer.sort_by(newest_first));
        Ok(answers)
    }

    async fn names(&self) -> Result<BTreeMap<String, Holder>, ProviderError> {
        let records = self.records::<ListedImage>()?.into_iter();
        Ok(records
            .map(|(_, record)| (record.name, record.manifest.holder()))
            .collect())
    }

    async fn register(&self, image: &Registration, marker: &Marker) -> Result<Registered, ProviderError> {
        let catalogue = self.store.lock().await?;
        let standing = self.records::<ListedImage>()?;
        if let Some((id, other)) = standing.iter().find(|(_, other)| other.name == image.name) {
            return Err(ProviderError::NameTaken {
                name: image.name.clone(),
                by: format!(
                    "{id} ({} of project {})",
                    other.manifest.address, other.manifest.project
                ),
            });
        }
        for id in image.snapshots.values() {
            self.whole_disk(id)?;
        }
        let id = Shelf::Images.id(&marker.token);
        let record = ImageRecord {
            name: image.name.clone(),
            description: image.description.clone(),
            tags: image.tags.clone(),
            deprecated_at: image.deprecate_at.clone(),
            created: now()?,
            marker: marker.clone(),
            snapshots: image.snapshots.clone(),
            manifest: image.manifest.clone(),
        };
        catalogue.write(Shelf::Images, &id, &record)?;
        Ok(Registered::New(ImageId(id)))
    }

    async fn update(&self, id: &ImageId, change: &ImageUpdate) -> Result<(), ProviderError> {
        let catalogue = self.store.lock().await?;
        let mut record = self.image(id)?;
        record.change(change);
        catalogue.write(Shelf::Images, &id.0, &record)
    }

    async fn retire(&self, id: &ImageId, keep: Keep) -> Result<(), ProviderError> {
        let catalogue = self.store.lock().await?;
        let image = self.image(id)?;
        if keep == Keep::All {
            for snapshot in image.snapshots.values() {
                self.retain(&catalogue, snapshot)?;
            }
        }
        if keep != Keep::Nothing {
            return catalogue.remove(Shelf::Images, &id.0);
        }
        catalogue.retire(&id.0)?;
        catalogue.bury(&id.0)
    }
}

fn newest_first(a: &ObservedImage, b: &ObservedImage) -> Ordering {
    let (one, other) = (&a.manifest, &b.manifest);
    let address = one.address.cmp(&other.address);
    address
        .then(other.release.cmp(&one.release))
        .then(b.created.cmp(&a.created))
        .then(a.id.cmp(&b.id))
}

impl Local {
    /// Every image of the store, whoever owns it.
    pub(super) fn records<T: DeserializeOwned + Send>(&self) -> Result<Vec<(String, T)>, ProviderError> {
        match self.store.exists()? {
            true => self.store.read_all(Shelf::Images),
            false => Ok(Vec::new()),
        }
    }

    fn image(&self, id: &ImageId) -> Result<ImageRecord, ProviderError> {
        let missing = || ProviderError::NotFound {
            what: format!("image {id}"),
        };
        self.store.read(Shelf::Images, &id.0)?.ok_or_else(missing)
    }
}
