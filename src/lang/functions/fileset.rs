//! `fileset`: the names of files by a pattern. Symbolic links are followed, each directory once on a way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;

use super::{Answer, Fault, Function, Run, STRING, Wanted, files, takes, text};
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
    let matcher = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| Fault::of(1, format!("not a pattern: {}", error.kind())))?
        .compile_matcher();
    let mut walk = Walk {
        base: base.clone(),
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
    if let Some(noted) = evaluator.notes_files() {
        let listing: Vec<&str> = walk.found.iter().map(String::as_str).collect();
        noted.read(&base.join(pattern), listing.join("\n").as_bytes());
    }
    let found = walk.found.into_iter().map(|name| format!("{up}{name}").into());
    Ok(Value::set(Type::String, found.collect()))
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
