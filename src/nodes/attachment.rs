//! An attachment: a volume as a block device of the builder host, held by the image's helper process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Keeper, Kind, Lifetime, Need, Ref, Volume};

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
}
