//! Two resolved blocks, argument by argument, with the class of each that differs. No block is named here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use crate::schema::{Class, Recorded, RecordedArgument, RecordedBlock, RecordedFile};

/// An argument that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// From the image block on: `provision["nginx"].script`.
    pub path: String,
    /// What it costs.
    pub class: Class,
    /// As it was; none if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RecordedArgument>,
    /// As it is; none if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RecordedArgument>,
}

/// Every argument in a block and the blocks in it, by its path, in the order of the block.
pub fn flatten(block: &Recorded) -> Vec<(String, &RecordedArgument)> {
    let mut all = Vec::new();
    collect("", block, &mut all);
    all
}

fn collect<'a>(prefix: &str, block: &'a Recorded, into: &mut Vec<(String, &'a RecordedArgument)>) {
    into.extend(
        block
            .arguments
            .iter()
            .map(|(name, argument)| (format!("{prefix}{name}"), &**argument)),
    );
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for inner in &block.blocks {
        let name = numbered(inner, &mut seen);
        collect(&format!("{prefix}{name}."), &inner.content, into);
    }
}

/// Where each argument lies in the JSON form of a block, by its path: `["provision", 1, "script"]`.
pub fn locate(block: &Recorded) -> BTreeMap<String, Vec<serde_json::Value>> {
    let mut places = BTreeMap::new();
    walk("", &[], block, &mut places);
    places
}

fn walk(prefix: &str, at: &[serde_json::Value], block: &Recorded, into: &mut BTreeMap<String, Vec<serde_json::Value>>) {
    let step = |more: &[serde_json::Value]| [at, more].concat();
    for name in block.arguments.keys() {
        into.insert(format!("{prefix}{name}"), step(&[name.as_str().into()]));
    }
    let mut paths: BTreeMap<String, usize> = BTreeMap::new();
    let mut indices: BTreeMap<&str, usize> = BTreeMap::new();
    for inner in &block.blocks {
        let index = indices.entry(&inner.name).or_default();
        let at = step(&[inner.name.as_str().into(), (*index).into()]);
        *index += 1;
        walk(
            &format!("{prefix}{}.", numbered(inner, &mut paths)),
            &at,
            &inner.content,
            into,
        );
    }
}

/// The path of a block; `/1` behind that of a second one of the same.
fn numbered(block: &RecordedBlock, seen: &mut BTreeMap<String, usize>) -> String {
    let labels = block.content.labels.iter().map(String::as_str);
    path_of(&block.name, block.kind.as_deref(), labels, seen)
}

/// `provision["nginx"]`, `register`; of a block that has a kind and no name, the kind: `hook["before_mount"]`.
pub(super) fn path_of<'a>(
    name: &str,
    kind: Option<&str>,
    labels: impl Iterator<Item = &'a str>,
    seen: &mut BTreeMap<String, usize>,
) -> String {
    let quoted = |label: &str| format!("[{}]", serde_json::Value::from(label));
    let labels: String = labels.map(quoted).collect();
    let kind = kind.filter(|_| labels.is_empty()).map(quoted).unwrap_or_default();
    let path = format!("{name}{kind}{labels}");
    let count = seen.entry(path.clone()).or_default();
    *count += 1;
    match *count {
        1 => path,
        more => format!("{path}/{}", more - 1),
    }
}

/// Whether two blocks have the same blocks in them and the same values of these classes: the usual case, told without
/// writing a path.
fn same(before: &Recorded, after: &Recorded, wanted: &impl Fn(Class) -> bool) -> bool {
    let chosen = |argument: &RecordedArgument| wanted(argument.class);
    let (old, new) = (before.arguments.iter(), after.arguments.iter());
    let old = old.filter(|(_, one)| chosen(one)).map(|(name, one)| (name, one.digest));
    let new = new.filter(|(_, one)| chosen(one)).map(|(name, one)| (name, one.digest));
    let pairs = || before.blocks.iter().zip(&after.blocks);
    let alike = |(a, b): (&RecordedBlock, &RecordedBlock)| {
        a.name == b.name && a.kind == b.kind && a.content.labels == b.content.labels
    };
    before.blocks.len() == after.blocks.len()
        && old.eq(new)
        && pairs().all(alike)
        && pairs().all(|(a, b)| same(&a.content, &b.content, wanted))
}

/// One argument of a block, or of a block in it that has no labels: `description`, `publish.tags`.
pub fn find<'a>(block: &'a Recorded, path: &str) -> Option<&'a RecordedArgument> {
    let (holder, name) = match path.split_once('.') {
        None => (block, path),
        Some((inner, name)) => {
            let inner = block.blocks.iter().find(|one| one.name == inner)?;
            (&inner.content, name)
        }
    };
    holder.arguments.get(name).map(|argument| &**argument)
}

