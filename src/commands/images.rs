//! `bake images`.

use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::diagnostic::Diagnostics;
use crate::ui::{Terminal, images};

/// List the images that stand
#[derive(Debug, clap::Args)]
#[command(
    long_about = "List the images of this project and workspace that stand, every release of each.",
    after_help = "\
bake images
bake images -workspace=staging
bake images -json | jq -r '.images[] | select(.current).id'"
)]
pub struct Args {
    #[command(flatten)]
    module: ModuleArguments,
    /// Print them as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// Asks the providers and prints what they say.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let all = session.images()?;
        match self.json {
            true => terminal.data(&images::json(&all, &all)),
            false if all.is_empty() => terminal.say(&format!("No images stand in {}.", session.whose())),
            false => terminal.data(&images::list(&all)),
        }
        Ok(Exit::Done)
    }
}
