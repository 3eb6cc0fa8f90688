//! How an empty root becomes a system that boots: one file per kind of bootstrap and of boot loader, with its table and
//! what it does.

pub mod debian;
pub mod grub;
pub mod tar;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::host::command::search_path;
use crate::host::helper::{Command, Exit, Input};
use crate::schema::{Block, Given};
use crate::steps::{Output, Site, StepError};

/// The tables of all kinds of `bootstrap`, in the order of the reference.
pub const BLOCKS: &[&Block] = &[&debian::BLOCK, &tar::BLOCK];

/// The tables of all kinds of `boot_loader`, in the order of the reference.
pub const BOOT_LOADERS: &[&Block] = &[&grub::BLOCK];

/// All kinds of `bootstrap`.
pub const BOOTSTRAPS: &[BootstrapKind] = &[debian::KIND, tar::KIND];

/// A kind of `bootstrap`.
#[derive(Debug, Clone, Copy)]
pub struct BootstrapKind {
    /// What may be written.
    pub block: &'static Block,
    /// The bootstrap of these arguments, for an architecture by its name (`x86_64`).
    pub decode: fn(&Given, &str) -> Box<dyn Bootstrap>,
}

/// What fills a root.
#[async_trait]
pub trait Bootstrap: Debug + Send + Sync {
    /// Fills the root, on which nothing but the image's own file systems is mounted. Dropping the future ends it.
    async fn fill(&self, site: &Site, output: &Output) -> Result<(), StepError>;
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static BootstrapKind> {
    BOOTSTRAPS.iter().find(|kind| kind.block.kind == Some(name))
}

/// Runs a program of the builder host that fills the root, with its output shown.
///
/// # Errors
/// If it is missing, or ends with an error.
async fn run(site: &Site, command: Command, input: Input, output: &Output) -> Result<(), StepError> {
    let what = command.argv.first().cloned().unwrap_or_default();
    let timeout = command.timeout;
    let program = crate::host::command::find(&what)?.display().to_string();
    let argv = std::iter::once(program)
        .chain(command.argv.into_iter().skip(1))
        .collect();
    let mut env = site.host_environment(&command.env);
    env.insert("PATH".to_owned(), search_path());
    let command = Command { argv, env, ..command };
    let mut writer = output.writer();
    let exit = site
        .helper
        .run(command, input, |stream, bytes| writer.write(stream, bytes))
        .await?;
    let tail = writer.finish();
    match exit {
        Exit::Code(0) => Ok(()),
        Exit::Stopped => Err(StepError::Stopped),
        exit => Err(StepError::Ended {
            what,
            exit,
            timeout,
            tail,
        }),
    }
}
