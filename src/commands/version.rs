//! `bake version`.

use serde::Serialize;

use super::exit::Exit;
use crate::diagnostic::Diagnostics;
use crate::ui::Terminal;
use crate::ui::json;

/// Say which bake this is
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake version
bake version -json")]
pub struct Args {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// What `-json` prints.
#[derive(Serialize)]
struct Version {
    format_version: &'static str,
    version: &'static str,
    platform: String,
    providers: Vec<&'static str>,
}

impl Args {
    /// Prints name and number.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let version = Version {
            format_version: json::FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            platform: format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH),
            providers: providers(),
        };
        if self.json {
            terminal.data(&json::pretty(&version));
        } else {
            terminal.data(&format!("bake {} on {}\n", version.version, version.platform));
        }
        Ok(Exit::Done)
    }
}

fn providers() -> Vec<&'static str> {
    let aws = cfg!(feature = "aws").then_some("aws");
    aws.into_iter().chain(["local"]).collect()
}
