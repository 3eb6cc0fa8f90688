//! Copies of an image in other regions: made, taken where they stand, removed.
//!
//! A copy says in its tags of which image it is, so it is found again without a journal: by the next run, by another host, and
//! by whoever removes the image. Its token follows from source, region, key and the copies that failed before, so two hosts
//! that copy at once ask for the same one.

use std::time::Duration;

use aws_sdk_ec2::types::{Image, ImageState, ResourceType};

use super::region::Regional;
use super::tags::{self, COPY_OF, NODE, Tags};
use super::{Aws, errors};
use crate::digest::ContentHasher;
use crate::providers::publication::{CopyState, CopyWish};
use crate::providers::{ImageId, Keep, Marker, ProviderError};

/// What EC2 says while there are too many copies under way; it takes the call after a while.
const LATER: &[&str] = &[
    "ResourceLimitExceeded",
    "ConcurrentSnapshotLimitExceeded",
    "PendingSnapshotLimitExceeded",
];
/// How long a copy that another host has asked for may take to show.
const SETTLE: Duration = Duration::from_secs(60);
/// How often a token that was spoilt is given up for another.
const ATTEMPTS: usize = 3;

impl Aws {
    /// Makes a copy, or takes the one that stands or is under way, and waits until it can be used.
    pub(super) async fn make_copy(&self, wish: &CopyWish, marker: &Marker) -> Result<ImageId, ProviderError> {
        let there = self.region(&wish.region).await?;
        let home = self.home().await?;
        let id = self.begin_copy(&there, &home, wish, marker).await?;
        let made = self.until_copied(&there, &id).await?;
        let source = home.image(&wish.source).await?;
        if let Some(why) = source.and_then(|source| differs(&source, &made)) {
            there.remove(&made, Keep::Nothing).await?;
            return Err(ProviderError::Refused {
                what: format!("cannot copy {} to {}", wish.source, wish.region),
                why,
                help: "leave the region out, or build the image there".into(),
            });
        }
        Ok(id)
    }

