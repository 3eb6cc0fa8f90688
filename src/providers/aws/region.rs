//! EC2 in one region, as this account sees it: what is listed there, and what is changed on one image or snapshot.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{AttributeValue, Filter, Image, ImageState, Snapshot, Tag};

use super::tags::{self, NODE, Tags};
use super::wait::until;
use super::{Aws, errors};
use crate::providers::{ImageId, Keep, ProviderError, SnapshotId};
use crate::spec::Wait;

/// How long EC2 may go on saying that an image uses a snapshot after it was deregistered.
const RELEASE_PATIENCE: Duration = Duration::from_secs(180);

/// Most values of a filter (EC2 API reference, DescribeImages).
pub const VALUES: usize = 200;

/// EC2 in one region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Regional {
    /// Its name.
    pub name: String,
    /// Calls go there.
    pub ec2: aws_sdk_ec2::Client,
    /// How things are waited for.
    pub wait: Wait,
}

impl Aws {
    /// The region of the provider, where images are built and registered.
    pub(super) async fn home(&self) -> Result<Regional, ProviderError> {
        let client = self.client().await?;
        Ok(client.regional(&client.region))
    }

    /// Any region.
    pub(super) async fn region(&self, name: &str) -> Result<Regional, ProviderError> {
        Ok(self.client().await?.regional(name))
    }
}

impl Regional {
    /// Images of this account that stand and that all filters let through.
    pub async fn own_images(&self, filters: Vec<Filter>) -> Result<Vec<Image>, ProviderError> {
        let call = self.ec2.describe_images().owners("self").include_disabled(true);
        let call = call.max_results(1000);
        list(call.set_filters(Some(filters).filter(|filters| !filters.is_empty()))).await
    }

