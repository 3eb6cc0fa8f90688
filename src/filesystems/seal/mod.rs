//! File systems written anew from their trees, with the same bytes each time.
//!
//! What a kernel writes into a mounted file system depends on when, in which order and by how many threads it was asked.
//! What the makers here write depends on the tree alone: the same names, owners, contents and times give the same bytes.

pub mod ext4;
pub mod fat;
pub mod rules;

use std::path::Path;

use crate::host::command::Tool;

/// How file systems of a kind are written anew.
#[derive(Debug, Clone, Copy)]
pub enum Sealing {
    /// By a maker that takes a directory.
    Tree,
    /// So, and in no other way: they are read-only.
    Packed(Packed),
    /// By mtools, file after file.
    Fat,
    /// They hold nothing that a build writes.
    AsMade,
    /// Not at all, and why.
    Never(&'static str),
}

/// How a read-only file system is made of a tree.
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    /// Whether it has a UUID.
    pub has_uuid: bool,
    /// The command that makes one in a file.
    pub make: fn(&Anew<'_>) -> Tool,
    /// The command that puts all of its tree into an empty directory, if there is one that loses nothing.
    pub unpack: Option<fn(&Path, &Path) -> Tool>,
}

/// A file system to be written into a file.
#[derive(Debug, Clone, Copy)]
pub struct Anew<'a> {
    /// `ext4`, ...
    pub kind: &'a str,
    /// As `blkid` prints it.
    pub uuid: &'a str,
    /// Label.
    pub label: Option<&'a str>,
    /// Further arguments of mkfs, as the image declares them.
    pub options: &'a [String],
    /// The directory with its tree, as the helper sees it.
    pub tree: &'a Path,
    /// The file, as large as the device is.
    pub file: &'a Path,
    /// Seconds after 1970 that stand for now.
    pub date: i64,
}
