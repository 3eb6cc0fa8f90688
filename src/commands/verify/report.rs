//! What was compared, for other programs: `bake verify -json`.

use serde::Serialize;

use crate::host::trees::Kind;
use crate::providers::ObservedImage;
use crate::ui::json;

/// What came of comparing a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same bytes.
    Same,
    /// Other bytes.
    Differs,
    /// There is nothing to compare with.
    Unrecorded,
}

/// A volume of an image.
#[derive(Debug, Serialize)]
pub struct Volume {
    /// The address of the image.
    pub image: String,
    /// The number of its release.
    pub release: u64,
    /// The name of the volume.
    pub volume: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The Merkle root of the image that stands, where it is known.
    pub root: Option<String>,
    /// The numbers of the blocks (512 KiB each, from 0) that differ, in order; empty too where they are not known.
    pub blocks: Vec<u64>,
    /// The files that differ, in the order of their file systems and paths; none with `-blocks`.
    pub files: Vec<File>,
}

/// A file that differs.
#[derive(Debug, Serialize)]
pub struct File {
    /// In the image where that is known, else in its file system.
    pub path: String,
    /// In what: `content`, `mode`, `missing`, ...
    pub kind: Kind,
    /// Both sides in words; may be empty.
    pub detail: String,
    /// The Debian package that it belongs to.
    pub package: Option<String>,
    /// The node that touched it last: `provision["stamp"]`.
    pub step: Option<String>,
}

impl Volume {
    /// One about which nothing is known yet.
    pub fn of(image: &ObservedImage, volume: &str) -> Volume {
        Volume {
            image: image.manifest.address.to_string(),
            release: image.manifest.release,
            volume: volume.to_owned(),
            verdict: Verdict::Unrecorded,
            root: None,
            blocks: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// The document.
pub fn json(volumes: &[Volume]) -> String {
    json::pretty(&serde_json::json!({ "format_version": json::FORMAT, "volumes": volumes }))
}
