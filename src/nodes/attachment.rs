//! An attachment: a volume as a block device of the builder host, held by the image's helper process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, Ref, Volume};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::providers::Marker;

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

    async fn open(&self, at: &Address, _marker: &Marker, _cx: &Context) -> Result<AttachmentHandle, NodeError> {
        Err(Diagnostic::error(format!("{at} cannot be opened yet")).into())
    }
}
