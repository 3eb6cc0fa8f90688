//! What gives another value each time. These are computed by apply only: a plan compares the call, not what it gave, so
//! that nothing is registered again because time has passed.

use std::sync::LazyLock;

use jiff::Timestamp;

use super::time::Moment;
use super::{Answer, Fault, Function, NUMBER, STRING, takes, text, whole};
use crate::lang::value::Value;

/// The clock, and chance.
pub(super) const TABLE: &[Function] = &[
    Function::volatile(
        "bcrypt",
        "The bcrypt hash of a text, with a random salt; a second argument is the cost (default 10).",
        &[takes("str", STRING)],
        bcrypt,
    )
    .variadic(takes("cost", NUMBER)),
    Function::volatile(
        "timestamp",
        "The time of the apply (RFC 3339, UTC); the same in all of one run.",
        &[],
        timestamp,
    ),
    Function::volatile("uuid", "A random UUID.", &[], uuid),
    Function::volatile("uuidv4", "A random UUID. As Packer has it.", &[], uuid),
];

/// All calls of one run give the same time: a name and a tag that are made of it agree.
static NOW: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);

fn timestamp(_: &[Value]) -> Answer {
    Ok(Moment::utc(*NOW).shown().into())
}

fn uuid(_: &[Value]) -> Answer {
    Ok(uuid::Uuid::new_v4().hyphenated().to_string().into())
}

/// Each step of the cost doubles the time: 16 takes some seconds.
const HIGHEST_COST: i64 = 16;

fn bcrypt(arguments: &[Value]) -> Answer {
    let cost = match arguments.len() {
        0 | 1 => 10,
        2 => whole(arguments, 1)?,
        _ => return Err(Fault::call("it takes a text and a cost")),
    };
    if !(4..=HIGHEST_COST).contains(&cost) {
        return Err(Fault::of(1, format!("must lie between 4 and {HIGHEST_COST}")));
    }
    let text = text(arguments, 0);
    if text.len() > 72 {
        return Err(Fault::of(0, "bcrypt takes at most 72 bytes"));
    }
    let hashed = bcrypt::hash_with_result(text, cost as u32).map_err(|error| Fault::call(error.to_string()))?;
    Ok(hashed.format_for_version(bcrypt::Version::TwoA).into())
}
