//! What an expression is evaluated in: what its references mean, and where its files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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

/// The files that functions have read, with the digests of what was in them: the inputs of a module beside its text.
#[derive(Debug, Default)]
pub struct FilesRead(Mutex<BTreeMap<PathBuf, Digest>>);

impl FilesRead {
    /// None yet.
    pub fn new() -> FilesRead {
        FilesRead::default()
    }

    /// Each file by the path at which it was read, in order.
    pub fn all(&self) -> BTreeMap<PathBuf, Digest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn record(&self, path: &Path, content: &[u8]) {
        let digest = Digest::of(content);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(path.to_owned(), digest);
    }
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub(super) resolver: &'a dyn Resolver,
    pub(super) directory: Option<&'a Path>,
    pub(super) files: Option<&'a FilesRead>,
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
            files: None,
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

    /// Notes which files are read.
    pub fn recording(mut self, files: &'a FilesRead) -> Scope<'a> {
        self.files = Some(files);
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
