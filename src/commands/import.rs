//! `bake import`.

use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;

use super::apply::{Carrying, Flags};
use super::exit::Exit;
use super::rights::Rights;
use super::session::{self, ModuleArguments, Session};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::{Plan, import};
use crate::providers::foreign::Foreign;
use crate::spec::ImageSpec;
use crate::ui::Terminal;

/// Take over an image that bake did not make
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Take over an image that bake did not make, as a release of an image block of the module: an AMI by its id \
                  (provider aws), a raw or qcow2 file by its path (provider local), of which the store gets a copy. From then \
                  on plans see it. What is on its disk is not known, so the next plan builds the image as the module says. \
                  What belongs to another project or address is refused.",
    after_help = "\
bake import image.web ami-0a1b2c3d4e5f60718
bake import 'image.web[\"arm64\"]' ami-0a1b2c3d4e5f60718
bake import image.appliance disks/appliance.qcow2
bake import -auto-approve -json image.web ami-0a1b2c3d4e5f60718"
)]
pub struct Args {
    /// The address of an image block.
    #[arg(value_name = "ADDRESS")]
    address: ImageAddress,
    /// The id of an AMI, or the path of a disk image.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    #[command(flatten)]
    module: ModuleArguments,
    #[command(flatten)]
    pub(super) carrying: Carrying,
    /// With false: never ask, fail instead.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    input: bool,
}

impl Args {
    /// Looks at the image, shows what would be taken over, asks, and takes it over.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let flags = Flags::only_carrying(self.carrying, self.input);
        let rights = Rights::obtain();
        flags.recover(terminal)?;
        let contact = session::contact(terminal, self.input, session::saying(terminal));
        let session = Session::of(self.module.load_asking(terminal, self.input)?, &contact)?;
        let who = session.who().unwrap_or_default();
        who.iter().for_each(|who| terminal.say(who));
        let plan = plan(&session, &self.address, &self.id)?;
        terminal.diagnostics(&plan.warnings);
        flags.carry_out(plan, &session, &rights, terminal)
    }
}

fn plan(session: &Session, address: &ImageAddress, id: &str) -> Result<Plan, Diagnostics> {
    let spec = import::declared(&session.module, address)?;
    let foreign = find(session, spec, id)?;
    import::make(&session.module, spec, &session.world()?, foreign)
}

fn find(session: &Session, spec: &ImageSpec, id: &str) -> Result<Foreign, Diagnostic> {
    let provider = session.providers.get(&spec.provider)?;
    let found = session.runtime.block_on(provider.adoption().foreign(id))?;
    found.ok_or_else(|| {
        let (address, key) = (&spec.address, &spec.provider);
        let error = Diagnostic::error(format!("cannot import {id} as {address}: there is no such image"));
        match key.kind.as_str() {
            "local" => error
                .note(format!(
                    "{address} lives with provider {key}, which takes disk images: raw or qcow2 files"
                ))
                .help("give the path of a disk image"),
            _ => error
                .note(format!(
                    "{address} lives with provider {key}, and its account and region have no image {id}"
                ))
                .help("look at the id, and at the region of the provider block"),
        }
    })
}
