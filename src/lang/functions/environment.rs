//! The environment of bake: for defaults of variables only, so that what a module says depends on nothing else.

use super::{Answer, Fault, Function, Run, STRING, takes, text};
use crate::lang::eval::Evaluator;
use crate::lang::value::Value;

/// Functions of the environment.
pub(super) const TABLE: &[Function] = &[Function::new(
    "env",
    "An environment variable, empty if it is not set; in the default of a variable only. As Packer has it.",
    &[takes("name", STRING)],
    STRING,
    Run::Scoped(env),
)];

fn env(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    if !evaluator.scope().environment {
        return Err(Fault::call(
            "the environment is read in the default of a variable only: write default = env(...) there, and var.NAME here",
        ));
    }
    let name = text(arguments, 0);
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Fault::of(0, "this is no name of an environment variable"));
    }
    match std::env::var(name) {
        Ok(value) => Ok(value.into()),
        Err(std::env::VarError::NotPresent) => Ok("".into()),
        Err(std::env::VarError::NotUnicode(_)) => Err(Fault::of(0, format!("{name} does not hold UTF-8 text"))),
    }
}
