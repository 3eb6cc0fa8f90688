//! In which form a plan, or what is wrong with a module, is printed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use crate::diagnostic::Diagnostics;
use crate::plan::Plan;
use crate::ui::plan::{View, markdown};
use crate::ui::validation::Written;
use crate::ui::{self, Terminal, annotations, json};

/// `-format` of what prints a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; as -json.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// One page for a browser, with the images drawn as a graph.
    Html,
    /// Messages and changes beside the code, in GitHub Actions.
    Github,
    /// The same, as SARIF 2.1.0.
    Sarif,
}

/// `-format` of `bake validate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people.
    Text,
    /// For programs; as -json.
    Json,
    /// Beside the code, in GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
}

/// How the form of a plan is chosen.
#[derive(Debug, Clone, clap::Args)]
pub struct FormatArguments {
    /// Print the plan as JSON.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// In which form it is printed.
    #[arg(long, value_name = "FORM", default_value = "text", hide_default_value = true)]
    format: Format,
}

impl FormatArguments {
    /// What was asked for.
    pub fn chosen(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Prints a plan.
pub fn show(plan: &Plan, format: Format, view: View, terminal: &Arc<Terminal>) {
    let within = || place_in_repository();
    let text = match format {
        Format::Text => ui::plan::text(plan, view, terminal.data_width()),
        Format::Json => ui::plan::json(plan),
        Format::Markdown => markdown(plan, ui::plan::LONGEST),
        Format::Html => ui::plan::html(plan),
        Format::Github => annotations::github(&plan.warnings, Some(plan), &within()),
        Format::Sarif => annotations::sarif(&plan.warnings, Some(plan), &within()),
    };
    terminal.data(&text);
}

/// Prints why there is no plan, for those who read nothing else; people read it on stderr anyway.
pub fn show_errors(errors: &Diagnostics, format: Format, terminal: &Terminal) {
    match format {
        Format::Github => terminal.data(&annotations::github(errors, None, &place_in_repository())),
        Format::Sarif => terminal.data(&annotations::sarif(errors, None, &place_in_repository())),
        Format::Json => terminal.data(&json::pretty(&Written::new(errors))),
        Format::Text | Format::Markdown | Format::Html => {}
    }
}

/// How a command says to programs why it has nothing else to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// Its output is one document; so are the errors, as those of `bake validate -json`.
    Document,
    /// Its output is a line per event; so is each error.
    Lines,
}

/// Prints them; people read them on stderr anyway.
pub fn say_errors(errors: &Diagnostics, form: Errors, terminal: &Terminal) {
    match form {
        Errors::Document => show_errors(errors, Format::Json, terminal),
        Errors::Lines => errors.iter().for_each(|one| terminal.data(&json::diagnostic_line(one))),
    }
}

/// Where the working directory lies in its repository, so that paths can be read from the root of that.
pub fn place_in_repository() -> PathBuf {
    let Ok(here) = std::env::current_dir() else {
        return PathBuf::new();
    };
    let root = here.ancestors().find(|directory| directory.join(".git").exists());
    root.and_then(|root| here.strip_prefix(root).ok())
        .map(Path::to_owned)
        .unwrap_or_default()
}
