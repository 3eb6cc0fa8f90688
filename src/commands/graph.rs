//! `bake graph`.

use std::sync::Arc;

use clap::ValueEnum;

use super::exit::Exit;
use super::session::ModuleArguments;
use crate::diagnostic::Diagnostics;
use crate::graph::{self, print};
use crate::nodes::Node;
use crate::ui::{Terminal, json};

/// Print the graph of nodes, opens and closes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake graph | dot -Tsvg > graph.svg
bake graph -format mermaid
bake graph -format json | jq '.nodes | length'")]
pub struct Args {
    /// How.
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    format: Format,
    #[command(flatten)]
    module: ModuleArguments,
}

/// A form of the graph.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
    /// For programs.
    Json,
}

impl Args {
    /// Compiles the module and prints its graph.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let module = self.module.load(terminal)?;
        terminal.diagnostics(&module.warnings);
        let graph = graph::compile(&module)?;
        let nodes: Vec<Arc<Node>> = graph.nodes().cloned().collect();
        terminal.data(&match self.format {
            Format::Dot => print::dot(&nodes),
            Format::Mermaid => print::mermaid(&nodes),
            Format::Json => json::pretty(&print::to_json(&nodes)),
        });
        Ok(Exit::Done)
    }
}
