//! Arguments that every step takes: when it runs, how long, and how often.

use std::time::Duration;

use super::{Output, Site, Step, StepError};
use crate::schema::{Argument, Class, Default, Given, Type, argument};

/// `timeout`
pub const TIMEOUT: Argument = argument("timeout", Type::Duration, Class::Run)
    .doc("How long the step may take before it is killed. Without it there is no limit.");

/// `retries`
pub const RETRIES: Argument = argument("retries", Type::Integer(0, 100), Class::Run)
    .default(Default::Integer(0))
    .doc("How often the step is run again after it failed.");

/// `pause_before`
pub const PAUSE_BEFORE: Argument =
    argument("pause_before", Type::Duration, Class::Run).doc("How long to wait before the step begins.");

/// `when`
pub const WHEN: Argument = argument("when", Type::Bool, Class::Bytes)
    .default(Default::Bool(true))
    .doc("Whether the image has this step at all.");

/// `allow_failure`
pub const ALLOW_FAILURE: Argument = argument("allow_failure", Type::Bool, Class::Bytes)
    .default(Default::Bool(false))
    .doc("Whether the build goes on when the step fails.");

/// `checkpoint`
pub const CHECKPOINT: Argument = argument("checkpoint", Type::Bool, Class::Run)
    .doc("Keeps a snapshot of the volume after this step.")
    .unsupported("checkpoints are not supported yet");

/// How a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Every {
    /// Whether it runs at all.
    pub when: bool,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// How many more attempts there are.
    pub retries: u64,
    /// Before the first attempt.
    pub pause_before: Option<Duration>,
    /// Whether a failure is only a message.
    pub allow_failure: bool,
}

impl Every {
    /// From the arguments of any step.
    pub fn of(given: &Given) -> Every {
        Every {
            when: given.flag("when"),
            timeout: given.duration("timeout").map(crate::units::Duration::as_std),
            retries: given.whole("retries").unwrap_or(0),
            pause_before: given.duration("pause_before").map(crate::units::Duration::as_std),
            allow_failure: given.flag("allow_failure"),
        }
    }

    /// Runs a step by these rules.
    ///
    /// # Errors
    /// That of the last attempt, unless failures are allowed; a stop is never one of them.
    pub async fn run(&self, step: &dyn Step, site: &Site, output: &Output) -> Result<(), StepError> {
        if !self.when {
            return Ok(());
        }
        if let Some(pause) = self.pause_before {
            tokio::time::sleep(pause).await;
        }
        match self.attempts(step, site, output).await {
            Err(StepError::Stopped) => Err(StepError::Stopped),
            Err(error) if self.allow_failure => {
                output.say(&format!("bake: {error}; allow_failure is set, so the build goes on"));
                Ok(())
            }
            other => other,
        }
    }

    async fn attempts(&self, step: &dyn Step, site: &Site, output: &Output) -> Result<(), StepError> {
        let mut left = self.retries;
        loop {
            match step.run(site, output).await {
                Err(error) if left > 0 && !matches!(error, StepError::Stopped | StepError::Changed { .. }) => {
                    output.say(&format!("bake: {error}; trying again, {left} left"));
                    left -= 1;
                }
                other => return other,
            }
        }
    }
}
