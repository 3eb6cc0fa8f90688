//! `bake schema`.

use super::exit::Exit;
use crate::diagnostic::Diagnostics;
use crate::module::blocks::BLOCKS;
use crate::schema::json_schema;
use crate::ui::{Terminal, json};

/// Print the JSON Schema of a module
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the JSON Schema of a module in JSON syntax (*.bake.json), from the tables by which bake reads one. With \
                  it, an editor checks and completes such files.",
    after_help = "\
bake schema > bake.schema.json
bake schema | jq -r '.[\"$defs\"].volume.properties | keys[]'     # what may be written in a volume"
)]
pub struct Args {}

impl Args {
    /// Prints it.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        terminal.data(&json::pretty(&json_schema(BLOCKS)));
        Ok(Exit::Done)
    }
}
