//! EBS volumes: made, attached to this instance, found among its devices, detached, removed.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, Volume, VolumeAttachment, VolumeAttachmentState, VolumeState, VolumeType};

use super::wait::until;
use super::{Aws, errors, tags};
use crate::host::devices;
use crate::host::locks::Lock;
use crate::providers::{Backing, Marker, ProviderError, VolumeId, VolumeOrigin, VolumeWish, Volumes};
use crate::units::Size;

/// Bytes of the unit in which EBS counts.
const GIB: u64 = 1 << 30;
/// What volumes are unless their block says otherwise.
pub const USUAL_TYPE: &str = "gp3";
/// How long the kernel may take to show a device after EC2 says that it is attached.
const DEVICE_PATIENCE: Duration = Duration::from_secs(60);
/// After so long a new volume that EC2 does not know has vanished: its key may not be used.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(60);
/// Where the locks of device names are.
const SLOTS: &str = "/run/lock/bake/devices";

#[async_trait]
impl Volumes for Aws {
    async fn create(
        &self,
        origin: &VolumeOrigin,
        size: Option<Size>,
        wish: &VolumeWish,
        marker: &Marker,
    ) -> Result<VolumeId, ProviderError> {
        let client = self.client().await?;
        let host = client.host().await?;
        let mut all = self.settings.default_tags.clone();
        all.extend(wish.tags.clone());
        all.extend(tags::of_marker(marker));
        let kind = wish.kind.as_deref().unwrap_or(USUAL_TYPE);
        let call = client
            .ec2
            .create_volume()
            .availability_zone(&host.zone)
            .client_token(&marker.token)
            .volume_type(VolumeType::from(kind))
            .set_size(size.map(gib))
            .set_snapshot_id(snapshot(origin)?)
            .set_iops(wish.iops.and_then(|number| number.try_into().ok()))
            .set_throughput(wish.throughput.and_then(|number| number.try_into().ok()))
            .set_encrypted(wish.encrypted.or(wish.key.as_ref().map(|_| true)))
            .set_kms_key_id(wish.key.clone())
            .tag_specifications(tags::specification(ResourceType::Volume, &all));
        // It has a token, so the SDK may repeat it.
        let made = call
            .send()
            .await
            .map_err(|error| errors::explain("create a volume", error))?;
        let id = VolumeId(made.volume_id.unwrap_or_default());
        self.until_available(&id, wish).await?;
        Ok(id)
    }

    /// Detached first, if it is attached: a run that was killed leaves it so.
    async fn delete(&self, id: &VolumeId) -> Result<(), ProviderError> {
        let client = self.client().await?;
        loop {
            let answer = client.ec2.delete_volume().volume_id(&id.0).send().await;
            match answer {
                Ok(_) => break,
                Err(error) if errors::is_missing(&error) => break,
                Err(error) if errors::code(&error) == Some("VolumeInUse") => self.detach(id).await?,
                Err(error) => return Err(errors::explain(&format!("delete volume {id}"), error)),
            }
        }
        self.free_slot(id);
        Ok(())
    }

    async fn backing(&self, _id: &VolumeId) -> Result<Backing, ProviderError> {
        Ok(Backing::Provider)
    }

    async fn attach(&self, id: &VolumeId) -> Result<PathBuf, ProviderError> {
        let requested = self.ask_to_attach(id).await?;
        let volume = self.until_attached(id).await?;
        let size = u64::try_from(volume.size.unwrap_or_default()).unwrap_or_default() * GIB;
        Ok(devices::find(&id.0, &requested, size, DEVICE_PATIENCE).await?)
    }

    async fn detach(&self, id: &VolumeId) -> Result<(), ProviderError> {
        let client = self.client().await?;
        match client.ec2.detach_volume().volume_id(&id.0).send().await {
            Ok(_) => {}
            Err(error) if errors::is_missing(&error) || errors::code(&error) == Some("IncorrectState") => {}
            Err(error) => return Err(errors::explain(&format!("detach volume {id}"), error)),
        }
        let what = format!("volume {id} to be detached");
        until(&client.wait, &what, || async {
            let volume = self.volume(id).await?;
            Ok(volume.is_none_or(|volume| attachment(&volume).is_none()).then_some(()))
        })
        .await?;
        self.free_slot(id);
        Ok(())
    }
}

impl Aws {
    /// A volume, by a filter, so that one that EC2 does not know is no error.
    async fn volume(&self, id: &VolumeId) -> Result<Option<Volume>, ProviderError> {
        let client = self.client().await?;
        let call = client
            .ec2
            .describe_volumes()
            .filters(tags::filter("volume-id", [&id.0]));
        let answer = call.send().await;
        let answer = answer.map_err(|error| errors::explain(&format!("look at volume {id}"), error))?;
        Ok(answer.volumes.unwrap_or_default().into_iter().next())
    }

