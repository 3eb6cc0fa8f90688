//! `bake policy`.

use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::module::Module;
use crate::providers::{Rights, Uses};
use crate::spec::ProviderKey;
use crate::ui::Terminal;
use crate::ui::json;

/// Print the least rights that this module needs (IAM policy)
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the IAM policy (JSON) with the least rights that bake apply needs for this module, or bake plan, or \
                 bake import.",
    after_help = "\
bake policy > apply.json
bake policy -plan > plan.json
bake policy -import > import.json"
)]
pub struct Args {
    /// Only what bake plan needs.
    #[arg(long)]
    plan: bool,
    /// Only what bake import needs.
    #[arg(long, conflicts_with = "plan")]
    import: bool,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Prints one policy for each provider that has such a thing.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let rights = match (self.plan, self.import) {
            (true, _) => Rights::Plan,
            (_, true) => Rights::Import,
            _ => Rights::Apply,
        };
        let mut any = false;
        for (key, provider) in session.providers.iter() {
            if let Some(policy) = provider.policy(&uses(&session.module, key), rights) {
                terminal.data(&json::pretty(&policy));
                any = true;
            }
        }
        match any {
            true => Ok(Exit::Done),
            false => Err(Diagnostic::error("no provider of this module has policies")
                .help("only provider \"aws\" does")
                .into()),
        }
    }
}

/// What the module has to do with one of its providers.
fn uses<'a>(module: &'a Module, key: &ProviderKey) -> Uses<'a> {
    let images = module.images.iter().map(Arc::as_ref);
    let sources = module.data.iter().filter(|one| one.provider.as_ref() == Some(key));
    Uses {
        owner: &module.owner,
        images: images.filter(|spec| spec.provider == *key).collect(),
        sources: sources.map(|one| one.asked.as_ref()).collect(),
    }
}
