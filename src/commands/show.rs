//! `bake show`.

use std::path::Path;
use std::sync::Arc;

use super::apply::BAKE_DIRECTORY;
use super::exit::Exit;
use super::format::{self, Format, FormatArguments};
use super::record;
use super::session::{ModuleArguments, Session, is_called, no_image};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::files;
use crate::plan;
use crate::ui::plan::View;
use crate::ui::timeline::{self, Timeline};
use crate::ui::{Terminal, images};

/// Show a plan file, an image that stands, or when an apply did what
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake show plan.bakeplan
bake show -json plan.bakeplan
bake show -format markdown plan.bakeplan
bake show -format html plan.bakeplan > plan.html
bake show -last                                       # when the last apply did what
bake show -last -format html > timeline.html
bake show -format html events.jsonl > timeline.html   # of bake apply -json > events.jsonl
bake show image.web
bake show 'image.web[\"arm64\"]' -json")]
pub struct Args {
    /// A plan file, a file with the events of an apply, or the address or id of an image.
    #[arg(value_name = "PLAN|EVENTS|IMAGE", required_unless_present = "last")]
    what: Option<String>,
    /// The last apply of this module, from what .bake keeps of it.
    #[arg(long, conflicts_with = "what")]
    last: bool,
    #[command(flatten)]
    module: ModuleArguments,
    #[command(flatten)]
    format: FormatArguments,
}

impl Args {
    /// Reads the file or asks the providers, and prints.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let Some(what) = &self.what else {
            return self.last(terminal);
        };
        let file = Path::new(what);
        match what.parse::<ImageAddress>() {
            Err(_) if file.is_file() => self.plan(file, what, terminal),
            _ => self.image(what, terminal),
        }
    }

    fn last(&self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let file = record::newest(Path::new(BAKE_DIRECTORY)).ok_or_else(|| {
            Diagnostic::error("of no apply of this module is anything kept")
                .note(format!(
                    "it would stand in {BAKE_DIRECTORY}/log, which the host has that ran the apply"
                ))
                .help("run it where the apply was run, or keep its stream: bake apply -json > events.jsonl")
        })?;
        let timeline = timeline::read(&files::read(&file)?, &file.display().to_string())?;
        self.timeline(&timeline, "-last", terminal)
    }

    fn plan(&self, file: &Path, name: &str, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let bytes = files::read(file)?;
        if timeline::is_stream(&bytes) {
            return self.timeline(&timeline::read(&bytes, name)?, name, terminal);
        }
        let plan = plan::file::read(file, None)?;
        format::show(&plan, self.format.chosen(), View::Whole, terminal);
        Ok(Exit::Done)
    }

    fn timeline(&self, timeline: &Timeline, name: &str, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        match self.format.chosen() {
            Format::Text => terminal.data(&timeline::text(timeline, name)),
            Format::Html => terminal.data(&timeline::html(timeline)),
            Format::Json | Format::Markdown | Format::Github | Format::Sarif => {
                return Err(Diagnostic::error("an apply is shown as text or HTML")
                    .help("the other forms are for plans; the file itself is JSON, a line per event")
                    .into());
            }
        }
        Ok(Exit::Done)
    }

    fn image(&self, what: &str, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let all = session.images()?;
        let found: Vec<_> = all.iter().filter(|image| is_called(image, what)).cloned().collect();
        if found.is_empty() {
            return Err(no_image(&all, what, &session.whose()).into());
        }
        match self.format.chosen() {
            Format::Json => terminal.data(&images::json(&found, &all)),
            Format::Markdown | Format::Html | Format::Github | Format::Sarif => {
                return Err(Diagnostic::error("an image is shown as text or JSON")
                    .help("the other forms are for plans")
                    .into());
            }
            Format::Text => {
                let details: Vec<_> = found.iter().map(|image| images::detail(image, &all)).collect();
                terminal.data(&details.join("\n"));
            }
        }
        Ok(Exit::Done)
    }
}
