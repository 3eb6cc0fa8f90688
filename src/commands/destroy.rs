//! `bake destroy`.

use std::sync::Arc;

use super::apply::Flags;
use super::exit::Exit;
use crate::diagnostic::Diagnostics;
use crate::ui::Terminal;

/// Remove the images of the module
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Remove every image of this project and workspace, after asking. It is bake apply -destroy.",
    after_help = "\
bake destroy
bake destroy -target image.web
bake plan -destroy                # only show what would go"
)]
pub struct Args {
    #[command(flatten)]
    pub(super) flags: Flags,
}

impl Args {
    /// Plans the removal, asks, and removes.
    pub fn run(mut self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        self.flags.planning.destroy = true;
        self.flags.run(terminal)
    }
}
