//! From a decoded block to what is written down of it, with the digest of each argument.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;

use super::files::{InputFile, InputKind};
use super::object::{Object, Resolved};
use super::recorded::{Recorded, RecordedArgument, RecordedBlock, RecordedFile};
use super::{Argument, Type};
use crate::digest::{ContentHasher, Digest};
use crate::lang::value::Value;

/// Raised when the digest of the same argument comes out differently.
const RECIPE: u32 = 1;

impl Object {
    /// What is written down of this block, and compared, and hashed.
    pub fn recorded(&self) -> Recorded {
        let keep_modes = self
            .arguments
            .get("mode")
            .is_some_and(|mode| mode.value.as_str() == Some("keep"));
        let rows = self.block.arguments.iter();
        let arguments = rows.filter_map(|row| {
            let argument = self.arguments.get(row.name)?;
            Some((row.name.to_owned(), Box::new(record(argument, row, keep_modes))))
        });
        let blocks = self.written_down().map(|block| RecordedBlock {
            name: block.block.name.to_owned(),
            kind: block.block.kind.map(str::to_owned),
            content: block.recorded(),
        });
        Recorded {
            labels: self.labels.iter().map(|label| label.value.clone()).collect(),
            arguments: arguments.collect(),
            blocks: blocks.collect(),
        }
    }

    /// What stands of a block of this one in its own record; of another block what would stand there.
    pub fn recorded_in<'r>(&self, whole: &'r Recorded, block: &Arc<Object>) -> Cow<'r, Recorded> {
        let at = self.written_down().position(|one| Arc::ptr_eq(one, block));
        let found = at.and_then(|at| whole.blocks.get(at));
        found.map_or_else(|| Cow::Owned(block.recorded()), |found| Cow::Borrowed(&found.content))
    }

    fn written_down(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.blocks.iter().filter(|block| !block.block.is_condition())
    }
}

fn record(argument: &Resolved, row: &Argument, keep_modes: bool) -> RecordedArgument {
    let value = &argument.value;
    let sensitive = value.contains_sensitive();
    let identity = argument.identity.as_deref().unwrap_or(value);
    let leaves = value.leaves();
    RecordedArgument {
        class: row.class,
        digest: digest(argument, identity, row, keep_modes),
        value: (!sensitive && value.is_wholly_known()).then(|| value.to_json()),
        sensitive,
        after: leaves.iter().next().map(|(of, _)| of.to_string()),
        by_default: argument.by_default,
        files: argument
            .files
            .iter()
            .filter(|file| file.kind != InputKind::Directory)
            .map(recorded_file)
            .collect(),
    }
}

/// The identity of an argument that is this plain value.
pub fn identity(value: &Json) -> Digest {
    ContentHasher::new("argument", RECIPE).json("value", value).finish()
}

/// The identity of an argument: of files their content, and where they are copied as a tree, or match a pattern, also
/// their names; of a base nothing, since the digest of that image counts and not its name.
fn digest(argument: &Resolved, identity: &Value, row: &Argument, keep_modes: bool) -> Digest {
    let mut hasher = ContentHasher::new("argument", RECIPE);
    let written = argument.value.as_str().unwrap_or_default();
    match row.ty {
        Type::File | Type::FileList => {
            for file in &argument.files {
                hasher.digest("file", &file.digest);
            }
        }
        Type::Tree if !argument.files.is_empty() => {
            let top = super::files::clean(written.as_ref());
            for file in &argument.files {
                let name = file.path.strip_prefix(&top).unwrap_or(&file.path);
                feed_entry(&mut hasher, file, &name.to_string_lossy(), keep_modes);
            }
        }
        Type::Globs => {
            for file in &argument.files {
                hasher.digest(&file.path.to_string_lossy(), &file.digest);
            }
        }
        Type::Image => {}
        _ => {
            hasher.json("value", &anonymous(identity));
        }
    }
    hasher.finish()
}

fn feed_entry(hasher: &mut ContentHasher, file: &InputFile, name: &str, keep_modes: bool) {
    hasher
        .text("name", name)
        .text("kind", file.kind.name())
        .digest("content", &file.digest);
    if keep_modes {
        hasher.text("mode", &format!("{:04o}", file.mode));
    }
}

/// A value as JSON with its unknowns as terms. `build.*` loses the address of its image: addresses are in no digest.
fn anonymous(value: &Value) -> Json {
    if value.is_wholly_known() && !value.contains_sensitive() {
        return value.to_json();
    }
    // Written down, a secret that no variable stands for (`sensitive(file(...))`) is nothing but its type.
    let mut json = serde_json::to_value(value).expect("a value is written down with texts as keys");
    forget_images(&mut json);
    json
}

fn forget_images(json: &mut Json) {
    match json {
        Json::Array(all) => all.iter_mut().for_each(forget_images),
        Json::Object(all) => {
            let build = all
                .get("of")
                .and_then(Json::as_str)
                .is_some_and(|of| of.starts_with("image.") && of.ends_with(".build"));
            if build && all.contains_key("attribute") {
                all.insert("of".to_owned(), "build".into());
            }
            all.values_mut().for_each(forget_images);
        }
        _ => {}
    }
}

fn recorded_file(file: &InputFile) -> RecordedFile {
    RecordedFile {
        path: file.path.clone(),
        digest: file.digest,
        executable: file.kind == InputKind::Executable,
        text: file.text.as_deref().map(str::to_owned),
    }
}
