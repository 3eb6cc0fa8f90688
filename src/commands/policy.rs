//! `bake policy`.

use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::providers::Rights;
use crate::spec::ImageSpec;
use crate::ui::Terminal;
use crate::ui::json;

/// Print the least rights that this module needs (IAM policy)
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the IAM policy (JSON) with the least rights that bake apply needs for this module, or bake plan.",
    after_help = "\
bake policy > apply.json
bake policy -plan > plan.json"
)]
pub struct Args {
    /// Only what bake plan needs.
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Prints one policy for each provider that has such a thing.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let rights = if self.plan { Rights::Plan } else { Rights::Apply };
        let mut any = false;
        for (key, provider) in session.providers.iter() {
            let images = session
                .module
                .images
                .iter()
                .map(Arc::as_ref)
                .filter(|spec| spec.provider == *key);
            let images: Vec<&ImageSpec> = images.collect();
            if let Some(policy) = provider.policy(&session.module.owner, &images, rights) {
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
