//! Values that were unknown, computed once the nodes that they wait for have been opened.

use std::collections::BTreeMap;

use super::eval;
use super::syntax::{Expression, ExpressionKind};
use super::term::Term;
use super::value::{Kind, Value};
use crate::address::Address;
use crate::diagnostic::Diagnostic;

/// Finds the output of a node that has been opened.
pub type Outputs<'a> = dyn Fn(&Address, &str) -> Option<Value> + 'a;
/// Finds the value of a sensitive variable by its name and revision.
pub type Variables<'a> = dyn Fn(&str, u64) -> Option<Value> + 'a;

/// Where unknown values come from.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    outputs: &'a Outputs<'a>,
    variables: &'a Variables<'a>,
}

impl Value {
    /// The value with everything unknown in it computed from the outputs of nodes.
    ///
    /// # Errors
    /// An output that is not there, or what the computation says (`file` and the like are never computed here).
    pub fn resolve(&self, outputs: &Outputs<'_>) -> Result<Value, Diagnostic> {
        self.resolve_with(outputs, &|_, _| None)
    }

    /// The same for what stands for a secret: sensitive variables are put in again.
    ///
    /// # Errors
    /// As [`Value::resolve`], and a variable that is not there.
    pub fn resolve_with(&self, outputs: &Outputs<'_>, variables: &Variables<'_>) -> Result<Value, Diagnostic> {
        self.settle(Known { outputs, variables })
    }

    /// [`Value::resolve`] of a value for which nothing has to be waited any more; none of another.
    pub fn resolve_ready(&self, outputs: &Outputs<'_>) -> Option<Result<Value, Diagnostic>> {
        let mut leaves = self.leaves().into_iter();
        let ready = leaves.all(|(of, attribute)| outputs(&of, &attribute).is_some());
        (ready && self.volatile().is_none()).then(|| self.resolve(outputs))
    }

    /// The value with the outputs that are there put in, while the rest waits. What changes each time waits in any case.
    pub fn resolve_partly(&self, outputs: &Outputs<'_>) -> Value {
        if let Some(resolved) = self.resolve_ready(outputs) {
            return resolved.unwrap_or_else(|_| self.clone());
        }
        let each = |all: &[Value]| all.iter().map(|one| one.resolve_partly(outputs)).collect::<Vec<_>>();
        let named = |all: &Named| {
            all.iter()
                .map(|(name, one)| (name.clone(), one.resolve_partly(outputs)))
                .collect()
        };
        let partly = match &self.kind {
            Kind::Unknown(unknown) => match &unknown.term {
                Term::Computed(expression) => {
                    let computed = partly(expression, outputs);
                    Value::unknown(unknown.ty.clone(), Term::Computed(Box::new(computed)))
                }
                _ => self.clone(),
            },
            Kind::List(ty, all) => Value::list(ty.clone(), each(all)),
            Kind::Set(ty, all) => Value::set(ty.clone(), each(all)),
            Kind::Tuple(all) => Value::tuple(each(all)),
            Kind::Map(ty, all) => Value::map(ty.clone(), named(all)),
            Kind::Object(all) => Value::object(named(all)),
            _ => self.clone(),
        };
        partly.marked(self.sensitive)
    }

    pub(super) fn settle(&self, known: Known<'_>) -> Result<Value, Diagnostic> {
        if self.is_wholly_known() {
            return Ok(self.clone());
        }
        let resolved = match &self.kind {
            Kind::Unknown(unknown) => {
                let value = unknown.term.resolve(known)?;
                value.convert(&unknown.ty).map_err(|error| {
                    Diagnostic::error(format!("{} is not of the type that was planned", unknown.term))
                        .note(error.to_string())
                })?
            }
            Kind::List(ty, all) => Value::list(ty.clone(), resolve_all(all, known)?),
            Kind::Set(ty, all) => Value::set(ty.clone(), resolve_all(all, known)?),
            Kind::Tuple(all) => Value::tuple(resolve_all(all, known)?),
            Kind::Map(ty, all) => Value::map(ty.clone(), resolve_named(all, known)?),
            Kind::Object(all) => Value::object(resolve_named(all, known)?),
            _ => self.clone(),
        };
        Ok(resolved.marked(self.sensitive))
    }
}

