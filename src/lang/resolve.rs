//! Values that were unknown, computed once the nodes that they wait for have been opened.

use std::collections::BTreeMap;

use super::eval;
use super::term::Term;
use super::value::{Kind, Value};
use crate::address::Address;
use crate::diagnostic::Diagnostic;

/// Finds the output of a node that has been opened.
pub type Outputs<'a> = dyn Fn(&Address, &str) -> Option<Value> + 'a;

impl Value {
    /// The value with everything unknown in it computed from the outputs of nodes.
    ///
    /// # Errors
    /// An output that is not there, or what the computation says (`file` and the like are never computed here).
    pub fn resolve(&self, outputs: &Outputs<'_>) -> Result<Value, Diagnostic> {
        if self.is_wholly_known() {
            return Ok(self.clone());
        }
        let resolved = match &self.kind {
            Kind::Unknown(unknown) => {
                let value = unknown.term.resolve(outputs)?;
                value.convert(&unknown.ty).map_err(|error| {
                    Diagnostic::error(format!("{} is not of the type that was planned", unknown.term))
                        .note(error.to_string())
                })?
            }
            Kind::List(ty, all) => Value::list(ty.clone(), resolve_all(all, outputs)?),
            Kind::Set(ty, all) => Value::set(ty.clone(), resolve_all(all, outputs)?),
            Kind::Tuple(all) => Value::tuple(resolve_all(all, outputs)?),
            Kind::Map(ty, all) => Value::map(ty.clone(), resolve_named(all, outputs)?),
            Kind::Object(all) => Value::object(resolve_named(all, outputs)?),
            _ => self.clone(),
        };
        Ok(resolved.marked(self.sensitive))
    }
}

type Named = BTreeMap<String, Value>;

fn resolve_all(all: &[Value], outputs: &Outputs<'_>) -> Result<Vec<Value>, Diagnostic> {
    all.iter().map(|one| one.resolve(outputs)).collect()
}

fn resolve_named(all: &Named, outputs: &Outputs<'_>) -> Result<Named, Diagnostic> {
    all.iter()
        .map(|(name, one)| Ok((name.clone(), one.resolve(outputs)?)))
        .collect()
}

impl Term {
    fn resolve(&self, outputs: &Outputs<'_>) -> Result<Value, Diagnostic> {
        match self {
            Term::Output { of, attribute } => outputs(of, attribute)
                .ok_or_else(|| Diagnostic::error(format!("{of} has no output {attribute:?}")).about(of)),
            Term::Computed(expression) => eval::compute(expression, outputs),
            Term::Withheld => Err(
                Diagnostic::error("a sensitive value is needed that was not written down")
                    .note("sensitive values are kept out of every file")
                    .help("plan again, and apply that plan"),
            ),
        }
    }
}
