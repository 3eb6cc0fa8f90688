//! Functions of numbers.

use super::{Answer, Fault};
use crate::lang::number::Number;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// More steps than this are refused, as Terraform does.
const LONGEST_RANGE: usize = 1024;

fn number(arguments: &[Value], at: usize) -> Number {
    let found = arguments.get(at).and_then(Value::as_number).cloned();
    found.unwrap_or_else(|| Number::from(0))
}

pub(super) fn abs(arguments: &[Value]) -> Answer {
    Ok(number(arguments, 0).abs().into())
}

pub(super) fn ceil(arguments: &[Value]) -> Answer {
    Ok(number(arguments, 0).ceil().into())
}

pub(super) fn floor(arguments: &[Value]) -> Answer {
    Ok(number(arguments, 0).floor().into())
}

pub(super) fn max(arguments: &[Value]) -> Answer {
    let largest = arguments.iter().filter_map(Value::as_number).max();
    largest.cloned().map(Value::from).ok_or_else(none)
}

pub(super) fn min(arguments: &[Value]) -> Answer {
    let smallest = arguments.iter().filter_map(Value::as_number).min();
    smallest.cloned().map(Value::from).ok_or_else(none)
}

fn none() -> Fault {
    Fault::call("it takes at least one number")
}

/// `range(limit)`, `range(start, limit)`, `range(start, limit, step)`
pub(super) fn range(arguments: &[Value]) -> Answer {
    let zero = Number::from(0);
    let (start, limit) = match arguments.len() {
        1 => (zero.clone(), number(arguments, 0)),
        2 | 3 => (number(arguments, 0), number(arguments, 1)),
        _ => {
            return Err(Fault::call(
                "it takes a limit; or a start and a limit; or a start, a limit and a step",
            ));
        }
    };
    if start == limit {
        return Ok(Value::list(Type::Number, Vec::new()));
    }
    let down = limit < start;
    let step = match arguments.len() {
        3 => number(arguments, 2),
        _ => Number::from(if down { -1 } else { 1 }),
    };
    if step.is_zero() {
        return Err(Fault::of(2, "a step of 0 leads nowhere"));
    }
    if step.is_negative() != down {
        return Err(Fault::of(2, "this step leads away from the limit"));
    }
    let (mut at, mut all) = (start, Vec::new());
    while if down { at > limit } else { at < limit } {
        if all.len() >= LONGEST_RANGE {
            return Err(Fault::call(format!("more than {LONGEST_RANGE} values")));
        }
        all.push(at.clone().into());
        at = at.plus(&step);
    }
    Ok(Value::list(Type::Number, all))
}
