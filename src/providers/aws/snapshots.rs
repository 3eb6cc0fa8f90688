//! EBS snapshots: made of a volume at rest, waited for, removed.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{ResourceType, Snapshot, SnapshotState};

use super::tags::{self, Tags};
use super::volumes::without_retries;
use super::wait::until;
use super::{Aws, errors};
use crate::address::Address;
use crate::digest::Digest;
use crate::event::Event;
use crate::providers::{Inventory, Marker, ProviderError, Resource, SnapshotId, Snapshots, VolumeId};
use crate::units::Size;

/// Codes that say "not so fast" to one volume or account; EC2 takes the call after a while.
const LATER: &[&str] = &[
    "SnapshotCreationPerVolumeRateExceeded",
    "ConcurrentSnapshotLimitExceeded",
    "PendingSnapshotLimitExceeded",
    "ConcurrentTagAccess",
];
/// EC2 makes one snapshot of a volume in so long a time (EBS user guide, "Create snapshots").
const PER_VOLUME: Duration = Duration::from_secs(15);
/// How often a call is made again after an answer that does not say whether it had its effect.
const MOST_UNCLEAR: u32 = 4;

#[async_trait]
impl Snapshots for Aws {
    async fn create(
        &self,
        volume: &VolumeId,
        digest: &Digest,
        of_user: &Tags,
        marker: &Marker,
    ) -> Result<SnapshotId, ProviderError> {
        let client = self.client().await?;
        let mut all = self.settings.default_tags.clone();
        all.extend(of_user.clone());
        all.extend(tags::of_marker(marker));
        all.insert(tags::DIGEST.into(), digest.hex());
        let call = client
            .ec2
            .create_snapshot()
            .volume_id(&volume.0)
            .description(format!("{} (bake)", marker.address))
            .tag_specifications(tags::specification(ResourceType::Snapshot, &all));
        let unclear = AtomicBool::new(false);
        let ask = || async {
            let answer = call.clone().customize().config_override(without_retries()).send().await;
            answer.map(|made| SnapshotId(made.snapshot_id.unwrap_or_default()))
        };
        let find = || {
            unclear.store(true, Ordering::Relaxed);
            self.snapshot_of(marker)
        };
        let answer = self.creating(ask, find).await?;
        let id = answer.map_err(|error| errors::explain(&format!("make a snapshot of volume {volume}"), error))?;
        self.until_complete(&id, &marker.address).await?;
        if unclear.into_inner() {
            self.remove_others(marker, &id).await?;
        }
        Ok(id)
    }

    async fn delete(&self, id: &SnapshotId) -> Result<(), ProviderError> {
        self.home().await?.delete_snapshot(id, Duration::ZERO).await
    }

    async fn size(&self, id: &SnapshotId) -> Result<Size, ProviderError> {
        let known = self
            .sizes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(id)
            .copied();
        if let Some(size) = known {
            return Ok(size);
        }
        let home = self.home().await?;
        let found = home.snapshots_by("snapshot-id", &[id.0.as_str()]).await?;
        match found.first() {
            Some(snapshot) => Ok(self.remember(snapshot)),
            None => Err(ProviderError::NotFound {
                what: format!("snapshot {id}"),
            }),
        }
    }
}

impl Aws {
    async fn snapshot_of(&self, marker: &Marker) -> Result<Option<SnapshotId>, ProviderError> {
        match self.made_after_all(marker).await? {
            Some(Resource::Snapshot(id)) => Ok(Some(id)),
            _ => Ok(None),
        }
    }

    /// Of a call that was made again although it had had its effect, which EC2 told too late.
    async fn remove_others(&self, marker: &Marker, chosen: &SnapshotId) -> Result<(), ProviderError> {
        let home = self.home().await?;
        let made = home.own_snapshots(vec![tags::tagged(tags::NODE, &marker.token)]);
        for snapshot in made.await? {
            let id = SnapshotId(snapshot.snapshot_id.unwrap_or_default());
            if id != *chosen {
                home.delete_snapshot(&id, Duration::ZERO).await?;
            }
        }
        Ok(())
    }

