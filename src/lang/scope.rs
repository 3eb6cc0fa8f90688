//! What an expression is evaluated in: what its references mean, and where its files are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::functions::fileset::Look;
use super::resolve::Known;
use super::syntax::Reference;
use super::value::Value;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;

/// Knows what references mean.
pub trait Resolver {
    /// Resolves the longest prefix that it knows: `var.x` of `var.x.y[0]`. Answers the value and how many parts that
    /// was (at least 1); the evaluator applies the rest.
    ///
    /// # Errors
    /// What is wrong with the reference, with its place.
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic>;
}

/// A resolver that knows nothing: for literals and defaults.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        Err(Diagnostic::error(format!("{reference} cannot be used here"))
            .at(&reference.span)
            .help("write a value without references"))
    }
}

/// What functions have read and hidden while a module was evaluated.
#[derive(Debug, Default)]
pub struct Noted(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    files: BTreeMap<PathBuf, Digest>,
    looks: BTreeSet<Look>,
    secrets: Vec<Value>,
}

impl Noted {
    /// Nothing yet.
    pub fn new() -> Noted {
        Noted::default()
    }

    /// Each file by the path at which it was read, in order, with the digest of what was in it: the inputs of a module
    /// beside its text. One that was read within `sensitive(...)` alone is not among them: its digest would give away a
    /// short secret.
    pub fn files(&self) -> BTreeMap<PathBuf, Digest> {
        self.notes().files.clone()
    }

    /// What functions saw of directories, in order.
    pub fn looks(&self) -> Vec<Look> {
        self.notes().looks.iter().cloned().collect()
    }

    /// What `sensitive(...)` was given, each once, in the order in which it was: what must be masked wherever it turns up.
    pub fn secrets(&self) -> Vec<Value> {
        self.notes().secrets.clone()
    }

    pub(super) fn read(&self, path: &Path, content: &[u8]) {
        let digest = Digest::of(content);
        self.notes().files.insert(path.to_owned(), digest);
    }

    pub(super) fn looked(&self, look: Look) {
        self.notes().looks.insert(look);
    }

    /// Notes that a value must not be seen.
    pub fn hide(&self, value: &Value) {
        let mut notes = self.notes();
        if !notes.secrets.contains(value) {
            notes.secrets.push(value.clone());
        }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub(super) resolver: &'a dyn Resolver,
    pub(super) directory: Option<&'a Path>,
    pub(super) noted: Option<&'a Noted>,
    pub(super) known: Option<Known<'a>>,
    pub(super) environment: bool,
    pub(super) bound: &'a [(String, Value)],
}

impl<'a> Scope<'a> {
    /// A scope without files: `file` and its like are errors in it.
    pub fn new(resolver: &'a dyn Resolver) -> Scope<'a> {
        Scope {
            resolver,
            directory: None,
            noted: None,
            known: None,
            environment: false,
            bound: &[],
        }
    }

    /// Lets functions read files, relative to this directory (that of the module).
    pub fn in_directory(mut self, directory: &'a Path) -> Scope<'a> {
        self.directory = Some(directory);
        self
    }

    /// Notes which files are read, and what is hidden.
    pub fn recording(mut self, noted: &'a Noted) -> Scope<'a> {
        self.noted = Some(noted);
        self
    }

    /// Lets `env` read the environment of bake.
    pub fn with_environment(mut self) -> Scope<'a> {
        self.environment = true;
        self
    }

    /// Lets these names stand for something, before all that the resolver knows.
    pub fn binding(mut self, names: &'a [(String, Value)]) -> Scope<'a> {
        self.bound = names;
        self
    }

    pub(super) fn with(mut self, known: Known<'a>) -> Scope<'a> {
        self.known = Some(known);
        self
    }
}
