//! AMIs: listed, registered, changed, retired.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{DeviceType, Filter, Image, ImageState, ProductCodeValues};

use super::region::{VALUES, snapshots_of};
use super::registration::{Request, inherits};
use super::tags::{self, DIGEST, RELEASE, Tags};
use super::{Aws, record};
use crate::address::Address;
use crate::providers::{
    Holder, ImageId, ImageQuery, ImageUpdate, Images, Keep, Manifest, Marker, ObservedImage, ProviderError, Registered,
    Registration, SnapshotId, SourceImage, SourceKey,
};
use crate::units::Size;

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
        let home = self.home().await?;
        let mut found = Vec::new();
        for some in ids.chunks(VALUES) {
            found.extend(home.images_by("image-id", some.iter().map(|id| id.0.as_str())).await?);
        }
        let mut all: Vec<SourceImage> = found.iter().map(source).collect();
        let encrypted = all.iter_mut().zip(&found).filter(|(_, image)| is_encrypted(image));
        for (source, _) in encrypted {
            // Under whose key, is asked when something is built on it that is shared.
            source.encrypted = Some(SourceKey::Unknown);
        }
        for (source, image) in all.iter_mut().zip(&found) {
            source.hidden = self.hidden(image).await?;
        }
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let ids = found
            .iter()
            .map(|image| ImageId(image.image_id.clone().unwrap_or_default()));
        seen.extend(ids.collect::<Vec<_>>().into_iter().zip(found));
        Ok(all)
    }

    async fn register(&self, image: &Registration, marker: &Marker) -> Result<Registered, ProviderError> {
        let inherited = self.inherited(image).await?;
        let uefi = match &inherited {
            Some(source) if inherits(&image.manifest.spec, "uefi_data") => self.uefi_data(source).await?,
            _ => None,
        };
        let request = Request::of(image, inherited.as_ref(), uefi)?;
        let home = self.home().await?;
        let (id, made) = match self.ask_to_register(image, &request, marker).await? {
            Registered::New(id) => (id.clone(), self.until_registered(&id, true).await?),
            Registered::Already { id, snapshots } => {
                self.until_registered(&id, false).await?;
                return Ok(Registered::Already { id, snapshots });
            }
        };
        if let Some(why) = request.differs(&made, inherited.as_ref()) {
            home.remove(&made, Keep::Own).await?;
            return Err(ProviderError::Refused {
                what: format!("cannot register {} as it was wanted", image.name),
                why,
                help: "the snapshots are kept; correct the register block (where the billing differs: choose another source), and run the same command again".into(),
            });
        }
        if let Some(at) = deprecation(image, &made) {
            home.deprecate(&id, Some(&at)).await?;
        }
        Ok(Registered::New(id))
    }

    async fn update(&self, id: &ImageId, change: &ImageUpdate) -> Result<(), ProviderError> {
        let home = self.home().await?;
        let missing = || ProviderError::NotFound {
            what: format!("image {id}"),
        };
        let found = home.image(id).await?.ok_or_else(missing)?;
        let now = tags::read(found.tags.as_deref());
        home.set_tags(&id.0, &now, &self.changed_tags(&now, change)?).await?;
        if let Some(text) = &change.description {
            home.describe(id, text.as_deref().unwrap_or_default()).await?;
        }
        if let Some(at) = &change.deprecate_at {
            home.deprecate(id, at.as_deref()).await?;
        }
        Ok(())
    }

    /// Copies go first: the image names the regions where they are.
    async fn retire(&self, id: &ImageId, keep: Keep) -> Result<(), ProviderError> {
        let home = self.home().await?;
        let Some(image) = home.image(id).await? else {
            return Ok(());
        };
        let record = record::unpack(&id.0, &tags::read(image.tags.as_deref()))?;
        for region in record.into_iter().flat_map(|record| record.regions) {
            let of_copies = if keep == Keep::All { Keep::All } else { Keep::Nothing };
            self.withdraw_all(&region, id, of_copies).await?;
        }
        home.remove(&image, keep).await
    }
}

impl Aws {
    /// Images of this account that stand and that all filters let through.
    pub(super) async fn own_images(&self, filters: Vec<Filter>) -> Result<Vec<Image>, ProviderError> {
        let everything = filters.is_empty();
        let all = self.home().await?.own_images(filters).await?;
        if everything {
            let used = all.iter().flat_map(snapshots_of).map(SnapshotId).collect();
            *self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = used;
        }
        Ok(all)
    }

    pub(super) fn answers(&self, listing: &[Image], query: &ImageQuery) -> Result<Vec<ObservedImage>, ProviderError> {
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
            published: None,
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
        let found = self.home().await?.image(id).await?;
        let missing = || ProviderError::Refused {
            what: format!("cannot register {}", image.name),
            why: format!("{id}, from which it takes over what it does not say of itself, is gone"),
            help: "write all arguments of the register block, or choose another source".into(),
        };
        found.map(Some).ok_or_else(missing)
    }

    /// All tags of an image after a change.
    fn changed_tags(&self, now: &Tags, change: &ImageUpdate) -> Result<Tags, ProviderError> {
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
        Ok(wanted)
    }
}

/// What says of an image which content and release it is.
pub(super) fn identity(manifest: &Manifest) -> Tags {
    BTreeMap::from([
        (DIGEST.to_owned(), manifest.digest.hex()),
        (RELEASE.to_owned(), manifest.release.to_string()),
    ])
}

pub(super) fn holders(listing: &[Image]) -> BTreeMap<String, Holder> {
    let holder = |image: &Image| {
        let tags = tags::read(image.tags.as_deref());
        let address = tags
            .get(tags::ADDRESS)
            .and_then(|address| tags::decode(address).parse::<Address>().ok());
        let holder = Holder {
            owner: tags::owner(&tags),
            address: address.map(|address| address.image),
        };
        Some((image.name.clone()?, holder))
    };
    listing.iter().filter_map(holder).collect()
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

fn is_encrypted(image: &Image) -> bool {
    let mut mappings = image.block_device_mappings().iter();
    let root = mappings.find(|mapping| mapping.device_name == image.root_device_name);
    root.and_then(|root| root.ebs.as_ref()?.encrypted).unwrap_or_default()
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
        encrypted: None,
        hidden: Vec::new(),
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
