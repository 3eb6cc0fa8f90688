//! A resolved block as it is written down: in manifests, plan files and `-json`. It holds no secret and no file content
//! beyond the texts that a diff wants, and it is what `plan::compare` walks.

use std::path::PathBuf;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::Class;
use crate::digest::{ContentHasher, Digest};

/// A block: its arguments by name, its blocks in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Labels behind the kind, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Arguments that were written, or that have a default. In a sorted vector: most blocks have three, and a node of a tree
    /// has room for eleven.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub arguments: LiteMap<String, Box<RecordedArgument>>,
    /// Nested blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<RecordedBlock>,
}

/// A nested block with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Flat")]
pub struct RecordedBlock {
    /// `volume`, or `provision` with its kind.
    pub name: String,
    /// The kind of `provision "shell" "x"`: `shell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What is in it.
    #[serde(flatten)]
    pub content: Recorded,
}

/// A nested block as it is read: what serde flattens it first reads whole into a tree of its own, and then again out of
/// that, which with a thousand records is a tenth of a plan.
#[derive(Deserialize)]
struct Flat {
    name: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    arguments: LiteMap<String, Box<RecordedArgument>>,
    #[serde(default)]
    blocks: Vec<RecordedBlock>,
}

impl From<Flat> for RecordedBlock {
    fn from(flat: Flat) -> RecordedBlock {
        RecordedBlock {
            name: flat.name,
            kind: flat.kind,
            content: Recorded {
                labels: flat.labels,
                arguments: flat.arguments,
                blocks: flat.blocks,
            },
        }
    }
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedArgument {
    /// What a change of it costs.
    pub class: Class,
    /// The identity of the value: over its canonical JSON, the contents of the files that it names, and for a sensitive
    /// value over its references and revisions, never over the value.
    pub digest: Digest,
    /// The value as plain JSON; none if it is sensitive, not known yet, or did not fit into the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Whether the value is a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Which node settles it, if it is not known before apply: `image.base`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether nobody wrote it: it is the table's default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
    /// The files that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RecordedFile>,
}

/// A file whose content is part of an argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// As messages name it: relative to the module.
    pub path: PathBuf,
    /// Of its content.
    pub digest: Digest,
    /// Whether the executable bit is set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// Its text for a later diff, if it is UTF-8 and at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Recorded {
    /// The digest of what shapes bytes (classes S and B) in this block and the blocks in it; labels do not count.
    pub fn content(&self, kind: &str, recipe: u32) -> Digest {
        let mut hasher = ContentHasher::new(kind, recipe);
        self.feed(&mut hasher, Class::is_content);
        hasher.finish()
    }

    /// Feeds the arguments of the chosen classes, in the order of their names, then the blocks in their order.
    pub fn feed(&self, hasher: &mut ContentHasher, wanted: fn(Class) -> bool) {
        self.feed_but("", hasher, wanted);
    }

    /// The same, without the argument of this name of the block itself.
    pub fn feed_but(&self, without: &str, hasher: &mut ContentHasher, wanted: fn(Class) -> bool) {
        let fed = self.arguments.iter().filter(|(_, argument)| wanted(argument.class));
        for (name, argument) in fed.filter(|(name, _)| *name != without) {
            hasher.digest(name, &argument.digest);
        }
        for block in &self.blocks {
            hasher
                .text("block", &block.name)
                .text("kind", block.kind.as_deref().unwrap_or(""));
            block.content.feed(hasher, wanted);
            hasher.text("end", "");
        }
    }
}
