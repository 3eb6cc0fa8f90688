//! `fileset`: the names of files by a pattern. Symbolic links are followed, each directory once on a way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use serde::{Deserialize, Serialize};

use super::{Answer, Fault, Function, Run, STRING, Wanted, files, takes, text};
use crate::digest::Digest;
use crate::lang::eval::Evaluator;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Names of files.
pub(super) const TABLE: &[Function] = &[Function {
    reads_files: true,
    ..Function::new(
        "fileset",
        "The files below a directory that match a pattern (*, **, ?, {a,b}), as a set of paths relative to it.",
        &[takes("path", STRING), takes("pattern", STRING)],
        Wanted::Set,
        Run::Scoped(fileset),
    )
}];

/// How many names are looked at.
const MOST: usize = 100_000;
/// How deep directories may be nested.
const DEEPEST: usize = 64;

fn fileset(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let (mut base, mut pattern) = (files::locate(evaluator, text(arguments, 0))?, text(arguments, 1));
    let mut up = String::new();
    while let Some((step, rest)) = pattern.split_once('/').filter(|(step, _)| matches!(*step, "." | "..")) {
        if step == ".." {
            base.push("..");
            up.push_str("../");
        }
        pattern = rest;
    }
    let names = names(&base, pattern)?;
    if let Some(noted) = evaluator.notes_files() {
        noted.looked(Look::names(base, pattern, &names));
    }
    let found = names.into_iter().map(|name| format!("{up}{name}").into());
    Ok(Value::set(Type::String, found.collect()))
}

/// The names of files below a directory, relative to it.
fn names(base: &Path, pattern: &str) -> Result<BTreeSet<String>, Fault> {
    let matcher = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| Fault::of(1, format!("not a pattern: {}", error.kind())))?
        .compile_matcher();
    let mut walk = Walk {
        base: base.to_owned(),
        matcher,
        deepest: if pattern.contains("**") {
            DEEPEST
        } else {
            pattern.split('/').count()
        },
        found: BTreeSet::new(),
        looked: 0,
        way: Vec::new(),
    };
    walk.directory(Path::new(""))?;
    Ok(walk.found)
}

/// What a function saw of a directory, and not of a file's content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Look {
    /// Where it looked.
    pub path: PathBuf,
    /// For files of which names; without one it asked whether a file is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Of what it saw.
    pub digest: Digest,
}

impl Look {
    fn names(path: PathBuf, pattern: &str, names: &BTreeSet<String>) -> Look {
        let listing: Vec<&str> = names.iter().map(String::as_str).collect();
        Look {
            path,
            pattern: Some(pattern.to_owned()),
            digest: Digest::of(listing.join("\n").as_bytes()),
        }
    }

    /// Whether a file is there.
    pub(super) fn file(path: PathBuf, is_there: bool) -> Look {
        Look {
            path,
            pattern: None,
            digest: Digest::of(&[u8::from(is_there)]),
        }
    }

    /// The same look now, from this directory; none if nothing can be seen any more.
    pub fn again(&self, directory: &Path) -> Option<Look> {
        let at = directory.join(&self.path);
        let now = match &self.pattern {
            Some(pattern) => Look::names(at.clone(), pattern, &names(&at, pattern).ok()?),
            None => Look::file(at.clone(), at.exists()),
        };
        let path = self.path.clone();
        Some(Look { path, ..now })
    }

    /// `d/*`
    pub fn shown(&self) -> String {
        let pattern = self.pattern.as_deref();
        pattern
            .map_or_else(|| self.path.clone(), |pattern| self.path.join(pattern))
            .display()
            .to_string()
    }
}

struct Walk {
    base: PathBuf,
    matcher: GlobMatcher,
    deepest: usize,
    found: BTreeSet<String>,
    looked: usize,
    /// The directories that lead here, by their true names: one that comes again is a loop.
    way: Vec<PathBuf>,
}

impl Walk {
    fn directory(&mut self, below: &Path) -> Result<(), Fault> {
        let path = self.base.join(below);
        let Ok(entries) = std::fs::read_dir(&path) else {
            // As Terraform has it: what is not there, or may not be read, holds no files.
            return Ok(());
        };
        let Ok(real) = path.canonicalize() else { return Ok(()) };
        if self.way.contains(&real) {
            return Ok(());
        }
        self.way.push(real);
        for entry in entries.flatten() {
            self.entry(&below.join(entry.file_name()))?;
        }
        self.way.pop();
        Ok(())
    }

    fn entry(&mut self, below: &Path) -> Result<(), Fault> {
        self.looked += 1;
        if self.looked > MOST {
            return Err(Fault::call(format!("more than {MOST} files lie there")));
        }
        let Ok(kind) = std::fs::metadata(self.base.join(below)) else {
            return match self.matcher.is_match(below) {
                true => Err(Fault::call(format!(
                    "{} cannot be looked at: a link that leads nowhere?",
                    below.display()
                ))),
                false => Ok(()),
            };
        };
        if kind.is_dir() {
            let deeper = below.components().count() < self.deepest;
            return if deeper { self.directory(below) } else { Ok(()) };
        }
        if kind.is_file() && self.matcher.is_match(below) {
            let name = below.to_str();
            let name = name.ok_or_else(|| Fault::call(format!("the name of {} is not UTF-8", below.display())))?;
            self.found.insert(name.to_owned());
        }
        Ok(())
    }
}
