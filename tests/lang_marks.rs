//! What every function does with secrets and with what is not known yet, over all recorded calls: each leaf of each
//! argument is marked, and made unknown, in turn.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

#[path = "support/recorded.rs"]
mod recorded;

use bake::address::Address;
use bake::diagnostic::Diagnostics;
use bake::lang::syntax::{Expression, ExpressionKind};
use bake::lang::{self, Scope, Term, Type, Value, parse_expression};
use bake::source::{Source, Span};
use recorded::{Locals, answers, testdata};

/// A recorded call with the values of its arguments.
struct Call {
    text: String,
    name: String,
    arguments: Vec<Value>,
    expand: bool,
}

impl Call {
    fn read(text: &str, locals: &Locals) -> Option<Call> {
        let parsed = parse_expression(&Source::new("x", text)).ok()?;
        let ExpressionKind::Call {
            name,
            arguments,
            expand,
        } = parsed.kind
        else {
            return None;
        };
        // These look at the expressions themselves.
        if ["try", "can", "nonsensitive", "issensitive", "convert", "templatestring"].contains(&name.as_str()) {
            return None;
        }
        let values: Result<Vec<Value>, Diagnostics> = arguments.iter().map(|one| compute(one, locals)).collect();
        Some(Call {
            text: text.to_owned(),
            name,
            arguments: values.ok()?.iter().map(Value::revealed).collect(),
            expand,
        })
    }

    fn with(&self, locals: &Locals, at: usize, argument: Value) -> Result<Value, Diagnostics> {
        let mut arguments = self.arguments.clone();
        arguments[at] = argument;
        let kind = ExpressionKind::Call {
            name: self.name.clone(),
            arguments: arguments
                .into_iter()
                .map(|one| Expression::value(one, Span::nowhere()))
                .collect(),
            expand: self.expand,
        };
        compute(&Expression::new(kind, Span::nowhere()), locals)
    }
}

fn compute(expression: &Expression, locals: &Locals) -> Result<Value, Diagnostics> {
    let directory = testdata();
    lang::evaluate(expression, &Scope::new(locals).in_directory(&directory))
}

/// The value with `change` of one leaf, for each leaf.
fn variants(value: &Value, change: &dyn Fn(&Value) -> Option<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    if let Some(elements) = value.elements() {
        for (at, one) in elements.iter().enumerate() {
            for changed in variants(one, change) {
                let mut copy = elements.to_vec();
                copy[at] = changed;
                all.push(match value.type_of() {
                    Type::List(of) => Value::list(Type::clone(&of), copy),
                    Type::Set(of) => Value::set(Type::clone(&of), copy),
                    _ => Value::tuple(copy),
                });
            }
        }
    } else if let Some(attributes) = value.attributes() {
        for (name, one) in attributes {
            for changed in variants(one, change) {
                let mut copy = attributes.clone();
                copy.insert(name.clone(), changed);
                all.push(match value.type_of() {
                    Type::Map(of) => Value::map(Type::clone(&of), copy),
                    _ => Value::object(copy),
                });
            }
        }
    } else {
        all.extend(change(value));
    }
    all
}

/// Another value of the same type.
fn other(leaf: &Value) -> Option<Value> {
    match (leaf.as_str(), leaf.as_bool(), leaf.as_number()) {
        (Some(text), ..) => Some(format!("{text}1").into()),
        (_, Some(answer), _) => Some((!answer).into()),
        (.., Some(number)) => Some(number.plus(&1.into()).into()),
        _ => None,
    }
}

fn unknown(leaf: &Value) -> Option<Value> {
    let of: Address = "image.test".parse().ok()?;
    let term = Term::Output {
        of,
        attribute: "leaf".into(),
    };
    Some(Value::unknown(leaf.type_of(), term))
}

fn calls(locals: &Locals) -> Vec<Call> {
    let all: Vec<Call> = answers()
        .iter()
        .filter_map(|(text, _)| Call::read(text, locals))
        .collect();
    assert!(all.len() > 600, "only {} calls", all.len());
    all
}

/// All leaves of a value, in the order of `variants`.
fn leaves(value: &Value) -> Vec<Value> {
    match value.children().next().is_some() || value.elements().is_some() || value.attributes().is_some() {
        true => value.children().flat_map(leaves).collect(),
        false => vec![value.clone()],
    }
}

/// A result without a mark says nothing of a marked leaf: with another value there it is the same.
#[test]
fn no_function_gives_a_secret_away() {
    let locals = Locals::read();
    let (mut tried, mut wrong) = (0, Vec::new());
    for call in calls(&locals) {
        for (at, argument) in call.arguments.iter().enumerate() {
            let marked = variants(argument, &|leaf| other(leaf).map(|_| leaf.clone().sensitive()));
            let others = variants(argument, &|leaf| other(leaf).map(Value::sensitive));
            for (marked, changed) in marked.into_iter().zip(others) {
                tried += 1;
                let (first, second) = (call.with(&locals, at, marked), call.with(&locals, at, changed));
                if let (Ok(first), Ok(second)) = (&first, &second)
                    && !first.contains_sensitive()
                    && first != second
                {
                    wrong.push(format!("{}: argument {at}: {first:?} / {second:?}", call.text));
                }
            }
        }
    }
    assert!(tried > 1500, "only {tried} leaves were marked");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is said of a call that fails does not repeat a secret in it.
#[test]
fn no_error_repeats_a_secret() {
    let locals = Locals::read();
    let secret = |leaf: &Value| leaf.as_str().map(|_| Value::from("hunter2-secret").sensitive());
    let (mut failed, mut wrong) = (0, Vec::new());
    for call in calls(&locals) {
        for (at, argument) in call.arguments.iter().enumerate() {
            for changed in variants(argument, &secret) {
                let Err(errors) = call.with(&locals, at, changed) else {
                    continue;
                };
                failed += 1;
                let said = format!("{errors:?}");
                if said.contains("hunter2") {
                    wrong.push(format!("{}: {said}", call.text));
                }
            }
        }
    }
    assert!(failed > 100, "only {failed} calls failed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With a leaf that is not known yet, the result is what it would be with the leaf there, as soon as it is there; and what
/// of the result is known before is right.
#[test]
fn what_is_unknown_comes_out_right_later() {
    let locals = Locals::read();
    let (mut tried, mut wrong) = (0, Vec::new());
    for call in calls(&locals) {
        for (at, argument) in call.arguments.iter().enumerate() {
            let now = call.with(&locals, at, argument.clone());
            for (leaf, open) in leaves(argument).into_iter().zip(variants(argument, &unknown)) {
                tried += 1;
                // Sets put what is unknown elsewhere; files are never read later.
                let Ok(waiting) = call.with(&locals, at, open) else {
                    continue;
                };
                let later = waiting.resolve(&|_, _| Some(leaf.clone()));
                let same = match (&now, &later) {
                    (Ok(now), Ok(later)) => lang::print(now) == lang::print(later) || call.name == "bcrypt",
                    (Err(_), Err(_)) => true,
                    (Err(_), Ok(_)) | (Ok(_), Err(_)) => false,
                };
                if !same {
                    wrong.push(format!(
                        "{}: argument {at}, leaf {leaf:?}:\n  {now:?}\n  {later:?}",
                        call.text
                    ));
                }
            }
        }
    }
    assert!(tried > 1500, "only {tried} leaves were unknown");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