    /// Keys are looked at only after the call was answered: a volume whose key may not be used vanishes.
    async fn until_available(&self, id: &VolumeId, wish: &VolumeWish) -> Result<(), ProviderError> {
        let client = self.client().await?;
        let begun = std::time::Instant::now();
        let seen = std::sync::atomic::AtomicBool::new(false);
        let vanished = || ProviderError::Refused {
            what: format!("cannot create volume {id}"),
            why: match &wish.key {
                Some(key) => {
                    format!("it vanished: these credentials may not use the key {key}, or the key is disabled")
                }
                None => "it vanished: the key that encrypts it may not be used".into(),
            },
            help: "the key's policy must allow kms:CreateGrant, kms:Decrypt, kms:DescribeKey and \
                   kms:GenerateDataKeyWithoutPlaintext"
                .into(),
        };
        until(&client.wait, &format!("volume {id}"), || async {
            use std::sync::atomic::Ordering::Relaxed;
            let Some(volume) = self.volume(id).await? else {
                let gone = seen.load(Relaxed) || begun.elapsed() > UNKNOWN_PATIENCE;
                return if gone { Err(vanished()) } else { Ok(None) };
            };
            seen.store(true, Relaxed);
            match volume.state {
                Some(VolumeState::Available | VolumeState::InUse) => Ok(Some(())),
                Some(VolumeState::Error) => Err(vanished()),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Asks under the first device name that is free. The lock of a name is held as long as the volume has it, and by
    /// nobody while waiting for another.
    async fn ask_to_attach(&self, id: &VolumeId) -> Result<String, ProviderError> {
        let client = self.client().await?;
        let host = client.host().await?;
        let nobody = || ProviderError::Refused {
            what: format!("cannot attach volume {id}"),
            why: "all device names from /dev/sdf to /dev/xvdcx are taken on this host".into(),
            help: "detach what is not needed any more, or build fewer images at once".into(),
        };
        for name in devices::names() {
            let Some(lock) = slot(&name)? else { continue };
            let call = client
                .ec2
                .attach_volume()
                .volume_id(&id.0)
                .instance_id(&host.instance)
                .device(&name);
            let ask = || async {
                let answer = call.clone().customize().config_override(without_retries()).send().await;
                answer.map(drop)
            };
            let find = || async { Ok(self.is_ours(id, &host.instance, &name).await?.then_some(())) };
            match self.creating(ask, find).await? {
                Ok(()) => {}
                Err(error) if is_taken(&error) => continue,
                // An earlier try, whose answer was lost.
                Err(error) if errors::code(&error) == Some("VolumeInUse") => {
                    if !self.is_ours(id, &host.instance, &name).await? {
                        return Err(errors::explain(&format!("attach volume {id}"), error));
                    }
                }
                Err(error) => return Err(errors::explain(&format!("attach volume {id}"), error)),
            }
            self.slots
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(id.clone(), lock);
            return Ok(name);
        }
        Err(nobody())
    }

    /// Whether the volume is attached to this instance under this name.
    async fn is_ours(&self, id: &VolumeId, instance: &str, name: &str) -> Result<bool, ProviderError> {
        for pause in [0, 1, 2, 4] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let volume = self.volume(id).await?;
            let found = volume.as_ref().and_then(attachment);
            if let Some(found) = found {
                return Ok(found.instance_id() == Some(instance) && found.device() == Some(name));
            }
        }
        Ok(false)
    }

    async fn until_attached(&self, id: &VolumeId) -> Result<Volume, ProviderError> {
        let client = self.client().await?;
        until(&client.wait, &format!("volume {id} to be attached"), || async {
            let Some(volume) = self.volume(id).await? else {
                return Ok(None);
            };
            let state = attachment(&volume).and_then(|attachment| attachment.state.clone());
            Ok((state == Some(VolumeAttachmentState::Attached)).then_some(volume))
        })
        .await
    }

    fn free_slot(&self, id: &VolumeId) {
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(slots.remove(id));
    }
}

/// The attachment that a volume has.
fn attachment(volume: &Volume) -> Option<&VolumeAttachment> {
    let all = volume.attachments().iter();
    all.clone()
        .find(|one| one.state != Some(VolumeAttachmentState::Detached))
}

/// The lock of a device name, unless somebody has it, or a device already stands under it.
fn slot(name: &str) -> Result<Option<Lock>, ProviderError> {
    if devices::is_taken(name) {
        return Ok(None);
    }
    let path = PathBuf::from(SLOTS).join(name.trim_start_matches("/dev/"));
    Ok(Lock::try_take(&path, "bake apply")?.ok())
}

/// Whether the answer says that somebody has the device name.
fn is_taken<E: aws_sdk_ec2::error::ProvideErrorMetadata, R>(error: &aws_sdk_ec2::error::SdkError<E, R>) -> bool {
    let message = error
        .as_service_error()
        .and_then(aws_sdk_ec2::error::ProvideErrorMetadata::message);
    errors::code(error) == Some("InvalidParameterValue") && message.is_some_and(|text| text.contains("already in use"))
}

/// A call that creates without a token is not repeated by the SDK, which cannot know whether it had its effect.
pub fn without_retries() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::config::Builder::new().retry_config(aws_sdk_ec2::config::retry::RetryConfig::disabled())
}

fn snapshot(origin: &VolumeOrigin) -> Result<Option<String>, ProviderError> {
    match origin {
        VolumeOrigin::Blank => Ok(None),
        VolumeOrigin::Snapshot(id) => Ok(Some(id.0.clone())),
        VolumeOrigin::File(path) => Err(ProviderError::Refused {
            what: format!("cannot make a volume of {}", path.display()),
            why: "the aws provider does not read disk images yet".into(),
            help: "begin with an AMI, a snapshot or scratch {}".into(),
        }),
    }
}

/// In GiB, rounded up.
pub fn gib(size: Size) -> i32 {
    i32::try_from(size.as_bytes().div_ceil(GIB)).unwrap_or(i32::MAX)
}
