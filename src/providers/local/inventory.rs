//! What carries our markers in a store.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::Local;
use super::images::{ImageRecord, ListedImage};
use super::snapshots::SnapshotRecord;
use super::store::Shelf;
use super::volumes::VolumeRecord;
use crate::providers::{ImageId, Inventory, Leftover, Marker, ProviderError, Resource, SnapshotId, VolumeId};

#[async_trait]
impl Inventory for Local {
    /// Ids are made of the marker, so each is one look. What an ended call left unfinished is removed on the way.
    async fn find(&self, marker: &Marker) -> Result<Option<Resource>, ProviderError> {
        if !self.store.exists()? {
            return Ok(None);
        }
        let id = |shelf: Shelf| shelf.id(&marker.token);
        let (image, snapshot, volume) = (id(Shelf::Images), id(Shelf::Snapshots), id(Shelf::Volumes));
        if self
            .store
            .read::<ImageRecord>(Shelf::Images, &image)?
            .is_some_and(|found| found.marker == *marker)
        {
            return Ok(Some(Resource::Image(ImageId(image))));
        }
        match self.store.read::<SnapshotRecord>(Shelf::Snapshots, &snapshot)? {
            Some(found) if found.marker == *marker && found.whole => {
                return Ok(Some(Resource::Snapshot(SnapshotId(snapshot))));
            }
            Some(found) if found.marker == *marker => self.store.lock().await?.discard(&snapshot)?,
            _ => (),
        }
        let found = self.store.read::<VolumeRecord>(Shelf::Volumes, &volume)?;
        Ok(found
            .filter(|found| found.marker == *marker)
            .map(|_| Resource::Volume(VolumeId(volume))))
    }

    /// Whoever takes the lock of the catalogue clears away what a crash left.
    async fn tidy(&self) -> Result<(), ProviderError> {
        match self.store.exists()? {
            true => self.store.lock().await.map(drop),
            false => Ok(()),
        }
    }

    async fn leftovers(
        &self,
        project: &str,
        workspace: Option<&str>,
        _regions: &BTreeSet<String>,
    ) -> Result<Vec<Leftover>, ProviderError> {
        if !self.store.exists()? {
            return Ok(Vec::new());
        }
        let ours = |marker: &Marker| {
            marker.owner.project == project && workspace.is_none_or(|workspace| marker.owner.workspace == workspace)
        };
        let images = self.records::<ListedImage>()?;
        let used: BTreeSet<&SnapshotId> = images.iter().flat_map(|(_, image)| image.snapshots.values()).collect();
        let volumes = self
            .store
            .read_all::<VolumeRecord>(Shelf::Volumes)?
            .into_iter()
            .map(|(id, record)| Leftover {
                resource: Resource::Volume(VolumeId(id)),
                region: None,
                marker: record.marker,
                digest: None,
                created: record.created,
                in_use: false,
            });
        let snapshots = self.store.read_all::<SnapshotRecord>(Shelf::Snapshots)?;
        let snapshots = snapshots.into_iter().filter(|(_, record)| !record.retained);
        let snapshots = snapshots.map(|(id, record)| {
            let id = SnapshotId(id);
            Leftover {
                in_use: used.contains(&id),
                ..left(id, record)
            }
        });
        Ok(volumes
            .chain(snapshots)
            .filter(|one| ours(&one.marker) && !one.in_use)
            .collect())
    }
}

/// A snapshot that no image uses.
pub(super) fn left(id: SnapshotId, record: SnapshotRecord) -> Leftover {
    Leftover {
        in_use: false,
        resource: Resource::Snapshot(id),
        region: None,
        marker: record.marker,
        digest: record.whole.then_some(record.digest),
        created: record.created,
    }
}