/// The arguments of the chosen classes that differ: in the order of `after`, then those that are gone.
///
/// An argument that says what its default says is no change.
pub fn changes(before: &Recorded, after: &Recorded, wanted: impl Fn(Class) -> bool) -> Vec<Change> {
    if same(before, after, &wanted) {
        return Vec::new();
    }
    let (old, new) = (flatten(before), flatten(after));
    let by_path: BTreeMap<&str, &RecordedArgument> = old.iter().map(|(path, one)| (path.as_str(), *one)).collect();
    let paths: BTreeMap<&str, ()> = new.iter().map(|(path, _)| (path.as_str(), ())).collect();
    let mut all: Vec<Change> = Vec::new();
    for (path, after) in &new {
        let before = by_path.get(path.as_str()).copied();
        let same = before.map_or(after.by_default, |before| before.digest == after.digest);
        if wanted(after.class) && !same {
            all.push(change(path, after.class, before, Some(after)));
        }
    }
    for (path, before) in old.iter().filter(|(path, _)| !paths.contains_key(path.as_str())) {
        if wanted(before.class) && !before.by_default {
            all.push(change(path, before.class, Some(before), None));
        }
    }
    all
}

fn change(path: &str, class: Class, before: Option<&RecordedArgument>, after: Option<&RecordedArgument>) -> Change {
    Change {
        path: path.to_owned(),
        class,
        before: before.cloned(),
        after: after.cloned(),
    }
}

/// How many arguments of a block are not in these changes.
pub fn unchanged(block: &Recorded, changes: &[Change]) -> usize {
    let written = flatten(block).into_iter().filter(|(_, argument)| !argument.by_default);
    written
        .filter(|(path, _)| !changes.iter().any(|change| change.path == *path))
        .count()
}

impl Change {
    /// The name of the argument: the last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit_once('.').map_or(self.path.as_str(), |(_, name)| name)
    }

    /// Whether it lies in this block (by its path; that of a block of which there is only one may lack its kind).
    pub fn lies_in(&self, block: &str) -> bool {
        self.path
            .strip_prefix(block)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
    }

    /// Pairs of files that differ: what was read before and what is read now, matched by path, else by place.
    pub fn files(&self) -> Vec<(Option<&RecordedFile>, Option<&RecordedFile>)> {
        let (old, new): (Vec<&RecordedFile>, Vec<&RecordedFile>) = (files_of(&self.before), files_of(&self.after));
        if let ([before], [after]) = (&old[..], &new[..]) {
            return if before.digest == after.digest && before.executable == after.executable {
                Vec::new()
            } else {
                vec![(Some(*before), Some(*after))]
            };
        }
        let find = |all: &[&'_ RecordedFile], path: &std::path::Path| all.iter().position(|file| file.path == path);
        let mut pairs = Vec::new();
        for after in &new {
            let before = find(&old, &after.path).map(|at| old[at]);
            if before.is_none_or(|before| before.digest != after.digest || before.executable != after.executable) {
                pairs.push((before, Some(*after)));
            }
        }
        let gone = old.iter().filter(|before| find(&new, &before.path).is_none());
        pairs.extend(gone.map(|before| (Some(*before), None)));
        pairs
    }

    /// In a few words: `scripts/nginx.sh changed (line 12)`, `packages changed`, `env added`.
    pub fn in_words(&self) -> String {
        if let Some((before, after)) = self.files().into_iter().next() {
            let Some(file) = after.or(before) else {
                return self.name().to_owned();
            };
            let path = file.path.display();
            return match (before, after) {
                (None, _) => format!("{path} added"),
                (_, None) => format!("{path} removed"),
                (Some(before), Some(after)) => match first_changed_line(before, after) {
                    Some(line) => format!("{path} changed (line {line})"),
                    None => format!("{path} changed"),
                },
            };
        }
        let verb = match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        format!("{} {verb}", self.name())
    }
}

fn files_of(side: &Option<RecordedArgument>) -> Vec<&RecordedFile> {
    side.iter().flat_map(|argument| &argument.files).collect()
}

/// The number of the first line that differs, in the newer text.
fn first_changed_line(before: &RecordedFile, after: &RecordedFile) -> Option<usize> {
    let (before, after) = (before.text.as_deref()?, after.text.as_deref()?);
    let mut line = 1;
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => line += 1,
            _ => return Some(line),
        }
    }
    None
}
