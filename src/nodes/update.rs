//! A change of an image that stands: tags, description, deprecation, a promotion, a new address.

use serde::{Deserialize, Serialize};

use super::image::ImageHandle;
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, values};
use crate::address::Address;
use crate::lang::value::Value;
use crate::providers::{ImageUpdate, Marker};
use crate::spec::ProviderKey;

/// A change to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Whose image.
    pub provider: ProviderKey,
    /// Which image, with all that dependants read.
    pub image: ImageHandle,
    /// What is changed.
    pub change: ImageUpdate,
    /// Tags that are known only at apply, instead of those in `change`.
    pub tags: Option<Value>,
    /// A description that is known only at apply.
    pub description: Option<Value>,
    /// What must have happened.
    pub after: Vec<Need>,
}

impl Kind for Update {
    type Handle = ImageHandle;
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        self.after.clone()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<ImageHandle, NodeError> {
        let mut change = self.change.clone();
        if let Some(tags) = &self.tags {
            change.tags = Some(values::map(tags, cx)?);
        }
        if let Some(description) = &self.description {
            change.description = Some(values::text(description, cx)?);
        }
        let images = cx.providers.get(&self.provider)?.images();
        images.update(&self.image.id, &change).await?;
        Ok(ImageHandle {
            tags: change.tags.unwrap_or_else(|| self.image.tags.clone()),
            description: change.description.unwrap_or_else(|| self.image.description.clone()),
            ..self.image.clone()
        })
    }
}
