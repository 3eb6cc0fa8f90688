//! A resolved block as it is written down: in manifests, plan files and `-json`. It holds no secret and no file content
//! beyond the texts that a diff wants, and it is what `plan::compare` walks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::object::{InputFile, InputKind, Object, Resolved};
use super::{Class, Type};
use crate::digest::{ContentHasher, Digest};
use crate::lang::value::Value;

/// A block: its arguments by name, its blocks in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Labels behind the kind, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Arguments that were written, or that have a default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, RecordedArgument>,
    /// Nested blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<RecordedBlock>,
}

/// A nested block with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
        for (name, argument) in self.arguments.iter().filter(|(_, argument)| wanted(argument.class)) {
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

impl Object {
    /// The block as it is written down.
    pub fn recorded(&self) -> Recorded {
        let argument = |(name, resolved): (&&str, &Resolved)| {
            let row = self.block.argument(name);
            let (class, ty) = row.map_or((Class::Bytes, Type::Any), |row| (row.class, row.ty));
            ((*name).to_owned(), resolved.recorded(class, ty))
        };
        let block = |object: &Object| RecordedBlock {
            name: object.block.name.to_owned(),
            kind: object.block.kind.map(str::to_owned),
            content: object.recorded(),
        };
        Recorded {
            labels: self.labels.iter().map(|label| label.value.clone()).collect(),
            arguments: self.arguments.iter().map(argument).collect(),
            blocks: self.blocks.iter().map(block).collect(),
        }
    }
}

impl Resolved {
    /// The argument as it is written down.
    pub fn recorded(&self, class: Class, ty: Type) -> RecordedArgument {
        let sensitive = self.identity.is_some();
        let value = if sensitive { None } else { plain(&self.value) };
        RecordedArgument {
            class,
            digest: self.digest(ty),
            after: (value.is_none() && !sensitive).then(|| settled_by(&self.value)),
            value,
            sensitive,
            by_default: self.by_default,
            files: self
                .files
                .iter()
                .filter(|file| file.kind != InputKind::Directory)
                .map(InputFile::recorded)
                .collect(),
        }
    }

    /// What the argument is, for comparisons: of files their content (in a tree also names and kinds, never where the
    /// tree itself lies), of anything else the value, of a secret the references and revisions that it is made of.
    fn digest(&self, ty: Type) -> Digest {
        let mut hasher = ContentHasher::new("argument", 1);
        match ty {
            Type::File | Type::FileList | Type::Tree | Type::Globs if !self.files.is_empty() => {
                self.files.iter().for_each(|file| self.feed_file(&mut hasher, ty, file));
            }
            _ => {
                let value = self.identity.as_ref().unwrap_or(&self.value);
                hasher.json("value", &plain(value).unwrap_or_else(|| as_term(value)));
            }
        }
        hasher.finish()
    }

    fn feed_file(&self, hasher: &mut ContentHasher, ty: Type, file: &InputFile) {
        let top = self.files.first().map(|first| first.path.as_path());
        match ty {
            Type::Tree => {
                let within = top
                    .and_then(|top| file.path.strip_prefix(top).ok())
                    .unwrap_or(&file.path);
                hasher
                    .text("path", &within.to_string_lossy())
                    .text("kind", file.kind.name());
            }
            Type::Globs => {
                hasher.text("path", &file.path.to_string_lossy());
            }
            _ => {}
        }
        hasher.digest("content", &file.digest);
    }
}

impl InputFile {
    fn recorded(&self) -> RecordedFile {
        RecordedFile {
            path: self.path.clone(),
            digest: self.digest,
            executable: self.kind == InputKind::Executable,
            text: self.text.as_deref().map(str::to_owned),
        }
    }
}

impl InputKind {
    /// `file`, `executable`, `directory`, `link`.
    pub fn name(self) -> &'static str {
        match self {
            InputKind::File => "file",
            InputKind::Executable => "executable",
            InputKind::Directory => "directory",
            InputKind::Link => "link",
        }
    }
}

/// The value as plain JSON, if all of it is known.
fn plain(value: &Value) -> Option<serde_json::Value> {
    value.is_wholly_known().then(|| value.to_json())
}

/// The value as it is written down, with the terms of what is not known yet.
fn as_term(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).expect("all keys of a value are texts")
}

/// Which nodes settle it: `image.base.id`.
fn settled_by(value: &Value) -> String {
    let all: Vec<String> = value.leaves().iter().map(|(of, name)| format!("{of}.{name}")).collect();
    all.join(", ")
}
