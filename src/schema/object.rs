//! A block after decoding: every argument evaluated, checked against its table, and with the files it names read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::Block;
use crate::digest::Digest;
use crate::lang::value::Value;
use crate::source::{Span, Spanned};

/// One decoded block.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its table.
    pub block: &'static Block,
    /// Labels behind the kind.
    pub labels: Vec<Spanned<String>>,
    /// What was written, and the defaults of the table for what was left out or is `null`.
    pub arguments: BTreeMap<&'static str, Resolved>,
    /// Nested blocks in the order in which they were written.
    pub blocks: Vec<Object>,
    /// The header of the block: `volume "root"`.
    pub span: Span,
}

/// The value of an argument.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The value, of the argument's type.
    pub value: Value,
    /// Whether nobody wrote it: it is the table's default.
    pub by_default: bool,
    /// Where the expression stands; of a default the header of the block.
    pub span: Span,
    /// Where the name of the argument stands.
    pub name_span: Span,
    /// What the digest is made of instead of the value, where that is sensitive: the same expression over references and
    /// revisions (`var.token@3`).
    pub identity: Option<Value>,
    /// The files that it names, as they are now.
    pub files: Vec<InputFile>,
}

/// A file on the builder host that an argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Relative to the directory of the module.
    pub path: PathBuf,
    /// Where to read it.
    pub absolute: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// Of a file's content, or of a link's target; of nothing for a directory.
    pub digest: Digest,
    /// The text for diffs, if it is UTF-8 and at most 64 KiB.
    pub text: Option<Arc<str>>,
}

/// What stands at a path of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A file, mode 0644 in the image.
    File,
    /// A file with an executable bit, mode 0755 in the image.
    Executable,
    /// A directory.
    Directory,
    /// A symbolic link, copied as such.
    Link,
}
