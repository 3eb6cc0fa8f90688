//! The files of a module: which there are, and what they say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::Top;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::threads::side_by_side;
use crate::lang::syntax::{self, Body};
use crate::source::Source;

/// Bytes of one file of a module. Parsing takes some ten times its size of memory.
const LARGEST: u64 = 16 << 20;

/// So many files at least are worth a thread of their own: what it leaves of its memory half used is not little.
const WORTH_A_THREAD: usize = 16;

/// The files of a directory that concern bake, by name.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `*.bake.hcl`, `*.bake.json`
    pub modules: Vec<PathBuf>,
    /// `bake.auto.bakevars.hcl`, then `*.auto.bakevars.hcl`; or `.json`.
    pub variables: Vec<PathBuf>,
}

/// What the names of files end with that a module reads without being told.
const MODULES: [&str; 2] = [".bake.hcl", ".bake.json"];
const VALUES: [&str; 2] = [".auto.bakevars.hcl", ".auto.bakevars.json"];

/// An error for a file that is to be written and whose name is one that modules read.
///
/// # Errors
/// That one.
pub fn check_output(path: &Path) -> Result<(), Diagnostic> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_read = MODULES.iter().chain(&VALUES).any(|ending| name.ends_with(ending)) || name == super::lock::FILE;
    match is_read {
        true => {
            let error = Diagnostic::error(format!("{} is a name that a module reads", path.display()));
            Err(error.help("choose another name for what is written"))
        }
        false => Ok(()),
    }
}

/// Looks for files in a directory, named as messages name them.
///
/// # Errors
/// The directory cannot be read, or holds no module.
pub(super) fn find(directory: &Path) -> Result<Found, Diagnostic> {
    let shown = directory.display();
    let entries = std::fs::read_dir(directory).map_err(|error| {
        Diagnostic::error(format!("cannot read the directory {shown}"))
            .note(why(&error))
            .help(match error.kind() {
                std::io::ErrorKind::NotADirectory => "a module is a directory: name the one in which the file stands",
                _ => "choose another with -chdir=DIR",
            })
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    let paths = |ending: &[&str]| -> Vec<PathBuf> {
        let fitting = names
            .iter()
            .filter(|name| ending.iter().any(|ending| name.ends_with(ending)));
        fitting.map(|name| shown_path(directory, name)).collect()
    };
    let modules = paths(&MODULES);
    if modules.is_empty() {
        return Err(
            Diagnostic::error(format!("there is no module in {shown}: no file is called *.bake.hcl"))
                .help("write one, begin with bake init, or choose another directory with -chdir=DIR"),
        );
    }
    let mut variables = paths(&VALUES);
    variables.sort_by_key(|path| {
        let first = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("bake.auto.bakevars."));
        (!first, path.clone())
    });
    Ok(Found { modules, variables })
}

/// `web.bake.hcl` in the working directory, else with the directory in front.
fn shown_path(directory: &Path, name: &str) -> PathBuf {
    match directory == Path::new(".") || directory.as_os_str().is_empty() {
        true => PathBuf::from(name),
        false => directory.join(name),
    }
}

/// A file as text.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<Arc<Source>, Diagnostic> {
    let cannot = |reason: String| Diagnostic::error(format!("cannot read {}", path.display())).note(reason);
    let found = std::fs::metadata(path).map_err(|error| cannot(why(&error)))?;
    if !found.is_file() && !found.is_dir() {
        return Err(cannot("it is no plain file".to_owned()));
    }
    if found.len() > LARGEST {
        let error = cannot(format!("it has {} MiB; {} are read", found.len() >> 20, LARGEST >> 20));
        return Err(error.help("keep large texts in files of their own and name these in the module"));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(why(&error)))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(path, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(cannot(format!("it is not UTF-8: byte {at} begins no character")))
        }
    }
}

/// Every module file with its digest, and the bodies of those that can be read. Of a file that cannot, only its first error
/// is kept.
pub(super) fn parse(paths: &[PathBuf], found: &mut Diagnostics) -> (Vec<Body>, BTreeMap<PathBuf, Digest>) {
    let mut bodies = Vec::new();
    let mut digests = BTreeMap::new();
    for (path, file) in paths
        .iter()
        .zip(side_by_side(paths, WORTH_A_THREAD, |path| parse_one(path)))
    {
        let Some((digest, body)) = found.take(file) else {
            continue;
        };
        let name = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
        digests.insert(name, digest);
        match body {
            Ok(body) => bodies.push(body),
            Err(errors) => found.extend(errors.sorted().into_iter().take(1)),
        }
    }
    (bodies, digests)
}

fn parse_one(path: &Path) -> Result<(Digest, Result<Body, Diagnostics>), Diagnostic> {
    let source = read(path)?;
    let body = match path.extension().is_some_and(|ending| ending == "json") {
        true => syntax::parse_json(&source, &Top),
        false => syntax::parse(&source),
    };
    Ok((Digest::of(source.text().as_bytes()), body))
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        std::io::ErrorKind::NotADirectory => "it is no directory".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}
