//! What a module was evaluated from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::lang::Look;

/// What a plan was made from: `apply FILE` refuses when one of these has moved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The directory of the module, absolute.
    pub directory: PathBuf,
    /// Module files and the files that expressions and steps read, relative to the directory.
    pub files: BTreeMap<PathBuf, Digest>,
    /// What functions saw of directories (`fileset`, `fileexists`), paths as in `files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// Variables that are not sensitive, as plain JSON.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Sensitive variables with their revision; their values are asked for again.
    pub secrets: BTreeMap<String, u64>,
}
