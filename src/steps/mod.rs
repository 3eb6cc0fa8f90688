//! Provision steps: one file per kind, with its table and what it does.

pub mod ansible;
pub mod copy;
pub mod every;
pub mod file;
pub mod guests;
pub mod lines;
pub mod local;
pub mod output;
pub mod script;
pub mod shell;
pub mod site;
pub mod transient;

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

pub use every::Every;
pub use output::Output;
pub use site::Site;

use crate::diagnostic::Diagnostic;
use crate::host::error::HostError;
use crate::host::helper::Exit;
use crate::schema::{Block, Given, GivenFile};

/// The tables of all kinds of steps, in the order of the reference.
pub const BLOCKS: &[&Block] = &[&shell::BLOCK, &file::BLOCK, &local::BLOCK, &ansible::BLOCK];

/// All kinds of steps.
pub const STEPS: &[StepKind] = &[shell::KIND, file::KIND, local::KIND, ansible::KIND];

/// A kind of step.
#[derive(Debug, Clone, Copy)]
pub struct StepKind {
    /// What may be written.
    pub block: &'static Block,
    /// The step of these arguments.
    pub decode: fn(&Given) -> Box<dyn Step>,
}

/// What a step does.
#[async_trait]
pub trait Step: Debug + Send + Sync {
    /// Runs it once. Dropping the future ends what it runs.
    async fn run(&self, site: &Site, output: &Output) -> Result<(), StepError>;
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static StepKind> {
    STEPS.iter().find(|kind| kind.block.kind == Some(name))
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A stop was asked for.
    #[error("stopped")]
    Stopped,
    /// The host said no.
    #[error(transparent)]
    Host(#[from] HostError),
    /// What it was given is not as it must be.
    #[error("{}", .0.summary)]
    Said(Diagnostic),
    /// A command ended in a way that does not count as success.
    #[error("{what} {}", ending(exit, timeout))]
    Ended {
        /// `scripts/nginx.sh`.
        what: String,
        /// How.
        exit: Exit,
        /// The limit that it had.
        timeout: Option<Duration>,
        /// Its last lines, masked.
        tail: Vec<String>,
    },
    /// A file on the builder host is not what the plan was made with.
    #[error("{} is not what was planned with", .path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// A file on the builder host cannot be read.
    #[error("cannot read {}: {why}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Something in the image is not as the step needs it.
    #[error("{what}")]
    Unfit {
        /// What, with the path in the image.
        what: String,
        /// What to do.
        help: String,
    },
}

impl StepError {
    /// From what the system said about a file.
    pub fn unreadable(file: &GivenFile, why: &std::io::Error) -> StepError {
        StepError::Unreadable {
            path: file.path.clone(),
            why: why.to_string(),
        }
    }
}

fn ending(exit: &Exit, timeout: &Option<Duration>) -> String {
    match exit {
        Exit::Code(code) => format!("ended with exit code {code}"),
        Exit::Signal(signal) => format!("was killed by signal {signal}"),
        Exit::Stopped => "was stopped".to_owned(),
        Exit::TimedOut => {
            let limit = timeout.map(|limit| format!(" of {}", crate::units::Duration::from(limit)));
            format!("was killed after its timeout{}", limit.unwrap_or_default())
        }
    }
}

impl From<StepError> for Diagnostic {
    fn from(error: StepError) -> Diagnostic {
        let diagnostic = Diagnostic::error(error.to_string());
        match error {
            StepError::Host(error) => error.into(),
            StepError::Said(said) => said,
            StepError::Ended { tail, .. } if !tail.is_empty() => {
                diagnostic.note(format!("last lines:\n    {}", tail.join("\n    ")))
            }
            StepError::Changed { .. } => diagnostic
                .note("its bytes are refused before they reach the image")
                .help("plan again, or put the file back"),
            StepError::Unfit { help, .. } => diagnostic.help(help),
            _ => diagnostic,
        }
    }
}
