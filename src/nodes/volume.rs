//! A volume: the blocks that become the image. Exists only during apply.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Image, Keeper, Kind, Lifetime, Need, NodeError, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::providers::{Marker, Resource, SnapshotId, VolumeId, VolumeOrigin, VolumeWish};
use crate::spec::ProviderKey;
use crate::units::Size;

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Who makes it.
    pub provider: ProviderKey,
    /// The label of its block.
    pub name: String,
    /// `None`: that of the origin.
    pub size: Option<Size>,
    /// Where it comes from.
    pub origin: Origin,
    /// How else it is made.
    #[serde(default)]
    pub wish: VolumeWish,
    /// What else must have happened before the image is begun: images in `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Need>,
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Zeroes.
    Blank,
    /// A snapshot that stands.
    Snapshot(SnapshotId),
    /// The root volume of an image that somebody else made; the plan puts its snapshot here.
    Ami(String),
    /// The volume of this name of an image that this apply builds or registers.
    Built {
        /// The image.
        image: Ref<Image>,
        /// The name of its volume.
        volume: String,
    },
    /// A disk image on the builder host, which must have this digest.
    File {
        /// Absolute.
        path: PathBuf,
        /// Of the whole file as it is.
        digest: Digest,
    },
}

/// A volume that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Its id.
    pub id: VolumeId,
}

impl Kind for Volume {
    type Handle = VolumeHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let base = match &self.origin {
            Origin::Built { image, .. } => Some(image.opened()),
            _ => None,
        };
        base.into_iter().chain(self.after.iter().cloned()).collect()
    }

    async fn open(&self, _at: &Address, marker: &Marker, cx: &Context) -> Result<VolumeHandle, NodeError> {
        let origin = self.origin.settle(cx).await?;
        let provider = cx.providers.get(&self.provider)?;
        let work = provider.volumes().create(&origin, self.size, &self.wish, marker);
        Ok(VolumeHandle {
            provider: self.provider.clone(),
            id: cx.unless_stopped(provider, work).await?,
        })
    }

    async fn close(handle: &VolumeHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        Ok(cx.providers.get(&handle.provider)?.volumes().delete(&handle.id).await?)
    }

    async fn find(marker: &Marker, cx: &Context) -> Result<Option<VolumeHandle>, NodeError> {
        let Some(provider) = marker.provider.clone() else {
            return Ok(None);
        };
        match cx.providers.get(&provider)?.inventory().find(marker).await? {
            Some(Resource::Volume(id)) => Ok(Some(VolumeHandle { provider, id })),
            _ => Ok(None),
        }
    }
}

impl Origin {
    /// What the provider is told, with the base's snapshot read from the image that this apply made.
    async fn settle(&self, cx: &Context) -> Result<VolumeOrigin, NodeError> {
        match self {
            Origin::Blank => Ok(VolumeOrigin::Blank),
            Origin::Snapshot(id) => Ok(VolumeOrigin::Snapshot(id.clone())),
            Origin::Ami(id) => Err(Diagnostic::error(format!("the plan does not say which snapshot {id} has")).into()),
            Origin::Built { image, volume } => {
                let snapshot = cx.outputs.get(image)?.snapshots.get(volume).cloned();
                let missing = || Diagnostic::error(format!("{} has no volume {volume:?}", image.at)).about(&image.at);
                Ok(VolumeOrigin::Snapshot(snapshot.ok_or_else(missing)?))
            }
            Origin::File { path, digest } => {
                check(path.clone(), *digest).await?;
                Ok(VolumeOrigin::File(path.clone()))
            }
        }
    }
}

/// Compares a disk image with the digest in the plan before a byte of it is used.
async fn check(path: PathBuf, planned: Digest) -> Result<(), NodeError> {
    let hashing = tokio::task::spawn_blocking({
        let path = path.clone();
        move || std::fs::File::open(path).and_then(Digest::of_reader)
    });
    let found = hashing
        .await
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
        .map_err(|why| Diagnostic::error(format!("cannot read {}: {why}", path.display())))?;
    if found == planned {
        return Ok(());
    }
    Err(
        Diagnostic::error(format!("{} is not what was planned with", path.display()))
            .note(format!("the plan expects {planned}, the file holds {found}"))
            .help("plan again, or put the file back")
            .into(),
    )
}
