//! A copy of an image in another region. It stays; a run that was cut off left it under way, and the next one waits for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::share::{image_of, publishing};
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::publication::CopyWish;
use crate::providers::{ImageId, Marker, Resource};
use crate::spec::ProviderKey;

/// A copy to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionalCopy {
    /// Who makes it.
    pub provider: ProviderKey,
    /// The node of the image: [`super::Image`] or [`super::Update`].
    pub image: Address,
    /// Where to.
    pub region: String,
    /// Key id, ARN or alias that encrypts it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tags of its snapshots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot_tags: BTreeMap<String, String>,
    /// Copies in that region in whose place it comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwanted: Vec<ImageId>,
}

/// A copy that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyHandle {
    /// Whose.
    pub provider: ProviderKey,
    /// Where.
    pub region: String,
    /// Its id there.
    pub id: ImageId,
}

impl Kind for RegionalCopy {
    type Handle = CopyHandle;
    const LIFETIME: Lifetime = Lifetime::Lasting;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        vec![Need::Opened(self.image.clone())]
    }

    async fn open(&self, _at: &Address, marker: &Marker, cx: &Context) -> Result<CopyHandle, NodeError> {
        let image = image_of(&self.image, cx)?;
        let wish = CopyWish {
            source: image.id.clone(),
            region: self.region.clone(),
            key: self.key.clone(),
            name: image.name.clone(),
            description: image.description.clone(),
            tags: image.tags.clone(),
            snapshot_tags: self.snapshot_tags.clone(),
            unwanted: self.unwanted.clone(),
        };
        let provider = cx.providers.get(&self.provider)?;
        let work = publishing(provider)?.copy(&wish, marker);
        Ok(CopyHandle {
            id: cx.unless_stopped(provider, work).await?,
            provider: self.provider.clone(),
            region: self.region.clone(),
        })
    }

    /// Also one that is still under way: nothing is announced of it before it can be used.
    async fn find(marker: &Marker, cx: &Context) -> Result<Option<CopyHandle>, NodeError> {
        let Some(key) = &marker.provider else {
            return Ok(None);
        };
        let found = cx.providers.get(key)?.inventory().find(marker).await?;
        let region = marker.address.node.as_ref().and_then(|node| node.label.clone());
        Ok(match (found, region) {
            (Some(Resource::Image(id)), Some(region)) => Some(CopyHandle {
                provider: key.clone(),
                region,
                id,
            }),
            _ => None,
        })
    }
}