    /// A copy that has failed is removed: it would only be in the way of the next.
    async fn until_copied(&self, there: &Regional, id: &ImageId) -> Result<Image, ProviderError> {
        let error = match there.until_available(id).await {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        let Some(failed) = there
            .image(id)
            .await?
            .filter(|image| state_of(image) == CopyState::Failed)
        else {
            return Err(error);
        };
        there.remove(&failed, Keep::Nothing).await?;
        Err(ProviderError::Refused {
            what: format!("cannot copy to {}", there.name),
            why: error.to_string(),
            help:
                "if the image is encrypted, see whether its key and that of the region may be used by these credentials"
                    .into(),
        })
    }

    async fn begin_copy(
        &self,
        there: &Regional,
        home: &Regional,
        wish: &CopyWish,
        marker: &Marker,
    ) -> Result<ImageId, ProviderError> {
        let mut spoilt = Vec::new();
        for _ in 0..ATTEMPTS {
            for failed in self.copies(there, &wish.source).await? {
                let id = ImageId(failed.image_id.clone().unwrap_or_default());
                match state_of(&failed) {
                    _ if wish.unwanted.contains(&id) => {}
                    CopyState::Failed => {
                        there.remove(&failed, Keep::Nothing).await?;
                        spoilt.push(id.0);
                    }
                    CopyState::Available | CopyState::Pending => return Ok(id),
                }
            }
            match self.ask_to_copy(there, home, wish, marker, &spoilt).await? {
                Some(id) => return Ok(id),
                None => match self.anothers(there, wish).await? {
                    Some(id) => return Ok(id),
                    None => spoilt.push("spoilt".into()),
                },
            }
        }
        Err(ProviderError::Failed {
            what: format!("cannot copy {} to {}", wish.source, wish.region),
            why: "another host asked for the same copy, and it does not show".into(),
        })
    }

    /// The new copy; none if its token was used for another call.
    async fn ask_to_copy(
        &self,
        there: &Regional,
        home: &Regional,
        wish: &CopyWish,
        marker: &Marker,
        spoilt: &[String],
    ) -> Result<Option<ImageId>, ProviderError> {
        let call = there
            .ec2
            .copy_image()
            .source_image_id(&wish.source.0)
            .source_region(&home.name)
            .name(copy_name(wish))
            .set_description(wish.description.clone())
            .set_encrypted(wish.key.as_ref().map(|_| true))
            .set_kms_key_id(wish.key.clone())
            .client_token(token(wish, spoilt))
            .tag_specifications(tags::specification(
                ResourceType::Image,
                &self.copy_tags(&wish.tags, &wish.source, marker),
            ))
            .tag_specifications(tags::specification(
                ResourceType::Snapshot,
                &self.copy_tags(&wish.snapshot_tags, &wish.source, marker),
            ));
        let begun = std::time::Instant::now();
        loop {
            match call.clone().send().await {
                Ok(made) => return Ok(Some(ImageId(made.image_id.unwrap_or_default()))),
                Err(error) if errors::code(&error) == Some("IdempotentParameterMismatch") => return Ok(None),
                Err(error) if is_later(errors::code(&error)) && begun.elapsed() < there.wait.timeout.as_std() => {
                    tokio::time::sleep(there.wait.interval.as_std()).await;
                }
                Err(error) => {
                    let what = format!("copy {} to {}", wish.source, wish.region);
                    return Err(errors::explain(&what, error));
                }
            }
        }
    }

    /// The copy that another host, or a run that was cut off, has asked for.
    async fn anothers(&self, there: &Regional, wish: &CopyWish) -> Result<Option<ImageId>, ProviderError> {
        let begun = std::time::Instant::now();
        loop {
            let found = self.copies(there, &wish.source).await?.into_iter();
            let mut ids = found.filter_map(|image| image.image_id).map(ImageId);
            if let Some(id) = ids.find(|id| !wish.unwanted.contains(id)) {
                return Ok(Some(id));
            }
            if begun.elapsed() >= SETTLE {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    /// Every copy of an image in a region, whatever became of it.
    async fn copies(&self, there: &Regional, source: &ImageId) -> Result<Vec<Image>, ProviderError> {
        there
            .own_images(vec![tags::filter(&format!("tag:{COPY_OF}"), [&source.0])])
            .await
    }

    /// Removes every copy of an image in a region, and what a removal that was cut off left of them.
    pub(super) async fn withdraw_all(&self, region: &str, source: &ImageId, keep: Keep) -> Result<(), ProviderError> {
        let there = self.region(region).await?;
        for copy in self.copies(&there, source).await? {
            there.remove(&copy, keep).await?;
        }
        if keep == Keep::All {
            return Ok(());
        }
        let of_copies = vec![tags::filter(&format!("tag:{COPY_OF}"), [&source.0])];
        let left = there.own_snapshots(of_copies).await?.into_iter();
        // What was let go of is kept.
        let left = left.filter(|snapshot| tags::read(snapshot.tags.as_deref()).contains_key(NODE));
        let left: Vec<String> = left.filter_map(|snapshot| snapshot.snapshot_id).collect();
        there.discard(&left).await
    }

    /// Tags of a copy, or of its snapshots: the user's, whose it is, and of which image.
    fn copy_tags(&self, of_user: &Tags, source: &ImageId, marker: &Marker) -> Tags {
        let mut all = self.settings.default_tags.clone();
        all.extend(of_user.clone());
        all.extend(tags::of_marker(marker));
        all.insert(COPY_OF.into(), source.0.clone());
        all
    }
}

/// How far a copy is.
pub fn state_of(image: &Image) -> CopyState {
    match &image.state {
        Some(ImageState::Available | ImageState::Disabled) => CopyState::Available,
        Some(ImageState::Failed | ImageState::Error | ImageState::Invalid) => CopyState::Failed,
        _ => CopyState::Pending,
    }
}

fn is_later(code: Option<&str>) -> bool {
    code.is_some_and(|code| LATER.contains(&code))
}

/// The name of the image; beside a copy that is to go another one, since EC2 may want names to differ.
fn copy_name(wish: &CopyWish) -> String {
    match wish.unwanted.is_empty() {
        true => wish.name.clone(),
        false => format!("{}-{}", wish.name, &token(wish, &[])[..4]),
    }
}

/// 32 hex digits over what is copied, where to, under which key, and what came to nothing before.
fn token(wish: &CopyWish, spoilt: &[String]) -> String {
    let mut hasher = ContentHasher::new("copy", 1);
    hasher
        .text("source", &wish.source.0)
        .text("region", &wish.region)
        .text("key", wish.key.as_deref().unwrap_or(""));
    for id in wish
        .unwanted
        .iter()
        .map(|id| id.0.as_str())
        .chain(spoilt.iter().map(String::as_str))
    {
        hasher.text("not", id);
    }
    hasher.finish().hex()[..32].to_owned()
}

/// What of a copy is not as it is of its source (whether CopyImage keeps all of it is written nowhere).
fn differs(source: &Image, copy: &Image) -> Option<String> {
    let text = |text: Option<&str>| text.unwrap_or("nothing").to_owned();
    let of = |image: &Image| {
        [
            (
                "architecture",
                text(image.architecture.as_ref().map(|one| one.as_str())),
            ),
            ("boot mode", text(image.boot_mode.as_ref().map(|one| one.as_str()))),
            ("TPM", text(image.tpm_support.as_ref().map(|one| one.as_str()))),
            (
                "metadata version",
                text(image.imds_support.as_ref().map(|one| one.as_str())),
            ),
            (
                "ENA support",
                text(image.ena_support.filter(|ena| *ena).map(|_| "true")),
            ),
            ("billing (platform details)", text(image.platform_details.as_deref())),
        ]
    };
    let pairs = of(source).into_iter().zip(of(copy));
    let wrong = pairs.into_iter().find(|(wanted, is)| wanted != is);
    wrong.map(|((what, wanted), (_, is))| format!("the {what} of the copy is {is}, and that of the image {wanted}"))
}
