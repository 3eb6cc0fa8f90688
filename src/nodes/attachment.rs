//! An attachment: a volume as a block device of the builder host, held by the image's helper process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::volume::VolumeHandle;
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Ref, Volume};
use crate::address::Address;
use crate::host::{files, machine};
use crate::providers::{Backing, Marker};

/// A volume to be attached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// What is attached.
    pub volume: Ref<Volume>,
}

/// An attached volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttachmentHandle {
    /// The device of the whole disk: `/dev/loop0`; where there are no devices (without root) the file itself.
    pub device: PathBuf,
    /// The file behind it, if it is a loop device.
    pub file: Option<PathBuf>,
    /// The volume, if its provider has attached it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeHandle>,
}

impl AttachmentHandle {
    /// Whether it is no device, but the file of the disk itself.
    pub fn is_plain(&self) -> bool {
        self.file.as_ref() == Some(&self.device)
    }
}

impl Kind for Attachment {
    type Handle = AttachmentHandle;
    const LIFETIME: Lifetime = Lifetime::Ephemeral;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        vec![self.volume.opened()]
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<AttachmentHandle, NodeError> {
        let volume = cx.outputs.get(&self.volume)?;
        let backing = cx
            .providers
            .get(&volume.provider)?
            .volumes()
            .backing(&volume.id)
            .await?;
        match backing {
            Backing::File(file) if !machine::has_devices() => Ok(AttachmentHandle {
                device: file.clone(),
                file: Some(file),
                volume: None,
            }),
            Backing::File(file) => {
                let device = cx.helper().await?.attach(&file, false).await?;
                Ok(AttachmentHandle {
                    device: device.path,
                    file: Some(file),
                    volume: None,
                })
            }
            // The helper dies with bake; the attachment is then undone when the volume is removed.
            Backing::Provider => Ok(AttachmentHandle {
                device: cx.providers.get(&volume.provider)?.volumes().attach(&volume.id).await?,
                file: None,
                volume: Some(volume.clone()),
            }),
        }
    }

    /// Flushes the device and its partitions, and proves that the kernel has let go of the file; or tells the provider to
    /// take the volume back.
    async fn close(handle: &AttachmentHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        match &handle.volume {
            None if handle.is_plain() => files::flush(&handle.device)?,
            None => cx.helper().await?.detach(&handle.device).await?,
            // Flushed already, before the snapshot: see `Partitions`.
            Some(volume) => cx.providers.get(&volume.provider)?.volumes().detach(&volume.id).await?,
        }
        Ok(())
    }
}
