//! `bake fmt`.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Exit;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::{HostError, files};
use crate::lang::fmt;
use crate::source::Source;
use crate::ui::{Terminal, diff};

/// Bring files into their canonical form
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Bring the files of a module into their canonical form: *.bake.hcl, *.bakevars.hcl and bake.lock.hcl. The \
                  names of those that changed are printed. A file that cannot be read as HCL stays as it is.",
    after_help = "\
bake fmt
bake fmt -check -diff -recursive     # for CI: 3 if a file is not formatted
bake fmt web.bake.hcl
bake fmt - < web.bake.hcl"
)]
pub struct Args {
    /// Files and directories; this directory if there are none; - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; exit with 3 if a file is not formatted.
    #[arg(long)]
    check: bool,
    /// Show what changes.
    #[arg(long)]
    diff: bool,
    /// Directories below, too.
    #[arg(long)]
    recursive: bool,
    /// With false: do not print the names of files that change.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    list: bool,
    /// With false: change nothing.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    write: bool,
}

/// The endings of the names of files that are formatted.
const ENDINGS: &[&str] = &[".bake.hcl", ".bakevars.hcl"];
/// The lock file.
const LOCK: &str = "bake.lock.hcl";
/// How standard input is named in messages.
const STDIN: &str = "<stdin>";

impl Args {
    /// Formats what it is told to. All files are looked at, whatever is wrong with one of them.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        if self.paths == [Path::new("-")] {
            return self.standard_input(terminal);
        }
        let mut found = Diagnostics::new();
        let mut changed = false;
        for path in self.files(&mut found) {
            changed |= found.take(self.file(&path, terminal)).unwrap_or_default();
        }
        if found.has_errors() {
            return Err(found);
        }
        Ok(self.exit(changed))
    }

    fn exit(&self, changed: bool) -> Exit {
        match self.check && changed {
            true => Exit::Differs,
            false => Exit::Done,
        }
    }

    fn standard_input(&self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| HostError::of_io("read standard input", error))?;
        let source = source(Path::new(STDIN), bytes)?;
        let formatted = fmt::format(&source)?;
        let changed = formatted != source.text();
        if self.diff && changed {
            terminal.data(&diff::unified(STDIN, source.text(), &formatted));
        } else if !self.check && !self.diff {
            terminal.bytes(formatted.as_bytes());
        }
        Ok(self.exit(changed))
    }

    /// Whether a file was not formatted.
    fn file(&self, path: &Path, terminal: &Terminal) -> Result<bool, Diagnostics> {
        let source = source(path, files::read(path)?)?;
        let formatted = fmt::format(&source)?;
        if formatted == source.text() {
            return Ok(false);
        }
        if self.write && !self.check {
            files::replace(path, formatted.as_bytes())?;
        }
        if self.list {
            terminal.data(&format!("{}\n", path.display()));
        }
        if self.diff {
            terminal.data(&diff::unified(&path.display().to_string(), source.text(), &formatted));
        }
        Ok(true)
    }

    /// The files that are meant, each once, by name.
    fn files(&self, found: &mut Diagnostics) -> BTreeSet<PathBuf> {
        let here = [PathBuf::from(".")];
        let paths = if self.paths.is_empty() { &here[..] } else { &self.paths };
        let mut files = BTreeSet::new();
        for path in paths {
            if path.is_dir() {
                found.take(self.directory(path, &mut files));
            } else if is_ours(path) || !path.exists() {
                files.insert(path.clone());
            } else {
                let error = Diagnostic::error(format!("{} is no file that bake formats", path.display()));
                found.push(error.help("those are called *.bake.hcl, *.bakevars.hcl or bake.lock.hcl"));
            }
        }
        files
    }

    /// The files of a directory. Hidden directories and links to directories are not entered.
    fn directory(&self, directory: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), Diagnostics> {
        let entries = std::fs::read_dir(directory).map_err(|error| HostError::on_path("read", directory, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| HostError::on_path("read", directory, error))?;
            let path = match directory == Path::new(".") {
                true => PathBuf::from(entry.file_name()),
                false => entry.path(),
            };
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && self.recursive && !hidden {
                self.directory(&path, files)?;
            } else if !is_directory && !hidden && is_ours(&path) {
                files.insert(path);
            }
        }
        Ok(())
    }
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == LOCK || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn source(path: &Path, bytes: Vec<u8>) -> Result<Arc<Source>, Diagnostic> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("cannot format {}", path.display()))
            .note(format!("it is not UTF-8: byte {at} begins no character"))
    })?;
    Ok(Source::new(path, text))
}
