//! One registration: asked for, whatever becomes of its answer, and waited for; or given up, because another host was first.

use aws_sdk_ec2::types::{Image, ImageState, ResourceType};

use super::images::identity;
use super::region::snapshots_of;
use super::registration::Request;
use super::tags::{self, Tags};
use super::volumes::without_retries;
use super::wait::until;
use super::{Aws, errors, record};
use crate::providers::{
    ImageId, Inventory, Keep, Manifest, Marker, ProviderError, Registered, Registration, Resource, SnapshotId,
};

/// EC2's word for a name that an image of the account has.
const TAKEN: &str = "InvalidAMIName.Duplicate";

impl Aws {
    /// RegisterImage has no token, but a name is given only once: asking again makes no second image.
    pub(super) async fn ask_to_register(
        &self,
        image: &Registration,
        request: &Request,
        marker: &Marker,
    ) -> Result<Registered, ProviderError> {
        let client = self.client().await?;
        let all = self.tags_of(image, marker)?;
        let call = client
            .ec2
            .register_image()
            .name(&image.name)
            .set_description(image.description.clone())
            .tag_specifications(tags::specification(ResourceType::Image, &all));
        let call = request.fill(call);
        let ask = || async {
            let answer = call.clone().customize().config_override(without_retries()).send().await;
            answer.map(|made| ImageId(made.image_id.unwrap_or_default()))
        };
        match self.creating(ask, || self.image_of(marker)).await? {
            Ok(id) => Ok(Registered::New(id)),
            Err(error) if errors::code(&error) == Some(TAKEN) => self.holder(image, marker).await,
            Err(error) => Err(errors::explain(&format!("register image {}", image.name), error)),
        }
    }

    async fn image_of(&self, marker: &Marker) -> Result<Option<ImageId>, ProviderError> {
        match self.made_after_all(marker).await? {
            Some(Resource::Image(id)) => Ok(Some(id)),
            _ => Ok(None),
        }
    }

    /// Who has the name: this very call, whose answer was lost; the same image, of another host; or somebody else.
    async fn holder(&self, image: &Registration, marker: &Marker) -> Result<Registered, ProviderError> {
        if let Some(Resource::Image(id)) = self.find(marker).await? {
            return Ok(Registered::New(id));
        }
        // It may take a while until EC2 lists what it knows to stand.
        let mut by = None;
        for pause in [0, 1, 2, 4, 8] {
            tokio::time::sleep(std::time::Duration::from_secs(pause)).await;
            by = self
                .own_images(vec![tags::filter("name", [&image.name])])
                .await?
                .into_iter()
                .next();
            if by.is_some() {
                break;
            }
        }
        let same = by.as_ref().map(|by| same(by, &image.manifest)).transpose()?.flatten();
        Ok(match same {
            Some(registered) => registered,
            None => {
                let id = by.and_then(|by| by.image_id);
                return Err(ProviderError::NameTaken {
                    name: image.name.clone(),
                    by: id.unwrap_or_else(|| "another image".into()),
                });
            }
        })
    }

    /// All tags of a new image: the user's, whose it is, and its record.
    fn tags_of(&self, image: &Registration, marker: &Marker) -> Result<Tags, ProviderError> {
        let mut all = self.settings.default_tags.clone();
        all.extend(image.tags.clone());
        let packed = record::pack(&image.manifest, all.len())?;
        all.extend(tags::of_marker(marker));
        all.extend(identity(&image.manifest));
        all.extend(packed);
        Ok(all)
    }

    /// Waits until EC2 has registered it. One that failed is deregistered if it is `ours`, so that its name is free again;
    /// its snapshots stay.
    pub(super) async fn until_registered(&self, id: &ImageId, ours: bool) -> Result<Image, ProviderError> {
        let (client, home) = (self.client().await?, self.home().await?);
        let what = format!("image {id}");
        let settled = until(&client.wait, &what, || async {
            let found = home.image(id).await?;
            Ok(found.filter(|image| {
                let moving = [ImageState::Pending, ImageState::Transient];
                image.state.as_ref().is_some_and(|state| !moving.contains(state))
            }))
        });
        let image = settled.await?;
        if !matches!(
            image.state,
            Some(ImageState::Failed | ImageState::Error | ImageState::Invalid)
        ) {
            return Ok(image);
        }
        if ours {
            home.remove(&image, Keep::Own).await?;
        }
        let reason = image.state_reason.and_then(|reason| reason.message);
        Err(ProviderError::Refused {
            what: format!("image {id} failed"),
            why: reason.unwrap_or_else(|| "EC2 gives no reason".into()),
            help: "its snapshots are kept: run the same command again, and it registers them anew".into(),
        })
    }
}

/// Whether the holder of a name is the image that was to be registered: the same content of the same address, registered
/// in the same way.
fn same(holder: &Image, wanted: &Manifest) -> Result<Option<Registered>, ProviderError> {
    let id = holder.image_id.clone().unwrap_or_default();
    let Some(is) = record::unpack(&id, &tags::read(holder.tags.as_deref()))? else {
        return Ok(None);
    };
    let key = |manifest: &Manifest| {
        let owner = (manifest.owner.clone(), manifest.address.clone());
        (
            owner,
            manifest.digest,
            manifest.release_id.clone(),
            manifest.build_number,
        )
    };
    if key(&is) != key(wanted) {
        return Ok(None);
    }
    let standing = snapshots_of(holder);
    let snapshots = is.volumes.into_iter().map(|volume| (volume.name, volume.snapshot));
    Ok(Some(Registered::Already {
        id: ImageId(id),
        snapshots: snapshots.filter(|(_, SnapshotId(id))| standing.contains(id)).collect(),
    }))
}
