//! AMIs: listed, registered, changed, retired.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{AttributeValue, DeviceType, Filter, Image, ImageState, ProductCodeValues};

use super::registration::Request;
use super::tags::{self, DIGEST, RELEASE, Tags};
use super::{Aws, errors, record};
use crate::providers::{
    Holder, ImageId, ImageQuery, ImageUpdate, Images, Leftover, Manifest, Marker, ObservedImage, Owner, ProviderError,
    Registered, Registration, Resource, Sight, SnapshotId, Snapshots, SourceImage,
};
use crate::units::Size;

/// How long EC2 may go on saying that an image uses a snapshot after it was deregistered.
const RELEASE_PATIENCE: Duration = Duration::from_secs(180);
/// Most values of a filter (EC2 API reference, DescribeImages).
const VALUES: usize = 200;

#[async_trait]
impl Images for Aws {
    async fn observe(&self, queries: &[ImageQuery]) -> Result<Vec<Vec<ObservedImage>>, ProviderError> {
        let listing = self.own_images(Vec::new()).await?;
        queries.iter().map(|query| self.answers(&listing, query)).collect()
    }

    async fn names(&self) -> Result<BTreeMap<String, Holder>, ProviderError> {
        Ok(holders(&self.own_images(Vec::new()).await?))
    }

    async fn who(&self) -> Result<Option<String>, ProviderError> {
        let client = self.client().await?;
        let identity = client.identity().await?;
        Ok(Some(format!("{}: {} in {}", self.key, identity.arn, client.region)))
    }

    async fn sources(&self, ids: &[ImageId]) -> Result<Vec<SourceImage>, ProviderError> {
        let mut all = Vec::new();
        for some in ids.chunks(VALUES) {
            all.extend(self.images_by("image-id", some.iter().map(|id| id.0.as_str())).await?);
        }
        let sources = all.iter().map(source).collect();
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.extend(
            all.into_iter()
                .map(|image| (ImageId(image.image_id.clone().unwrap_or_default()), image)),
        );
        Ok(sources)
    }

    async fn register(&self, image: &Registration, marker: &Marker) -> Result<Registered, ProviderError> {
        let inherited = self.inherited(image).await?;
        let request = Request::of(image, inherited.as_ref())?;
        let (id, made) = match self.ask_to_register(image, &request, marker).await? {
            Registered::New(id) => (id.clone(), self.until_registered(&id, true).await?),
            Registered::Already { id, snapshots } => {
                self.until_registered(&id, false).await?;
                return Ok(Registered::Already { id, snapshots });
            }
        };
        if let Some(why) = request.differs(&made, inherited.as_ref()) {
            self.retire(&id, true).await?;
            return Err(ProviderError::Refused {
                what: format!("cannot register {} as it was wanted", image.name),
                why,
                help: "the snapshots are kept; correct the register block (where the billing differs: choose another source), and run the same command again".into(),
            });
        }
        if let Some(at) = deprecation(image, &made) {
            self.deprecate(&id, Some(&at)).await?;
        }
        Ok(Registered::New(id))
    }

    async fn update(&self, id: &ImageId, change: &ImageUpdate) -> Result<(), ProviderError> {
        let found = self.images_by("image-id", [id.0.as_str()]).await?;
        let missing = || ProviderError::NotFound {
            what: format!("image {id}"),
        };
        let now = tags::read(found.first().ok_or_else(missing)?.tags.as_deref());
        self.change_tags(id, &now, change).await?;
        if let Some(text) = &change.description {
            self.describe(id, text.as_deref().unwrap_or_default()).await?;
        }
        if let Some(at) = &change.deprecate_at {
            self.deprecate(id, at.as_deref()).await?;
        }
        Ok(())
    }

