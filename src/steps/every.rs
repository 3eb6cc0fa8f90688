//! Arguments that every step takes: when it runs, how long, and how often.

use crate::schema::{Argument, Class, Default, Type, argument};

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
