//! Functions of sets.

use super::{Answer, Fault, Function, SET, takes};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions of sets.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "setintersection",
        "The elements that all sets have.",
        &[takes("first_set", SET)],
        SET,
        |all| combine(all, |kept, other| kept.retain(|one| has(other, one))),
    )
    .variadic(takes("other_sets", SET)),
    Function::pure(
        "setsubtract",
        "The elements of the first set that the second has not.",
        &[takes("a", SET), takes("b", SET)],
        SET,
        |all| combine(all, |kept, other| kept.retain(|one| !has(other, one))),
    ),
    Function::pure(
        "setunion",
        "The elements that any of the sets has.",
        &[takes("first_set", SET)],
        SET,
        |all| combine(all, |kept, other| kept.extend_from_slice(other)),
    )
    .variadic(takes("other_sets", SET)),
];

/// Elements of a set are in order.
fn has(all: &[Value], one: &Value) -> bool {
    all.binary_search_by(|other| other.order(one)).is_ok()
}

/// All sets as sets of one type, folded from the first on.
fn combine(arguments: &[Value], step: impl Fn(&mut Vec<Value>, &[Value])) -> Answer {
    let empty = |one: &&Value| one.elements().is_none_or(<[Value]>::is_empty) && one.type_of() == Type::set(Type::Any);
    let types: Vec<Type> = arguments.iter().filter(|one| !empty(one)).map(Value::type_of).collect();
    let common = match types.is_empty() {
        true => Type::set(Type::Any),
        false => Type::unify(&types).ok_or_else(|| Fault::call("the sets must have elements of one type"))?,
    };
    let mut sets = Vec::new();
    for (at, one) in arguments.iter().enumerate() {
        sets.push(one.convert(&common).map_err(|error| Fault::of(at, error.to_string()))?);
    }
    let mut all = sets.iter().map(|one| one.elements().unwrap_or_default());
    let mut kept = all.next().unwrap_or_default().to_vec();
    for other in all {
        step(&mut kept, other);
    }
    let element = match common {
        Type::Set(element) => Type::clone(&element),
        _ => Type::Any,
    };
    Ok(Value::set(element, kept))
}
