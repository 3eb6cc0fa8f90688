//! `bake update`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::exit::Exit;
use super::locking::Locking;
use super::session::ModuleArguments;
use crate::data;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::Value;
use crate::module::lock::{self, Change, Lock};
use crate::module::{self, Data, LoadOptions, Module};
use crate::schema::suggest;
use crate::ui::{Terminal, values};

/// Read the data sources anew, and pin what they find in bake.lock.hcl
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Read the data sources of the module anew, show what has moved, and pin what they find in bake.lock.hcl. \
                  Commit that file: every plan then sees the same world until the next update.",
    after_help = "\
bake update
bake update data.http.key                 # only this one
bake update -date now                     # images are dated with this moment, though nothing has moved"
)]
pub struct Args {
    /// Only these data sources, such as data.http.key; what is not pinned yet is pinned in any case.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The date that images are built with: now, or such as 2026-01-31T12:00:00Z. By default it becomes the present
    /// moment when something has moved.
    #[arg(long, value_name = "DATE", value_parser = date)]
    date: Option<jiff::Timestamp>,
    #[command(flatten)]
    module: ModuleArguments,
    #[command(flatten)]
    locking: Locking,
}

impl Args {
    /// Reads, shows, writes.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let directory = Path::new(".");
        let _lock = self.locking.take(directory, terminal)?;
        let data = Data::Renew(self.sources.clone());
        let module = self
            .module
            .with_options(terminal, true, |options| module::load(&LoadOptions { data, ..options }))?;
        terminal.diagnostics(&module.warnings);
        check(&self.sources, &module)?;
        let mut lock = Lock::read(directory)?;
        let (declared, entries) = module::data::entries(&module.data);
        let changes = lock.update(&declared, entries);
        let dated = self.date.is_some() || !changes.is_empty();
        if dated {
            lock.date = Some(self.date.unwrap_or_else(now).to_string());
        }
        lock.write(directory)?;
        let text: String = changes.iter().map(described).collect();
        terminal.data(&text);
        terminal.data(&match (changes.len(), dated) {
            (0, true) => format!("Nothing has moved; {} has a new date.\n", lock::FILE),
            (0, false) => "Nothing has moved.\n".to_owned(),
            (1, _) => format!("\nOne data source has moved; {} pins what it finds now.\n", lock::FILE),
            (all, _) => format!(
                "\n{all} data sources have moved; {} pins what they find now.\n",
                lock::FILE
            ),
        });
        Ok(Exit::Done)
    }
}

/// Whether all that was named is there.
fn check(named: &[String], module: &Module) -> Result<(), Diagnostics> {
    let known = || module.data.iter().map(|reading| reading.address.as_str());
    let unknown = named.iter().filter(|name| !known().any(|one| one == *name));
    let errors = unknown.map(|name| {
        let error = Diagnostic::error(format!("the module has no data source {name}"));
        match suggest(name, known()) {
            Some(meant) => error.help(format!("did you mean {meant}?")),
            None => error,
        }
    });
    errors.collect::<Diagnostics>().into_result(()).map(|_| ())
}

/// What has moved, as a plan shows changes.
fn described(change: &Change) -> String {
    let Change { address, before, after } = change;
    let nothing = BTreeMap::new();
    let (sign, was, is) = match (before, after) {
        (None, Some(after)) => ("+", &nothing, after),
        (Some(before), None) => ("-", before, &nothing),
        (Some(before), Some(after)) => ("~", before, after),
        (None, None) => return String::new(),
    };
    let mut names: Vec<&String> = was.keys().chain(is.keys()).collect();
    names.sort();
    names.dedup();
    let differs = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let kind = address.split('.').nth(1).and_then(data::kind);
    let moved = |name: &str, was, is| kind.and_then(|kind| kind.moved(name, was, is));
    let lines = differs.map(|name| match (was.get(name), is.get(name)) {
        (Some(was), Some(is)) if let Some(lines) = moved(name, was, is) => {
            lines.iter().map(|line| format!("    {line}\n")).collect()
        }
        (Some(was), Some(is)) => format!("    {name}: {} -> {}\n", short(was), short(is)),
        (None, Some(one)) | (Some(one), None) => format!("    {name}: {}\n", short(one)),
        (None, None) => String::new(),
    });
    let gone = sign == "-";
    let lines: String = if gone { String::new() } else { lines.collect() };
    format!("  {sign} {address}\n{lines}")
}

/// A value in a line of its own.
fn short(value: &Value) -> String {
    let count = value.attributes().map(|all| all.len());
    if let Some(count) = count.filter(|count| *count > 3) {
        return format!("{count} elements");
    }
    let text = crate::ui::printable::clean(&values::text(value, 0)).replace('\n', " ");
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn date(text: &str) -> Result<jiff::Timestamp, String> {
    match text {
        "now" => Ok(now()),
        _ => text
            .parse()
            .map_err(|_| "now, or a date such as 2026-01-31T12:00:00Z, is wanted".to_owned()),
    }
}