    /// Waits until all of it is copied: until then the volume is its only source. How far that is, is told for the node
    /// that waits.
    async fn until_complete(&self, id: &SnapshotId, node: &Address) -> Result<(), ProviderError> {
        let home = self.home().await?;
        let told = AtomicU8::new(0);
        until(&home.wait, &format!("snapshot {id}"), || async {
            let found = home.snapshots_by("snapshot-id", &[id.0.as_str()]).await?;
            let Some(snapshot) = found.first() else { return Ok(None) };
            match &snapshot.state {
                Some(SnapshotState::Completed) => {
                    self.remember(snapshot);
                    Ok(Some(()))
                }
                Some(SnapshotState::Error) => Err(ProviderError::Failed {
                    what: format!("snapshot {id} failed"),
                    why: snapshot.state_message().unwrap_or("EC2 gives no reason").to_owned(),
                }),
                _ => {
                    let percent = percent(snapshot.progress());
                    if percent > told.swap(percent, Ordering::Relaxed) {
                        let address = node.clone();
                        self.contact.events.send(Event::NodeProgress { address, percent });
                    }
                    Ok(None)
                }
            }
        })
        .await
    }

    pub(super) fn remember(&self, snapshot: &Snapshot) -> Size {
        let gib = u64::try_from(snapshot.volume_size.unwrap_or_default()).unwrap_or_default();
        let size = Size::bytes(gib << 30);
        let id = SnapshotId(snapshot.snapshot_id.clone().unwrap_or_default());
        self.sizes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(id, size);
        size
    }

    /// What a call made whose answer was lost. EC2 may need a while to know of it itself.
    pub(super) async fn made_after_all(&self, marker: &Marker) -> Result<Option<Resource>, ProviderError> {
        for pause in [0, 1, 2, 4] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            if let Some(found) = self.find(marker).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A call that has no token. Where EC2 says that it did nothing, it is made again after a pause. Where no answer came, or
    /// one that says nothing of its effect, `find` looks for what it made, and only if that is not there it is made again.
    /// The answer is what was made, or EC2's last word.
    ///
    /// # Errors
    /// Those of `find`.
    pub(super) async fn creating<T, E, R, F, L>(
        &self,
        call: impl Fn() -> F,
        find: impl Fn() -> L,
    ) -> Result<Result<T, SdkError<E, R>>, ProviderError>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, R>>>,
        L: Future<Output = Result<Option<T>, ProviderError>>,
    {
        let (mut pause, mut unclear) = (Duration::from_millis(500), 0);
        for _ in 0..self.settings.max_retries {
            let error = match call().await {
                Err(error) if errors::is_throttled(&error) || is_later(&error) => error,
                Err(error) if errors::is_unclear(&error) && unclear < MOST_UNCLEAR => {
                    unclear += 1;
                    error
                }
                answer => return Ok(answer),
            };
            // Once there was no clear answer, whatever is said of a later call: the earlier one may have had its effect.
            if unclear > 0
                && let Some(made) = find().await?
            {
                return Ok(Ok(made));
            }
            let longest = if is_later(&error) { PER_VOLUME } else { pause };
            tokio::time::sleep(longest.mul_f64(jitter())).await;
            pause = (pause * 2).min(Duration::from_secs(20));
        }
        Ok(call().await)
    }
}

/// `"42%"`; 0 if there is nothing of the kind.
fn percent(progress: Option<&str>) -> u8 {
    let number = progress.and_then(|text| text.trim_end_matches('%').parse().ok());
    number.unwrap_or(0).min(100)
}

fn is_later<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    errors::code(error).is_some_and(|code| LATER.contains(&code))
}

/// Between a half and the whole, so that those who were turned away together do not come back together.
fn jitter() -> f64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    0.5 + f64::from(now.subsec_nanos() % 1000) / 2000.0
}