    async fn retire(&self, id: &ImageId, keep_snapshots: bool) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let found = self.images_by("image-id", [id.0.as_str()]).await?;
        let snapshots: BTreeSet<String> = found.iter().flat_map(snapshots_of).collect();
        match client.ec2.deregister_image().image_id(&id.0).send().await {
            Ok(_) => {}
            Err(error) if errors::is_missing(&error) => {}
            Err(error) => return Err(errors::explain(&format!("deregister {id}"), error)),
        }
        if keep_snapshots || snapshots.is_empty() {
            return Ok(());
        }
        let others = self
            .images_by("block-device-mapping.snapshot-id", snapshots.iter().map(String::as_str))
            .await?;
        let others = others.iter().filter(|image| image.image_id.as_deref() != Some(&id.0));
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
}

impl Aws {
    /// Two listings: which snapshots images use, that of the images has said when the other one is asked for.
    /// The snapshots that no image uses come beside.
    pub(super) async fn look_at(&self, owner: &Owner) -> Result<(Sight, Vec<Leftover>), ProviderError> {
        let query = ImageQuery {
            owner: owner.clone(),
            address: None,
        };
        let listing = self.own_images(Vec::new()).await?;
        let mut sight = Sight {
            images: self.answers(&listing, &query)?,
            names: holders(&listing),
            ..Sight::default()
        };
        let left = self.snapshots_left(&owner.project, Some(&owner.workspace)).await?;
        for leftover in &left {
            if let (Resource::Snapshot(id), Some(_)) = (&leftover.resource, leftover.digest) {
                let size = self.size(id).await?;
                sight.kept.push((id.clone(), leftover.clone(), size));
            }
        }
        Ok((sight, left))
    }

    /// Images of this account that stand and that all filters let through.
    pub(super) async fn own_images(&self, filters: Vec<Filter>) -> Result<Vec<Image>, ProviderError> {
        let everything = filters.is_empty();
        let client = self.client().await?;
        let call = client
            .ec2
            .describe_images()
            .owners("self")
            .include_disabled(true)
            .max_results(1000);
        let all = list(call.set_filters(Some(filters).filter(|filters| !filters.is_empty()))).await?;
        if everything {
            let used = all.iter().flat_map(snapshots_of).map(SnapshotId).collect();
            *self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = used;
        }
        Ok(all)
    }

