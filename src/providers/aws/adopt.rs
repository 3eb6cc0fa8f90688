//! AMIs that bake did not make: looked at, and marked as ours.

use async_trait::async_trait;
use aws_sdk_ec2::types::{BlockDeviceMapping, Image, ImageState};
use serde_json::{Value as Json, json};

use super::images::{architecture, identity, root_of};
use super::region::snapshots_of;
use super::{Aws, errors, record, tags};
use crate::providers::foreign::{Adoption, Facts, Foreign, ForeignVolume, Matter};
use crate::providers::{Holder, ImageId, Manifest, Marker, Owner, ProviderError, SnapshotId};
use crate::schema::Class;
use crate::units::Size;

#[async_trait]
impl Adoption for Aws {
    async fn foreign(&self, id: &str) -> Result<Option<Foreign>, ProviderError> {
        let own = self.own_images(vec![tags::filter("image-id", [id])]).await?;
        if let Some(image) = own.first() {
            return Ok(Some(self.described(image)));
        }
        let others = self.home().await?.images_by("image-id", [id]).await?;
        Ok(others.first().map(|image| Foreign {
            unusable: Some(of_another_account(image)),
            ..self.described(image)
        }))
    }

    /// The snapshots are marked first: as long as the image is not ours nobody reads that. Then the image, in one call, so
    /// that it is never half ours. EC2 has no call that marks only what is unmarked; so whoever marks looks again
    /// afterwards, and the last one has it.
    async fn adopt(&self, id: &ImageId, manifest: &Manifest, marker: &Marker) -> Result<(), ProviderError> {
        let image = self.still_free(id, &marker.owner).await?;
        let now = tags::read(image.tags.as_deref());
        let users = now.keys().filter(|key| !record::is_own(key)).count();
        let packed = record::pack(manifest, users)?;
        self.mark_snapshots(&image, manifest).await?;
        let mut all = tags::of_marker(marker);
        all.insert(tags::ADDRESS.into(), tags::encode(&manifest.address.to_string()));
        all.extend(identity(manifest));
        all.extend(packed);
        self.mark(&[id.0.as_str()], &all).await?;
        self.still_free(id, &marker.owner).await.map(drop)
    }
}

impl Aws {
    /// The image, unless somebody else has marked it.
    async fn still_free(&self, id: &ImageId, owner: &Owner) -> Result<Image, ProviderError> {
        let found = self.own_images(vec![tags::filter("image-id", [&id.0])]).await?;
        let image = found.into_iter().next().ok_or_else(|| ProviderError::NotFound {
            what: format!("image {id}"),
        })?;
        match tags::owner(&tags::read(image.tags.as_deref())) {
            Some(other) if other != *owner => Err(ProviderError::Refused {
                what: format!("cannot adopt {id}"),
                why: format!(
                    "it belongs to project {}, workspace {} by now",
                    other.project, other.workspace
                ),
                help: "agree with them whose it is to be".into(),
            }),
            _ => Ok(image),
        }
    }

    /// Marks those of this account that nobody has marked, so that they go with the last image that uses them.
    async fn mark_snapshots(&self, image: &Image, manifest: &Manifest) -> Result<(), ProviderError> {
        let ids = snapshots_of(image);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = self.home().await?.snapshots_by("snapshot-id", &ids).await?;
        let free = found.iter().filter(|snapshot| {
            let tags = tags::read(snapshot.tags.as_deref());
            tags::owner(&tags).is_none()
        });
        let free: Vec<&str> = free.filter_map(|snapshot| snapshot.snapshot_id.as_deref()).collect();
        let marks = [
            (tags::PROJECT, manifest.owner.project.clone()),
            (tags::WORKSPACE, manifest.owner.workspace.clone()),
            (tags::ADDRESS, manifest.address.to_string()),
        ];
        let marks: tags::Tags = marks.map(|(key, text)| (key.to_owned(), tags::encode(&text))).into();
        match free.is_empty() {
            true => Ok(()),
            false => self.mark(&free, &marks).await,
        }
    }

