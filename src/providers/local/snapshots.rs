//! Snapshots of a store: raw files that nobody changes any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::store::{Catalogue, Shelf, now};
use super::{Local, blocking};
use crate::digest::Digest;
use crate::host::blocks::Blocks;
use crate::host::{HostError, Kind, files, sparse};
use crate::providers::{Marker, ProviderError, SnapshotId, Snapshots, VolumeId};
use crate::units::Size;

/// What is written down of a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// The call that made it.
    pub marker: Marker,
    /// The digest of the image that it was made for.
    pub digest: Digest,
    /// Of the volume.
    pub size: Size,
    /// RFC 3339.
    pub created: String,
    /// The root of the tree over its blocks; those stand in a file beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Digest>,
    /// Whether its bytes are all there; before that it counts for nothing.
    pub whole: bool,
    /// Whether it was left when its image went, because the module says so: no run has forgotten it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retained: bool,
}

#[async_trait]
impl Snapshots for Local {
    /// The volume is at rest and will only be deleted, so the snapshot takes its file over: both names mean one file until
    /// the volume's goes. Where the file system knows no second names it is copied.
    async fn create(
        &self,
        volume: &VolumeId,
        digest: &Digest,
        _tags: &BTreeMap<String, String>,
        marker: &Marker,
    ) -> Result<SnapshotId, ProviderError> {
        let id = Shelf::Snapshots.id(&marker.token);
        let from = self.store.disk(Shelf::Volumes, &volume.0);
        let size = std::fs::metadata(&from)
            .map_err(|error| HostError::on_path("look at", &from, error))?
            .len();
        let mut record = SnapshotRecord {
            marker: marker.clone(),
            digest: *digest,
            size: Size::bytes(size),
            created: now()?,
            blocks: None,
            whole: false,
            retained: false,
        };
        self.store.lock().await?.write(Shelf::Snapshots, &id, &record)?;
        let to = self.store.disk(Shelf::Snapshots, &id);
        let made = blocking(move || {
            link_or_copy(&from, &to)?;
            Blocks::of(&to)
        });
        let made = made.await;
        record.whole = true;
        let finished = async {
            let blocks = made?;
            record.blocks = Some(blocks.root());
            let catalogue = self.store.lock().await?;
            // Under the lock: without it the next one to take it clears away what is being written.
            files::replace(&self.store.blocks(&id), blocks.to_text().as_bytes())?;
            catalogue.write(Shelf::Snapshots, &id, &record)
        };
        if let Err(error) = finished.await {
            // What is not removed here is removed by its marker later.
            let _ = self.store.lock().await.and_then(|catalogue| catalogue.discard(&id));
            return Err(error);
        }
        Ok(SnapshotId(id))
    }

    async fn delete(&self, id: &SnapshotId) -> Result<(), ProviderError> {
        match self.store.exists()? {
            true => self.store.lock().await?.discard(&id.0),
            false => Ok(()),
        }
    }

    async fn size(&self, id: &SnapshotId) -> Result<Size, ProviderError> {
        Ok(self.snapshot(id)?.size)
    }

    async fn identity(&self, id: &SnapshotId) -> Result<Option<Digest>, ProviderError> {
        Ok(self.snapshot(id)?.blocks)
    }
}

fn link_or_copy(from: &Path, to: &Path) -> crate::host::Result<()> {
    match files::link(from, to) {
        Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Denied) => sparse::copy(from, to),
        linked => linked,
    }
}

impl Local {
    /// Notes that a snapshot stays though its image goes; one that is gone itself does not.
    pub(super) fn retain(&self, catalogue: &Catalogue<'_>, id: &SnapshotId) -> Result<(), ProviderError> {
        let record: Option<SnapshotRecord> = self.store.read(Shelf::Snapshots, &id.0)?;
        record.map_or(Ok(()), |record| {
            let retained = SnapshotRecord {
                retained: true,
                ..record
            };
            catalogue.write(Shelf::Snapshots, &id.0, &retained)
        })
    }

    fn snapshot(&self, id: &SnapshotId) -> Result<SnapshotRecord, ProviderError> {
        let record: Option<SnapshotRecord> = self.store.read(Shelf::Snapshots, &id.0)?;
        let whole = record.filter(|record| record.whole);
        whole.ok_or_else(|| Local::missing(id))
    }

    pub(super) fn missing(id: &SnapshotId) -> ProviderError {
        ProviderError::NotFound {
            what: format!("snapshot {id}"),
        }
    }

    /// The blocks of a snapshot as they were when it was made; none of one that an older bake made.
    pub(super) fn recorded_blocks(&self, id: &SnapshotId) -> Result<Option<Blocks>, ProviderError> {
        let Some(root) = self.snapshot(id)?.blocks else {
            return Ok(None);
        };
        let path = self.store.blocks(&id.0);
        let blocks = Blocks::read(&path)?;
        match blocks.root() == root {
            true => Ok(Some(blocks)),
            false => Err(ProviderError::Damaged {
                what: path.display().to_string(),
                why: format!("it is not the list whose root is {root}"),
            }),
        }
    }

    /// The file of a snapshot, after a look whether all of it is there.
    ///
    /// # Errors
    /// [`ProviderError::NotFound`]; [`ProviderError::Damaged`] if the file is gone, or not as long as it was.
    pub(super) fn whole_disk(&self, id: &SnapshotId) -> Result<PathBuf, ProviderError> {
        match self.harm(id, &self.snapshot(id)?)? {
            None => Ok(self.store.disk(Shelf::Snapshots, &id.0)),
            Some(harm) => Err(harm),
        }
    }

    /// What is wrong with the file of a snapshot, at a glance.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub(super) fn harm(
        &self,
        id: &SnapshotId,
        record: &SnapshotRecord,
    ) -> Result<Option<ProviderError>, ProviderError> {
        let wanted = record.size.as_bytes();
        let path = self.store.disk(Shelf::Snapshots, &id.0);
        let why = match std::fs::metadata(&path) {
            Ok(found) if found.len() == wanted => return Ok(None),
            Ok(found) => format!("it has {} bytes of {wanted}", found.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "it is gone".to_owned(),
            Err(error) => return Err(HostError::on_path("look at", &path, error).into()),
        };
        Ok(Some(ProviderError::Damaged {
            what: path.display().to_string(),
            why,
        }))
    }
}
