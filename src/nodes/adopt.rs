//! The adoption of an image that bake did not make: it becomes ours by what is written on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::image::ImageHandle;
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::{ImageId, Manifest, Marker};
use crate::spec::ProviderKey;

/// An image to be adopted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adopt {
    /// Whose.
    pub provider: ProviderKey,
    /// Which image.
    pub image: ImageId,
    /// Its name.
    pub name: String,
    /// What is recorded with it.
    pub manifest: Manifest,
}

impl Kind for Adopt {
    type Handle = ImageHandle;
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    async fn open(&self, _at: &Address, marker: &Marker, cx: &Context) -> Result<ImageHandle, NodeError> {
        let provider = cx.providers.get(&self.provider)?;
        provider.adoption().adopt(&self.image, &self.manifest, marker).await?;
        let volumes = self.manifest.volumes.iter();
        let snapshots: BTreeMap<_, _> = volumes
            .map(|volume| (volume.name.clone(), volume.snapshot.clone()))
            .collect();
        Ok(ImageHandle {
            provider: self.provider.clone(),
            id: self.image.clone(),
            name: self.name.clone(),
            snapshots,
            tags: BTreeMap::new(),
            description: None,
            region: provider.place().await?,
            copies: BTreeMap::new(),
        })
    }
}