    /// Images, whoever owns them, by a filter: one that is not there is left out.
    pub async fn images_by<'a>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Image>, ProviderError> {
        let call = self.ec2.describe_images().include_disabled(true);
        let call = call.include_deprecated(true).max_results(1000);
        list(call.filters(tags::filter(name, values))).await
    }

    /// One image, if it stands.
    pub async fn image(&self, id: &ImageId) -> Result<Option<Image>, ProviderError> {
        Ok(self.images_by("image-id", [id.0.as_str()]).await?.into_iter().next())
    }

    /// Waits until an image can be used.
    ///
    /// # Errors
    /// If it could not be made, why.
    pub async fn until_available(&self, id: &ImageId) -> Result<Image, ProviderError> {
        until(&self.wait, &format!("image {id}"), || async {
            let Some(image) = self.image(id).await? else {
                return Ok(None);
            };
            match &image.state {
                Some(ImageState::Available) => Ok(Some(image)),
                Some(ImageState::Failed | ImageState::Error | ImageState::Invalid) => {
                    let reason = image.state_reason.as_ref().and_then(|reason| reason.message.clone());
                    Err(ProviderError::Failed {
                        what: format!("image {id} failed"),
                        why: reason.unwrap_or_else(|| "EC2 gives no reason".into()),
                    })
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// Own snapshots that all filters let through.
    pub async fn own_snapshots(&self, filters: Vec<Filter>) -> Result<Vec<Snapshot>, ProviderError> {
        let call = self.ec2.describe_snapshots().owner_ids("self");
        let call = call.set_filters(Some(filters)).max_results(1000);
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| errors::explain("list snapshots", error))?;
            all.extend(page.snapshots.unwrap_or_default());
        }
        Ok(all)
    }

    /// Own snapshots that a filter lets through.
    pub async fn snapshots_by(&self, name: &str, values: &[&str]) -> Result<Vec<Snapshot>, ProviderError> {
        self.own_snapshots(vec![tags::filter(name, values)]).await
    }

    /// Makes the tags of an image or snapshot what is wanted. What goes first makes room; a record's first tag is among the
    /// new ones, and is checked against the others.
    pub async fn set_tags(&self, id: &str, now: &Tags, wanted: &Tags) -> Result<(), ProviderError> {
        let gone = now.iter().filter(|(key, _)| !wanted.contains_key(*key));
        let gone: Tags = gone.map(|(key, value)| (key.clone(), value.clone())).collect();
        let new = wanted.iter().filter(|(key, value)| now.get(*key) != Some(*value));
        let new: Tags = new.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !gone.is_empty() {
            let call = self.ec2.delete_tags().resources(id);
            let answer = call.set_tags(Some(tags::written(&gone))).send().await;
            answer.map_err(|error| errors::explain(&format!("remove tags of {id}"), error))?;
        }
        if !new.is_empty() {
            let call = self.ec2.create_tags().resources(id);
            let answer = call.set_tags(Some(tags::written(&new))).send().await;
            answer.map_err(|error| errors::explain(&format!("tag {id}"), error))?;
        }
        Ok(())
    }

    /// Changes the description of an image.
    pub async fn describe(&self, id: &ImageId, text: &str) -> Result<(), ProviderError> {
        let text = AttributeValue::builder().value(text).build();
        let call = self.ec2.modify_image_attribute().image_id(&id.0).description(text);
        let answer = call.send().await;
        answer
            .map(drop)
            .map_err(|error| errors::explain(&format!("describe {id}"), error))
    }

    /// Sets or takes back the moment (RFC 3339) from which an image counts as deprecated.
    pub async fn deprecate(&self, id: &ImageId, at: Option<&str>) -> Result<(), ProviderError> {
        let what = format!("deprecate {id}");
        let Some(at) = at.and_then(|at| at.parse::<jiff::Timestamp>().ok()) else {
            let answer = self.ec2.disable_image_deprecation().image_id(&id.0).send().await;
            return answer.map(drop).map_err(|error| errors::explain(&what, error));
        };
        let call = self.ec2.enable_image_deprecation().image_id(&id.0);
        let answer = call.deprecate_at(DateTime::from_secs(at.as_second())).send().await;
        answer.map(drop).map_err(|error| errors::explain(&what, error))
    }

    /// Protects an image from deregistration (without a cooldown), or no longer.
    pub async fn protect(&self, id: &ImageId, protect: bool) -> Result<(), ProviderError> {
        let id = &id.0;
        if protect {
            let answer = self.ec2.enable_image_deregistration_protection().image_id(id);
            let answer = answer.with_cooldown(false).send().await;
            return answer
                .map(drop)
                .map_err(|error| errors::explain(&format!("protect {id}"), error));
        }
        let answer = self.ec2.disable_image_deregistration_protection().image_id(id).send();
        let answer = answer.await;
        answer
            .map(drop)
            .map_err(|error| errors::explain(&format!("take the protection from {id}"), error))
    }

    /// Deregisters an image, whether it is protected or not, and removes its snapshots that are bake's and that no other
    /// image uses. With [`Keep::Own`] they stay as they are; with [`Keep::All`] nobody takes them for leftovers any more.
    pub async fn remove(&self, image: &Image, keep: Keep) -> Result<(), ProviderError> {
        let id = ImageId(image.image_id.clone().unwrap_or_default());
        let snapshots: BTreeSet<String> = snapshots_of(image).into_iter().collect();
        if keep == Keep::All {
            self.let_go(&snapshots).await?;
        }
        if is_protected(image) {
            self.protect(&id, false).await?;
        }
        self.deregister(&id).await?;
        if keep != Keep::Nothing || snapshots.is_empty() {
            return Ok(());
        }
        let others = self.images_by("block-device-mapping.snapshot-id", snapshots.iter().map(String::as_str));
        let others = others.await?;
        let others = others.iter().filter(|other| other.image_id != image.image_id);
        let used: BTreeSet<String> = others.flat_map(snapshots_of).collect();
        let ours: Vec<&str> = snapshots.difference(&used).map(String::as_str).collect();
        if ours.is_empty() {
            return Ok(());
        }
        // Only what is ours: a mapping may name somebody else's snapshot.
        for snapshot in self.snapshots_by("snapshot-id", &ours).await? {
            let by_bake = tags::owner(&tags::read(snapshot.tags.as_deref())).is_some();
            if let (Some(id), true) = (snapshot.snapshot_id, by_bake) {
                self.delete_snapshot(&SnapshotId(id), RELEASE_PATIENCE).await?;
            }
        }
        Ok(())
    }

    /// Takes from snapshots what says by which run they were made.
    async fn let_go(&self, snapshots: &BTreeSet<String>) -> Result<(), ProviderError> {
        let ids: Vec<&str> = snapshots.iter().map(String::as_str).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = self.snapshots_by("snapshot-id", &ids).await?;
        let ours = found.into_iter().filter(|snapshot| {
            let tags = tags::read(snapshot.tags.as_deref());
            tags::owner(&tags).is_some() && tags.contains_key(NODE)
        });
        let ours: Vec<String> = ours.filter_map(|snapshot| snapshot.snapshot_id).collect();
        if ours.is_empty() {
            return Ok(());
        }
        let call = self.ec2.delete_tags().set_resources(Some(ours));
        let answer = call.tags(Tag::builder().key(NODE).build()).send().await;
        answer
            .map(drop)
            .map_err(|error| errors::explain("let go of the snapshots that are kept", error))
    }

    /// Which of these snapshots an image uses, whoever's it is.
    pub async fn used_among(&self, snapshots: &[&str]) -> Result<BTreeSet<String>, ProviderError> {
        let mut used = BTreeSet::new();
        for some in snapshots.chunks(VALUES) {
            let users = self.images_by("block-device-mapping.snapshot-id", some.iter().copied());
            used.extend(users.await?.iter().flat_map(snapshots_of));
        }
        Ok(used)
    }

    async fn deregister(&self, id: &ImageId) -> Result<(), ProviderError> {
        match self.ec2.deregister_image().image_id(&id.0).send().await {
            Ok(_) => Ok(()),
            Err(error) if errors::is_missing(&error) => Ok(()),
            Err(error) if errors::code(&error) == Some("OperationNotPermitted") => Err(ProviderError::Refused {
                what: format!("cannot deregister {id} in {}", self.name),
                why: "EC2 holds it back: its protection was taken away, and had a cooldown of 24 hours".into(),
                help: "run the same command again when that is over".into(),
            }),
            Err(error) => Err(errors::explain(&format!("deregister {id}"), error)),
        }
    }

    /// Removes those of these snapshots that no image uses.
    pub async fn discard(&self, snapshots: &[String]) -> Result<(), ProviderError> {
        let ids: Vec<&str> = snapshots.iter().map(String::as_str).collect();
        let used = self.used_among(&ids).await?;
        for id in snapshots.iter().filter(|id| !used.contains(*id)) {
            self.delete_snapshot(&SnapshotId(id.clone()), RELEASE_PATIENCE).await?;
        }
        Ok(())
    }

    /// Removes a snapshot. For so long EC2 may still say that an image uses it which has just gone.
    pub async fn delete_snapshot(&self, id: &SnapshotId, patience: Duration) -> Result<(), ProviderError> {
        let begun = std::time::Instant::now();
        loop {
            match self.ec2.delete_snapshot().snapshot_id(&id.0).send().await {
                Ok(_) => return Ok(()),
                Err(error) if errors::is_missing(&error) => return Ok(()),
                Err(error) if errors::code(&error) == Some("InvalidSnapshot.InUse") && begun.elapsed() < patience => {
                    tokio::time::sleep((begun.elapsed() / 4).max(Duration::from_millis(500))).await;
                }
                Err(error) => return Err(errors::explain(&format!("delete snapshot {id}"), error)),
            }
        }
    }
}

/// Every page of a listing; what is gone or invalid is left out.
pub async fn list(call: DescribeImagesFluentBuilder) -> Result<Vec<Image>, ProviderError> {
    let mut pages = call.into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| errors::explain("list images", error))?;
        all.extend(page.images.unwrap_or_default());
    }
    all.retain(|image| !matches!(image.state, Some(ImageState::Deregistered | ImageState::Invalid)));
    Ok(all)
}

/// The snapshots that an image's mappings name.
pub fn snapshots_of(image: &Image) -> Vec<String> {
    let mappings = image.block_device_mappings().iter();
    mappings
        .filter_map(|mapping| mapping.ebs.as_ref()?.snapshot_id.clone())
        .collect()
}

/// Whether an image is protected from deregistration (`enabled-with-cooldown`, `enabled-without-cooldown`).
pub fn is_protected(image: &Image) -> bool {
    let says = image.deregistration_protection.as_deref();
    says.is_some_and(|says| says.starts_with("enabled"))
}
