//! An attachment: a volume as a block device of the builder host, held by the image's helper process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Ref, Volume};
use crate::address::Address;
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
    /// The device of the whole disk: `/dev/loop0`.
    pub device: PathBuf,
    /// The file behind it, if it is a loop device.
    pub file: Option<PathBuf>,
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
            Backing::File(file) => {
                let device = cx.helper().await?.attach(&file, false).await?;
                Ok(AttachmentHandle {
                    device: device.path,
                    file: Some(file),
                })
            }
        }
    }

    /// Flushes the device and its partitions, and proves that the kernel has let go of the file.
    async fn close(handle: &AttachmentHandle, _at: &Address, cx: &Context) -> Result<(), NodeError> {
        let helper = cx.helper().await?;
        match handle.file {
            Some(_) => helper.detach(&handle.device).await?,
            None => helper.flush(&handle.device).await?,
        }
        Ok(())
    }
}