    /// Images, whoever owns them, by a filter: one that is not there is left out.
    pub(super) async fn images_by<'a>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Image>, ProviderError> {
        let client = self.client().await?;
        let call = client
            .ec2
            .describe_images()
            .include_disabled(true)
            .include_deprecated(true);
        list(call.max_results(1000).filters(tags::filter(name, values))).await
    }

    fn answers(&self, listing: &[Image], query: &ImageQuery) -> Result<Vec<ObservedImage>, ProviderError> {
        let mut found = Vec::new();
        for image in listing {
            let tags = tags::read(image.tags.as_deref());
            if tags::owner(&tags).as_ref() != Some(&query.owner) {
                continue;
            }
            let id = image.image_id.clone().unwrap_or_default();
            let Some(manifest) = record::unpack(&id, &tags)? else {
                continue;
            };
            if query
                .address
                .as_ref()
                .is_none_or(|address| manifest.address == *address)
            {
                found.push(self.observed(image, tags, manifest));
            }
        }
        found.sort_by(|a, b| {
            let key = |image: &ObservedImage| {
                (
                    image.manifest.address.clone(),
                    std::cmp::Reverse(image.manifest.release),
                )
            };
            key(a)
                .cmp(&key(b))
                .then(b.created.cmp(&a.created))
                .then(a.id.cmp(&b.id))
        });
        Ok(found)
    }

    fn observed(&self, image: &Image, tags: Tags, manifest: Manifest) -> ObservedImage {
        let snapshots = manifest
            .volumes
            .iter()
            .map(|volume| (volume.name.clone(), volume.snapshot.clone()));
        ObservedImage {
            id: ImageId(image.image_id.clone().unwrap_or_default()),
            provider: self.key.clone(),
            name: image.name.clone().unwrap_or_default(),
            snapshots: snapshots.collect(),
            tags: self.of_the_user(tags),
            description: image.description.clone().filter(|text| !text.is_empty()),
            deprecated_at: image.deprecation_time.clone(),
            created: image.creation_date.clone().unwrap_or_default(),
            manifest,
        }
    }

    /// Neither bake's own tags nor those of the provider block.
    pub(super) fn of_the_user(&self, tags: Tags) -> Tags {
        let by_default = |key: &String, value: &String| self.settings.default_tags.get(key) == Some(value);
        let others = tags
            .into_iter()
            .filter(|(key, value)| !record::is_own(key) && !by_default(key, value));
        others.collect()
    }

    async fn inherited(&self, image: &Registration) -> Result<Option<Image>, ProviderError> {
        let Some(id) = &image.inherits else { return Ok(None) };
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(id)
            .cloned();
        if seen.is_some() {
            return Ok(seen);
        }
        let found = self.images_by("image-id", [id.0.as_str()]).await?.into_iter().next();
        let missing = || ProviderError::Refused {
            what: format!("cannot register {}", image.name),
            why: format!("{id}, from which it takes over what it does not say of itself, is gone"),
            help: "write all arguments of the register block, or choose another source".into(),
        };
        found.map(Some).ok_or_else(missing)
    }

    async fn change_tags(&self, id: &ImageId, now: &Tags, change: &ImageUpdate) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let user = change.tags.clone().unwrap_or_else(|| self.of_the_user(now.clone()));
        let mut wanted = self.settings.default_tags.clone();
        wanted.extend(user);
        let count = wanted.len();
        let own = now.iter().filter(|(key, _)| record::is_own(key));
        match &change.manifest {
            None => wanted.extend(own.map(|(key, value)| (key.clone(), value.clone()))),
            Some(manifest) => {
                let fixed = [tags::PROJECT, tags::WORKSPACE, tags::RUN, tags::HOST, tags::NODE];
                let kept = own.filter(|(key, _)| fixed.contains(&key.as_str()));
                wanted.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
                wanted.insert(tags::ADDRESS.into(), tags::encode(&manifest.address.to_string()));
                wanted.extend(identity(manifest));
                wanted.extend(record::pack(manifest, count)?);
            }
        }
        let gone: Tags = now
            .iter()
            .filter(|(key, _)| !wanted.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let new: Tags = wanted
            .into_iter()
            .filter(|(key, value)| now.get(key) != Some(value))
            .collect();
        // What goes first makes room. The record's first tag is among the new ones, and is checked against the others.
        if !gone.is_empty() {
            let call = client
                .ec2
                .delete_tags()
                .resources(&id.0)
                .set_tags(Some(tags::written(&gone)));
            call.send()
                .await
                .map_err(|error| errors::explain(&format!("remove tags of {id}"), error))?;
        }
        if !new.is_empty() {
            let call = client
                .ec2
                .create_tags()
                .resources(&id.0)
                .set_tags(Some(tags::written(&new)));
            call.send()
                .await
                .map_err(|error| errors::explain(&format!("tag {id}"), error))?;
        }
        Ok(())
    }

    async fn describe(&self, id: &ImageId, text: &str) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let text = AttributeValue::builder().value(text).build();
        let call = client.ec2.modify_image_attribute().image_id(&id.0).description(text);
        let answer = call.send().await;
        answer
            .map(drop)
            .map_err(|error| errors::explain(&format!("describe {id}"), error))
    }

    async fn deprecate(&self, id: &ImageId, at: Option<&str>) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let what = format!("deprecate {id}");
        let Some(at) = at.and_then(|at| at.parse::<jiff::Timestamp>().ok()) else {
            let answer = client.ec2.disable_image_deprecation().image_id(&id.0).send().await;
            return answer.map(drop).map_err(|error| errors::explain(&what, error));
        };
        let call = client.ec2.enable_image_deprecation().image_id(&id.0);
        let answer = call.deprecate_at(DateTime::from_secs(at.as_second())).send().await;
        answer.map(drop).map_err(|error| errors::explain(&what, error))
    }
}

/// Every page of a listing; what is gone, failed or invalid is left out.
pub(super) async fn list(
    call: aws_sdk_ec2::operation::describe_images::builders::DescribeImagesFluentBuilder,
) -> Result<Vec<Image>, ProviderError> {
    let mut pages = call.into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| errors::explain("list images", error))?;
        all.extend(page.images.unwrap_or_default());
    }
    all.retain(|image| !matches!(image.state, Some(ImageState::Deregistered | ImageState::Invalid)));
    Ok(all)
}

