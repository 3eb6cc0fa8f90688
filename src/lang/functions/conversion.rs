//! Conversions, and marks.

use super::{ANY, Answer, BOOL, Fault, Function, LIST, NUMBER, SET, STRING, takes_null};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Conversions, and marks.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "ephemeralasnull",
        "The value, with null for all that may not be kept.",
        &[takes_null("value", ANY)],
        ANY,
        ephemeralasnull,
    )
    .at_the_top(),
    Function::pure(
        "sensitive",
        "The value, marked as a secret.",
        &[takes_null("value", ANY)],
        ANY,
        sensitive,
    )
    .at_the_top()
    .hiding(),
    Function::pure("tobool", "As a bool.", &[takes_null("v", ANY)], BOOL, tobool).at_the_top(),
    Function::pure(
        "tolist",
        "As a list: all elements become of one type.",
        &[takes_null("v", ANY)],
        LIST,
        tolist,
    )
    .at_the_top(),
    Function::pure(
        "tomap",
        "As a map: all elements become of one type.",
        &[takes_null("v", ANY)],
        ANY,
        tomap,
    )
    .at_the_top(),
    Function::pure("tonumber", "As a number.", &[takes_null("v", ANY)], NUMBER, tonumber).at_the_top(),
    Function::pure(
        "toset",
        "As a set: each element once, in order.",
        &[takes_null("v", ANY)],
        SET,
        toset,
    )
    .at_the_top(),
    Function::pure("tostring", "As a text.", &[takes_null("v", ANY)], STRING, tostring).at_the_top(),
];

fn convert(arguments: &[Value], to: Type) -> Answer {
    arguments[0]
        .convert(&to)
        .map_err(|error| Fault::of(0, error.to_string()))
}

pub(super) fn tobool(arguments: &[Value]) -> Answer {
    convert(arguments, Type::Bool)
}

pub(super) fn tonumber(arguments: &[Value]) -> Answer {
    convert(arguments, Type::Number)
}

pub(super) fn tostring(arguments: &[Value]) -> Answer {
    convert(arguments, Type::String)
}

pub(super) fn tolist(arguments: &[Value]) -> Answer {
    convert(arguments, Type::list(Type::Any))
}

pub(super) fn toset(arguments: &[Value]) -> Answer {
    convert(arguments, Type::set(Type::Any))
}

pub(super) fn tomap(arguments: &[Value]) -> Answer {
    convert(arguments, Type::map(Type::Any))
}

pub(super) fn sensitive(arguments: &[Value]) -> Answer {
    Ok(arguments[0].clone().sensitive())
}

/// Nothing that an expression can refer to is ephemeral in Terraform's sense: what is secret is marked so, and is kept
/// nowhere either.
pub(super) fn ephemeralasnull(arguments: &[Value]) -> Answer {
    Ok(arguments[0].clone())
}
