//! `bake validate`.

use std::sync::Arc;

use super::exit::Exit;
use super::format::{MessageFormat, place_in_repository};
use super::session::ModuleArguments;
use crate::diagnostic::Diagnostics;
use crate::providers::Contact;
use crate::ui::validation::Written;
use crate::ui::{Terminal, annotations, json};
use crate::{graph, module::Module, providers};

/// Say what is wrong with the module, all of it at once
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Say what is wrong with the module, all of it at once. Nothing outside of the module is asked, and a variable without a value may have any.",
    after_help = "\
bake validate
bake validate -var release=trixie
bake validate -format github              # in a workflow
bake validate -json | jq '.diagnostics[].summary'"
)]
pub struct Args {
    #[command(flatten)]
    module: ModuleArguments,
    /// Print what is wrong as JSON.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// In which form what is wrong is printed.
    #[arg(long, value_name = "FORM", default_value = "text", hide_default_value = true)]
    format: MessageFormat,
}

impl Args {
    /// Evaluates and compiles the module.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let checked = self.module.load_offline(terminal).and_then(check);
        let (said, images) = match checked {
            Ok((images, warnings)) => (warnings, Some(images)),
            Err(errors) => (errors, None),
        };
        match if self.json { MessageFormat::Json } else { self.format } {
            MessageFormat::Json => terminal.data(&json::pretty(&Written::new(&said))),
            MessageFormat::Github => terminal.data(&annotations::github(&said, None, &place_in_repository())),
            MessageFormat::Sarif => terminal.data(&annotations::sarif(&said, None, &place_in_repository())),
            MessageFormat::Text => {
                terminal.diagnostics(&said);
                if let Some((images, waiting)) = images {
                    let s = if images + waiting == 1 { "" } else { "s" };
                    let all = images + waiting;
                    let of_them = match waiting {
                        0 => String::new(),
                        _ => format!(
                            "; more can be said of {waiting} when all variables and data sources are known, by bake plan"
                        ),
                    };
                    terminal.data(&format!("The module is valid: {all} image{s}{of_them}.\n"));
                }
            }
        }
        Ok(if images.is_some() { Exit::Done } else { Exit::Failed })
    }
}

/// How many images there are, and how many of which nothing can be said yet, with the warnings.
fn check(module: Module) -> Result<((usize, usize), Diagnostics), Diagnostics> {
    let mut said = module.warnings.clone();
    said.take(graph::check(&module));
    // A store that a variable without a value names cannot be looked at.
    let stores_known = module
        .providers
        .iter()
        .all(|one| one.key.kind != "local" || one.store.is_some());
    if let Some(providers) = stores_known
        .then(|| providers::open(&module.providers, &Contact::nobody()))
        .and_then(|opened| said.take(opened))
    {
        for image in &module.images {
            let provider = said.take(
                providers
                    .get(&image.provider)
                    .map_err(crate::diagnostic::Diagnostic::from),
            );
            said.extend(provider.map(|provider| provider.check(image)).unwrap_or_default());
        }
    }
    said.into_result((module.images.len(), module.waiting.len()))
}
