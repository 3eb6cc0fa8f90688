//! `bake recover`.

use std::path::Path;
use std::sync::Arc;

use super::apply::BAKE_DIRECTORY;
use super::exit::Exit;
use super::session;
use crate::apply;
use crate::apply::recover::{Recovered, Scope};
use crate::diagnostic::Diagnostics;
use crate::ui::Terminal;

/// Finish the teardown of runs that were cut off
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Finish the teardown of runs that were cut off, and end what -on-error keep left standing. bake apply does \
                  the first by itself.",
    after_help = "bake recover"
)]
pub struct Args {}

impl Args {
    /// Reads the journals and closes what stands.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        if !Path::new(BAKE_DIRECTORY).exists() {
            terminal.say("There is nothing to recover in this directory: no bake has run here.");
            return Ok(Exit::Done);
        }
        let contact = session::contact(terminal, true, session::saying(terminal));
        let recovering = apply::recover(Path::new(BAKE_DIRECTORY), Scope::DeadAndKept, "bake recover", &contact);
        let recovered = session::runtime()?.block_on(recovering)?;
        Ok(told(&recovered, terminal))
    }
}

fn told(recovered: &[Recovered], terminal: &Terminal) -> Exit {
    let stuck = recovered.iter().flat_map(|run| &run.stuck);
    let stuck: Diagnostics = stuck.map(|(address, why)| why.clone().about(address)).collect();
    terminal.diagnostics(&stuck);
    match (recovered.is_empty(), stuck.is_empty()) {
        (true, _) => terminal.say("There is nothing to recover."),
        (false, true) => terminal.say("Recovered. Nothing is left."),
        (false, false) => terminal.say("Something is left standing; bake recover tries again."),
    }
    if stuck.is_empty() { Exit::Done } else { Exit::Failed }
}
