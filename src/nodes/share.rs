//! What is announced of an image in one region: shares, protection, tags of its snapshots; of a copy also what it has in
//! common with its image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::image::ImageHandle;
use super::{Context, Handle, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::publication::{Announcement, Mirrored, Publishing, Shares};
use crate::providers::{ImageId, Marker, Provider, ProviderError};
use crate::spec::ProviderKey;
use crate::units::Duration;

/// What is to be announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose image.
    pub provider: ProviderKey,
    /// The node of the image: [`super::Image`] or [`super::Update`].
    pub image: Address,
    /// Where.
    pub region: String,
    /// Which image that is there.
    pub subject: Subject,
    /// From the creation of the image, for its copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecate_after: Option<Duration>,
    /// Tags of its snapshots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot_tags: BTreeMap<String, String>,
    /// With whom it is shared; none: nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// Whether it is protected from deregistration.
    #[serde(default)]
    pub protect: bool,
}

/// An image of one region, as a node of a plan knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The image itself, in the build region.
    Itself,
    /// A copy that this apply makes: its node.
    Made(Address),
    /// A copy that stands.
    Standing(ImageId),
}

impl Subject {
    /// What must be opened before its id is known.
    pub fn need(&self, image: &Address) -> Option<Need> {
        match self {
            Subject::Itself => Some(Need::Opened(image.clone())),
            Subject::Made(copy) => Some(Need::Opened(copy.clone())),
            Subject::Standing(_) => None,
        }
    }

    /// Its id.
    ///
    /// # Errors
    /// [`NodeError::NotOpen`] if the node that makes it is not among the needs.
    pub fn id(&self, image: &Address, cx: &Context) -> Result<ImageId, NodeError> {
        match self {
            Subject::Itself => Ok(image_of(image, cx)?.id.clone()),
            Subject::Made(copy) => match cx.outputs.handle(copy) {
                Some(Handle::RegionalCopy { handle }) => Ok(handle.id.clone()),
                _ => Err(NodeError::NotOpen(copy.clone())),
            },
            Subject::Standing(id) => Ok(id.clone()),
        }
    }
}

impl Kind for Share {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let image = std::iter::once(Need::Opened(self.image.clone()));
        let made = self
            .subject
            .need(&self.image)
            .filter(|_| self.subject != Subject::Itself);
        image.chain(made).collect()
    }

    async fn open(&self, at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let image = image_of(&self.image, cx)?;
        let mirrored = Mirrored {
            address: at.image.clone(),
            tags: image.tags.clone(),
            description: image.description.clone(),
            deprecate_after: self.deprecate_after,
        };
        let wish = Announcement {
            source: image.id.clone(),
            region: self.region.clone(),
            id: self.subject.id(&self.image, cx)?,
            mirrored: (self.subject != Subject::Itself).then_some(mirrored),
            snapshot_tags: self.snapshot_tags.clone(),
            shares: self.shares.clone(),
            protect: self.protect,
        };
        Ok(publishing(cx.providers.get(&self.provider)?)?.announce(&wish).await?)
    }
}

/// What the node of an image yielded, whether it was registered or changed.
///
/// # Errors
/// [`NodeError::NotOpen`] if it is not among the needs.
pub fn image_of<'a>(at: &Address, cx: &'a Context) -> Result<&'a ImageHandle, NodeError> {
    match cx.outputs.handle(at) {
        Some(Handle::Image { handle } | Handle::Adopt { handle } | Handle::Update { handle }) => Ok(handle),
        _ => Err(NodeError::NotOpen(at.clone())),
    }
}

/// What a provider publishes with.
///
/// # Errors
/// If it does not: a plan file that was changed by hand.
pub fn publishing(provider: &dyn Provider) -> Result<&dyn Publishing, ProviderError> {
    provider.publishing().ok_or_else(|| ProviderError::Failed {
        what: "publish the image".into(),
        why: "its provider does not publish".into(),
    })
}
