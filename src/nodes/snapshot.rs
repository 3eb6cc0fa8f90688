//! A snapshot of a volume at rest. Part of an image; kept for the next apply if the image could not be registered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Ref, Volume};
use crate::address::Address;
use crate::digest::Digest;
use crate::providers::{Marker, Resource, SnapshotId};
use crate::spec::ProviderKey;
use crate::units::Size;

/// A snapshot to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Who makes it.
    pub provider: ProviderKey,
    /// Of what.
    pub volume: Ref<Volume>,
    /// The label of the volume.
    pub name: String,
    /// The digest of the image that it is made for.
    pub digest: Digest,
    /// Tags of the user.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// That all content is there, the mounts are closed and the device is at rest.
    pub after: Vec<Need>,
}

/// A snapshot that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: SnapshotId,
    /// Of the volume.
    pub size: Size,
}

impl SnapshotHandle {
    /// Of a snapshot that stands, with its size as the provider knows it.
    async fn of(provider: &ProviderKey, id: SnapshotId, cx: &Context) -> Result<SnapshotHandle, NodeError> {
        Ok(SnapshotHandle {
            size: cx.providers.get(provider)?.snapshots().size(&id).await?,
            provider: provider.clone(),
            id,
        })
    }
}

impl Kind for Snapshot {
    type Handle = SnapshotHandle;
    const LIFETIME: Lifetime = Lifetime::Part;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        std::iter::once(self.volume.opened())
            .chain(self.after.iter().cloned())
            .collect()
    }

    async fn open(&self, _at: &Address, marker: &Marker, cx: &Context) -> Result<SnapshotHandle, NodeError> {
        let volume = &cx.outputs.get(&self.volume)?.id;
        let provider = cx.providers.get(&self.provider)?;
        let work = provider.snapshots().create(volume, &self.digest, &self.tags, marker);
        let id = cx.unless_stopped(provider, work).await?;
        SnapshotHandle::of(&self.provider, id, cx).await
    }

    async fn close(handle: &SnapshotHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        Ok(cx
            .providers
            .get(&handle.provider)?
            .snapshots()
            .delete(&handle.id)
            .await?)
    }

    async fn find(marker: &Marker, cx: &Context) -> Result<Option<SnapshotHandle>, NodeError> {
        let Some(provider) = &marker.provider else {
            return Ok(None);
        };
        match cx.providers.get(provider)?.inventory().find(marker).await? {
            Some(Resource::Snapshot(id)) => SnapshotHandle::of(provider, id, cx).await.map(Some),
            _ => Ok(None),
        }
    }
}
