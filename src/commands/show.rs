//! `bake show`.

use std::path::Path;
use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::address::ImageAddress;
use crate::diagnostic::Diagnostics;
use crate::plan;
use crate::ui::plan::View;
use crate::ui::{Terminal, images};

/// Show a plan file, or an image that stands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake show plan.bakeplan
bake show -json plan.bakeplan
bake show image.web
bake show 'image.web[\"arm64\"]' -json")]
pub struct Args {
    /// A plan file, or the address or id of an image.
    #[arg(value_name = "PLAN|IMAGE")]
    what: String,
    #[command(flatten)]
    module: ModuleArguments,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
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
        let plan = plan::file::read(file, None)?;
        terminal.data(&super::plan::drawn(&plan, self.json, View::Whole, terminal));
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
        match self.json {
            true => terminal.data(&images::json(&found, &all)),
            false => {
                let details: Vec<_> = found.iter().map(|image| images::detail(image, &all)).collect();
                terminal.data(&details.join("\n"));
            }
        }
        Ok(Exit::Done)
    }
}