    async fn mark(&self, ids: &[&str], tags: &tags::Tags) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let what = format!("tag {}", ids.join(", "));
        let call = client.ec2.create_tags().set_resources(Some(ids));
        let answer = call.set_tags(Some(tags::written(tags))).send().await;
        answer.map(drop).map_err(|error| errors::explain(&what, error))
    }

    fn described(&self, image: &Image) -> Foreign {
        let all = tags::read(image.tags.as_deref());
        let address = all.get(tags::ADDRESS).and_then(|text| tags::decode(text).parse().ok());
        let holder = tags::owner(&all).map(|owner| Holder {
            owner: Some(owner),
            address,
        });
        let id = image.image_id.clone().unwrap_or_default();
        Foreign {
            from: id.clone(),
            matter: Matter::Image {
                id: ImageId(id),
                name: image.name.clone().unwrap_or_default(),
                created: image.creation_date.clone().unwrap_or_default(),
                volumes: volumes(image),
            },
            holder,
            facts: facts(image, json!(self.of_the_user(all))),
            unusable: unusable(image),
        }
    }
}

/// What an AMI says of itself, by the arguments that would make it say so.
fn facts(image: &Image, tags: Json) -> Facts {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(Json::from);
    let switch = |on: bool| Some(Json::from(on.to_string()));
    let named = |name: &str| format!("register.{name}");
    let registration = [
        (
            "virtualization",
            text(image.virtualization_type.as_ref().map(|one| one.as_str())),
        ),
        ("boot_mode", text(image.boot_mode.as_ref().map(|one| one.as_str()))),
        ("ena", switch(image.ena_support == Some(true))),
        ("sriov", switch(image.sriov_net_support.as_deref() == Some("simple"))),
        (
            "tpm",
            text(image.tpm_support.as_ref().map(|one| one.as_str())).or_else(|| Some("none".into())),
        ),
        (
            "imds",
            text(image.imds_support.as_ref().map(|one| one.as_str())).or_else(|| Some("any".into())),
        ),
        ("root_device", text(image.root_device_name.as_deref())),
    ];
    let all = Facts::default()
        .say("architecture", Class::Bytes, text(Some(&architecture(image))))
        .say("description", Class::Mutable, text(image.description.as_deref()))
        .say(
            "publish.tags",
            Class::Mutable,
            Some(tags).filter(|tags| tags.as_object().is_some_and(|tags| !tags.is_empty())),
        )
        .say("publish.deprecate_after", Class::Mutable, deprecation(image));
    registration.into_iter().fold(all, |all, (name, value)| {
        all.say(&named(name), Class::Registration, value)
    })
}

/// So long after its creation it counts as deprecated: `7776000s`.
fn deprecation(image: &Image) -> Option<Json> {
    let moment = |text: &Option<String>| text.as_ref()?.parse::<jiff::Timestamp>().ok();
    let (created, at) = (moment(&image.creation_date)?, moment(&image.deprecation_time)?);
    let seconds = at.as_second() - created.as_second();
    (seconds > 0).then(|| Json::from(format!("{seconds}s")))
}

/// The root volume first.
fn volumes(image: &Image) -> Vec<ForeignVolume> {
    let root = image.root_device_name.as_deref();
    let (mut first, others): (Vec<_>, Vec<_>) = image
        .block_device_mappings()
        .iter()
        .filter_map(volume)
        .partition(|volume| Some(volume.device.as_str()) == root);
    first.extend(others);
    first
}

fn volume(mapping: &BlockDeviceMapping) -> Option<ForeignVolume> {
    let ebs = mapping.ebs.as_ref()?;
    let gib = u64::try_from(ebs.volume_size.unwrap_or_default()).unwrap_or_default();
    Some(ForeignVolume {
        device: mapping.device_name.clone()?,
        snapshot: SnapshotId(ebs.snapshot_id.clone()?),
        size: Size::bytes(gib << 30),
    })
}

fn unusable(image: &Image) -> Option<(String, String)> {
    let (why, help) = match () {
        () if image.state == Some(ImageState::Disabled) => ("it is disabled", "enable it: aws ec2 enable-image"),
        () if image.state != Some(ImageState::Available) => ("it is not available", "wait until it is"),
        () if root_of(image).is_none() => (
            "its root is an instance store",
            "bake manages images with an EBS root; use this one as it is",
        ),
        () => return None,
    };
    Some((why.to_owned(), help.to_owned()))
}

fn of_another_account(image: &Image) -> (String, String) {
    let account = image.owner_id.as_deref().unwrap_or("somebody else");
    (
        format!("it belongs to account {account}, and only images of the own account can be managed"),
        "build on it: source { ami = ... }; or copy it into this account (aws ec2 copy-image) and import the copy"
            .to_owned(),
    )
}
