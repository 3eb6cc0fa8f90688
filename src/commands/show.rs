//! `bake show`.

use std::path::Path;
use std::sync::Arc;

use super::exit::Exit;
use super::format::{self, Format, FormatArguments};
use super::session::{ModuleArguments, Session};
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
bake show -format html events.jsonl > timeline.html   # of bake apply -json > events.jsonl
bake show image.web
bake show 'image.web[\"arm64\"]' -json")]
pub struct Args {
    /// A plan file, a file with the events of an apply, or the address or id of an image.
    #[arg(value_name = "PLAN|EVENTS|IMAGE")]
    what: String,
    #[command(flatten)]
    module: ModuleArguments,
    #[command(flatten)]
    format: FormatArguments,
}

impl Args {
    /// Reads the file or asks the providers, and prints.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let file = Path::new(&self.what);
        match self.what.parse::<ImageAddress>() {
            Err(_) if file.is_file() => self.plan(file, terminal),
            _ => self.image(terminal),
        }
    }

    fn plan(&self, file: &Path, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let bytes = files::read(file)?;
        if timeline::is_stream(&bytes) {
            return self.timeline(&timeline::read(&bytes, &self.what)?, terminal);
        }
        let plan = plan::file::read(file, None)?;
        format::show(&plan, self.format.chosen(), View::Whole, terminal);
        Ok(Exit::Done)
    }

    fn timeline(&self, timeline: &Timeline, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        match self.format.chosen() {
            Format::Text => terminal.data(&timeline::text(timeline, &self.what)),
            Format::Html => terminal.data(&timeline::html(timeline)),
            Format::Json | Format::Markdown | Format::Github | Format::Sarif => {
                return Err(Diagnostic::error("an apply is shown as text or HTML")
                    .help("the other forms are for plans; the file itself is JSON, a line per event")
                    .into());
            }
        }
        Ok(Exit::Done)
    }

    fn image(&self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let all = session.images()?;
        let is_it = |id: &str, address: String| self.what == id || self.what == address;
        let mut found = all.clone();
        found.retain(|image| is_it(&image.id.0, image.manifest.address.to_string()));
        if found.is_empty() {
            return Err(super::session::no_image(&self.what, &session.whose()).into());
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