/// What says of an image which content and release it is.
pub(super) fn identity(manifest: &Manifest) -> Tags {
    BTreeMap::from([
        (DIGEST.to_owned(), manifest.digest.hex()),
        (RELEASE.to_owned(), manifest.release.to_string()),
    ])
}

fn holders(listing: &[Image]) -> BTreeMap<String, Holder> {
    let holder = |image: &Image| {
        let tags = tags::read(image.tags.as_deref());
        let address = tags
            .get(tags::ADDRESS)
            .and_then(|address| tags::decode(address).parse().ok());
        let holder = Holder {
            owner: tags::owner(&tags),
            address,
        };
        Some((image.name.clone()?, holder))
    };
    listing.iter().filter_map(holder).collect()
}

/// The snapshots that an image's mappings name.
pub(super) fn snapshots_of(image: &Image) -> Vec<String> {
    let mappings = image.block_device_mappings().iter();
    mappings
        .filter_map(|mapping| mapping.ebs.as_ref()?.snapshot_id.clone())
        .collect()
}

/// The snapshot of the root volume with its size in GiB.
pub(super) fn root_of(image: &Image) -> Option<(SnapshotId, Size)> {
    let root = image.root_device_name.as_deref()?;
    let mut mappings = image.block_device_mappings().iter();
    let ebs = mappings
        .find(|mapping| mapping.device_name.as_deref() == Some(root))?
        .ebs
        .as_ref()?;
    let gib = u64::try_from(ebs.volume_size.unwrap_or_default()).unwrap_or_default();
    Some((SnapshotId(ebs.snapshot_id.clone()?), Size::bytes(gib << 30)))
}

/// In the words of an image block.
pub(super) fn architecture(image: &Image) -> String {
    match image.architecture.as_ref().map(|one| one.as_str()) {
        Some("arm64") => "aarch64".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    }
}

fn source(image: &Image) -> SourceImage {
    let architecture = architecture(image);
    let root = root_of(image);
    let marketplace = image.product_codes().iter();
    let marketplace = marketplace
        .clone()
        .any(|code| code.product_code_type == Some(ProductCodeValues::Marketplace));
    let ebs = image.root_device_type == Some(DeviceType::Ebs) && root.is_some();
    let unusable = match () {
        () if image.state == Some(ImageState::Disabled) => Some(("it is disabled", "enable it: aws ec2 enable-image")),
        () if image.state != Some(ImageState::Available) => {
            Some(("it is not available", "wait until it is, or choose another"))
        }
        () if !ebs => Some((
            "its root is an instance store",
            "choose an image with an EBS root (root-device-type = ebs)",
        )),
        () if marketplace => Some((
            "it has a Marketplace product code, and EC2 attaches such volumes only to stopped instances",
            "choose an image that is not from the Marketplace, or build with an instance of it",
        )),
        () => None,
    };
    SourceImage {
        id: ImageId(image.image_id.clone().unwrap_or_default()),
        name: image.name.clone().unwrap_or_default(),
        architecture,
        root,
        unusable: unusable.map(|(why, help)| (why.to_owned(), help.to_owned())),
    }
}

/// `deprecate_after` counts from the moment that EC2 gives as the creation of the image, in full minutes.
fn deprecation(image: &Registration, made: &Image) -> Option<String> {
    let wanted: jiff::Timestamp = image.deprecate_at.as_ref()?.parse().ok()?;
    let planned: jiff::Timestamp = image.manifest.created.parse().ok()?;
    let created: jiff::Timestamp = made.creation_date.as_ref()?.parse().ok()?;
    // Both were cut to minutes: what was asked for is a whole number of them.
    let planned = planned.as_second().div_euclid(60) * 60;
    let after = wanted.as_second() - planned;
    let at = (created.as_second() + after).div_euclid(60) * 60;
    jiff::Timestamp::from_second(at).ok().map(|at| at.to_string())
}
