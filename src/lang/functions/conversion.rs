//! Conversions, and marks.

use super::{Answer, Fault};
use crate::lang::types::Type;
use crate::lang::value::Value;

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
