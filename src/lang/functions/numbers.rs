//! Functions of numbers.

use bigdecimal::num_bigint::BigInt;

use super::{ANY, Answer, Fault, Function, NUMBER, Wanted, takes, text, whole};
use crate::lang::number::Number;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions of numbers.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "abs",
        "The number without its sign.",
        &[takes("num", NUMBER)],
        NUMBER,
        abs,
    ),
    Function::pure(
        "ceil",
        "Rounded up to a whole number.",
        &[takes("num", NUMBER)],
        NUMBER,
        ceil,
    ),
    Function::pure(
        "floor",
        "Rounded down to a whole number.",
        &[takes("num", NUMBER)],
        NUMBER,
        floor,
    ),
    Function::pure(
        "log",
        "The logarithm of a number to a base.",
        &[takes("num", NUMBER), takes("base", NUMBER)],
        NUMBER,
        log,
    ),
    Function::pure("max", "The largest of the numbers.", &[], NUMBER, max).variadic(takes("numbers", NUMBER)),
    Function::pure("min", "The smallest of the numbers.", &[], NUMBER, min).variadic(takes("numbers", NUMBER)),
    Function::pure(
        "parseint",
        "The whole number that a text writes in a base from 2 to 62.",
        &[takes("number", ANY), takes("base", NUMBER)],
        NUMBER,
        parseint,
    ),
    Function::pure(
        "pow",
        "A number to a power.",
        &[takes("num", NUMBER), takes("power", NUMBER)],
        NUMBER,
        pow,
    ),
    Function::pure(
        "range",
        "The numbers from a start (default 0) to before a limit, in steps (default 1); at most 1,024.",
        &[],
        Wanted::Numbers,
        range,
    )
    .variadic(takes("params", NUMBER)),
    Function::pure(
        "signum",
        "-1, 0 or 1: the sign of a whole number.",
        &[takes("num", NUMBER)],
        NUMBER,
        signum,
    ),
    Function::pure(
        "sum",
        "The sum of the numbers in a list.",
        &[takes("list", ANY)],
        NUMBER,
        sum,
    ),
];

/// More steps than this are refused, as Terraform does.
const LONGEST_RANGE: usize = 1024;
/// Digits that `parseint` reads.
const LONGEST_NUMBER: usize = 10_000;

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

/// Of doubles, as Terraform has it.
fn double(arguments: &[Value], at: usize) -> f64 {
    number(arguments, at).to_f64()
}

/// What is beyond the whole numbers that a double tells apart is taken as it is, the rest by its shortest digits.
fn from_double(result: f64) -> Answer {
    if !result.is_finite() {
        return Err(Fault::call("the result is no number, or too large"));
    }
    let whole = bigdecimal::num_traits::FromPrimitive::from_f64(result).filter(|_| result.fract() == 0.0);
    let number = whole
        .map(|whole: BigInt| Number::from(whole))
        .or_else(|| format!("{result}").parse().ok());
    Ok(number.ok_or_else(|| Fault::call("the result is too small"))?.into())
}

pub(super) fn log(arguments: &[Value]) -> Answer {
    from_double(double(arguments, 0).ln() / double(arguments, 1).ln())
}

pub(super) fn pow(arguments: &[Value]) -> Answer {
    from_double(double(arguments, 0).powf(double(arguments, 1)))
}

pub(super) fn signum(arguments: &[Value]) -> Answer {
    Ok(whole(arguments, 0)?.signum().into())
}

/// Digits, then small letters, then (above base 36) capitals, as Go has it.
pub(super) fn parseint(arguments: &[Value]) -> Answer {
    if arguments[0].as_str().is_none() {
        return Err(Fault::of(
            0,
            format!("a text is required, not {}", arguments[0].type_of().in_words()),
        ));
    }
    let base = whole(arguments, 1)?;
    let base = u32::try_from(base).ok().filter(|base| (2..=62).contains(base));
    let base = base.ok_or_else(|| Fault::of(1, "must lie between 2 and 62"))?;
    let text = text(arguments, 0);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let wrong = || Fault::of(0, format!("{text:?} is no whole number in base {base}"));
    if digits.is_empty() || digits.len() > LONGEST_NUMBER {
        return Err(wrong());
    }
    let mut number = BigInt::from(0);
    for c in digits.chars() {
        let digit = digit(c, base).ok_or_else(wrong)?;
        number = number * base + digit;
    }
    let number = Number::from(number);
    Ok(if text.starts_with('-') {
        (-&number).into()
    } else {
        number.into()
    })
}

fn digit(c: char, base: u32) -> Option<u32> {
    let digit = match c {
        '0'..='9' => c as u32 - '0' as u32,
        'a'..='z' => c as u32 - 'a' as u32 + 10,
        'A'..='Z' if base <= 36 => c as u32 - 'A' as u32 + 10,
        'A'..='Z' => c as u32 - 'A' as u32 + 36,
        _ => return None,
    };
    (digit < base).then_some(digit)
}

pub(super) fn sum(arguments: &[Value]) -> Answer {
    let all = arguments[0].elements();
    let all = all.ok_or_else(|| {
        Fault::of(
            0,
            format!("a list is required, not {}", arguments[0].type_of().in_words()),
        )
    })?;
    if all.is_empty() {
        return Err(Fault::of(0, "it has no elements"));
    }
    let mut total = Number::from(0);
    for (at, one) in all.iter().enumerate() {
        let number = one.convert(&Type::Number).ok().and_then(|one| one.as_number().cloned());
        let number = number.ok_or_else(|| Fault::of(0, format!("element {at} is no number")))?;
        total = total.plus(&number);
    }
    Ok(total.into())
}
