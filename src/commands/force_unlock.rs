//! `bake force-unlock`.

use std::path::Path;
use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::locks::{self, Holder};
use crate::host::{files, machine};
use crate::ui::Terminal;

/// Take away the lock of an image from a run that can no longer give it back
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Take away the lock of an image from a run that can no longer give it back. The kernel frees a lock when \
                  its process ends, so this is for a store that is shared with a host that is gone; a lock that a living \
                  process of this host holds is not taken away.",
    after_help = "\
bake force-unlock image.web
bake force-unlock image.web -auto-approve"
)]
pub struct Args {
    /// The image.
    #[arg(value_name = "IMAGE")]
    image: ImageAddress,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Shows who holds the lock, asks, and removes it.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let declared = session.module.images.iter().find(|image| image.address == self.image);
        let declared = declared.ok_or_else(|| no_such_image(&self.image))?;
        let provider = session.providers.get(&declared.provider).map_err(Diagnostic::from)?;
        let path = provider.lock_path(&session.module.owner, &self.image);
        let Some(path) = path.filter(|path| path.exists()) else {
            return Ok(self.free(terminal));
        };
        if locks::is_free(&path)? {
            return Ok(self.free(terminal));
        }
        self.take_away(&path, terminal)
    }

    fn free(&self, terminal: &Terminal) -> Exit {
        terminal.say(&format!("Nobody holds the lock of {}.", self.image));
        Exit::Done
    }

    fn take_away(&self, path: &Path, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let holder = locks::holder(path);
        if let Some(here) = holder.as_ref().filter(|holder| holder.host == machine::hostname()) {
            return Err(alive(&self.image, here).into());
        }
        let by = holder.map_or_else(|| "somebody".to_owned(), |holder| who(&holder));
        let question = format!(
            "The lock of {} is held by {by}.\nTake it away? Only \"yes\" will do: ",
            self.image
        );
        if !super::confirm::asked(terminal, self.auto_approve, true, &question)? {
            return Ok(Exit::Failed);
        }
        files::remove(path)?;
        terminal.say(&format!("The lock of {} is free.", self.image));
        Ok(Exit::Done)
    }
}

fn who(holder: &Holder) -> String {
    format!("{} (pid {} on {})", holder.command, holder.process.pid, holder.host)
}

fn alive(image: &ImageAddress, holder: &Holder) -> Diagnostic {
    Diagnostic::error(format!(
        "the lock of {image} is held by a process that runs: {}",
        who(holder)
    ))
    .note("the kernel frees it when that process ends")
    .help(format!("wait for it, or end it: kill {}", holder.process.pid))
}

fn no_such_image(image: &ImageAddress) -> Diagnostic {
    Diagnostic::error(format!("the module has no {image}")).help("bake graph and bake plan show its images")
}