fn partly(expression: &Expression, outputs: &Outputs<'_>) -> Expression {
    let kind = match &expression.kind {
        ExpressionKind::Value(value) => ExpressionKind::Value(value.resolve_partly(outputs)),
        other => {
            let rebuilt = other.rebuilt(&mut |part| Ok::<_, std::convert::Infallible>(partly(part, outputs)));
            rebuilt.unwrap_or_else(|never| match never {})
        }
    };
    Expression::new(kind, expression.span.clone())
}

type Named = BTreeMap<String, Value>;

fn resolve_all(all: &[Value], known: Known<'_>) -> Result<Vec<Value>, Diagnostic> {
    all.iter().map(|one| one.settle(known)).collect()
}

fn resolve_named(all: &Named, known: Known<'_>) -> Result<Named, Diagnostic> {
    all.iter()
        .map(|(name, one)| Ok((name.clone(), one.settle(known)?)))
        .collect()
}

impl Term {
    fn resolve(&self, known: Known<'_>) -> Result<Value, Diagnostic> {
        match self {
            Term::Output { of, attribute } => (known.outputs)(of, attribute)
                .ok_or_else(|| Diagnostic::error(format!("{of} has no output {attribute:?}")).about(of)),
            Term::Computed(expression) => eval::compute(expression, known),
            Term::Variable { name, revision } => (known.variables)(name, *revision).ok_or_else(|| {
                Diagnostic::error(format!(
                    "the sensitive variable \"{name}\", revision {revision}, is needed"
                ))
                .help(format!("give it as when the plan was made: BAKE_VAR_{name}"))
            }),
            Term::Data { of, .. } => Err(Diagnostic::error(format!("{of} has not been read"))),
            Term::Withheld => Err(
                Diagnostic::error("a sensitive value is needed that was not written down")
                    .note("sensitive values are kept out of every file")
                    .help("plan again, and apply that plan"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::types::Type;

    #[test]
    fn what_stands_for_a_secret_is_written_down_and_resolved() {
        let term = Term::Variable {
            name: "token".into(),
            revision: 3,
        };
        let stands = Value::list(Type::String, vec!["a".into(), Value::unknown(Type::String, term)]);
        let text = serde_json::to_string(&stands).unwrap();
        assert!(text.contains(r#""variable":{"name":"token","revision":3}"#), "{text}");
        let back: Value = serde_json::from_str(&text).unwrap();
        let find = |name: &str, revision| (name == "token" && revision == 3).then(|| Value::from("x").sensitive());
        let secret = back.resolve_with(&|_, _| None, &find).unwrap();
        assert_eq!(secret.children().nth(1).and_then(Value::as_str), Some("x"));
        assert!(secret.contains_sensitive());
        assert!(back.resolve(&|_, _| None).is_err());
    }

    #[test]
    fn what_the_clock_decides_waits_and_the_rest_does_not() {
        let of: Address = "image.web".parse().unwrap();
        let release = Value::unknown(
            Type::String,
            Term::Output {
                of: of.clone(),
                attribute: "release".into(),
            },
        );
        let parse = |text: &str| crate::lang::parse_expression(&crate::source::Source::new("x", text)).unwrap();
        let now =
            crate::lang::evaluate(&parse("timestamp()"), &crate::lang::Scope::new(&crate::lang::Nothing)).unwrap();
        assert_eq!(now.volatile(), Some("timestamp"));
        let parts = [release, " at ".into(), now].map(|one| Expression::value(one, crate::source::Span::nowhere()));
        let term = Term::Computed(Box::new(Expression::new(
            ExpressionKind::Template(parts.to_vec()),
            crate::source::Span::nowhere(),
        )));
        let text = Value::unknown(Type::String, term);
        let outputs = |_: &Address, name: &str| (name == "release").then(|| Value::from("0f1e"));
        let partly = text.resolve_partly(&outputs);
        assert!(!partly.is_known() && partly.leaves().is_empty() && partly.volatile().is_some());
        let settled = partly.resolve(&|_, _| None).unwrap();
        assert!(settled.as_str().unwrap().starts_with("0f1e at 20"), "{settled:?}");
    }
}
