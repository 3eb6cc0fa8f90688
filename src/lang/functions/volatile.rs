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
        "The bcrypt hash of a text of up to 72 bytes, with a random salt. A second argument is the cost, 4 to 20: each step \
         doubles the time, and 20 takes about a minute. It is 10 by default, and if it is less than 4.",
        &[takes("str", STRING)],
        |arguments| hashable(arguments).map(drop),
        bcrypt,
    )
    .variadic(takes("cost", NUMBER)),
    Function::volatile(
        "timestamp",
        "The time of the apply (RFC 3339, UTC); the same in all of one run.",
        &[],
        |_| Ok(()),
        timestamp,
    ),
    Function::volatile("uuid", "A random UUID.", &[], |_| Ok(()), uuid),
    Function::volatile("uuidv4", "A random UUID. As Packer has it.", &[], |_| Ok(()), uuid),
];

/// All calls of one run give the same time: a name and a tag that are made of it agree.
static NOW: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);

fn timestamp(_: &[Value]) -> Answer {
    Ok(Moment::utc(*NOW).shown().into())
}

fn uuid(_: &[Value]) -> Answer {
    Ok(uuid::Uuid::new_v4().hyphenated().to_string().into())
}

/// What is meant by a cost that is less than the least.
const USUAL_COST: u32 = 10;

/// Costs of the notation (`$2a$31$`).
const COSTS: std::ops::RangeInclusive<i64> = 4..=31;

/// Each step of the cost doubles the time: 20 takes about a minute, 26 more than an hour, 31 more than a day. Nothing
/// stops the computation once it has begun.
const HIGHEST_COST: i64 = 20;

fn bcrypt(arguments: &[Value]) -> Answer {
    let (text, cost) = hashable(arguments)?;
    let hashed = bcrypt::hash_with_result(text, cost).map_err(|error| Fault::call(error.to_string()))?;
    Ok(hashed.format_for_version(bcrypt::Version::TwoA).into())
}

/// Text and cost. As Terraform has it (golang.org/x/crypto/bcrypt, `newFromPassword`) a cost under the least is the usual one,
/// one over the highest an error, and so is a text over 72 bytes.
fn hashable(arguments: &[Value]) -> Result<(&str, u32), Fault> {
    let cost = match arguments.len() {
        0 | 1 => USUAL_COST,
        2 => cost(whole(arguments, 1)?)?,
        _ => return Err(Fault::call("it takes a text and a cost")),
    };
    let text = text(arguments, 0);
    match text.len() {
        ..=72 => Ok((text, cost)),
        _ => Err(Fault::of(0, "bcrypt takes at most 72 bytes")),
    }
}

fn cost(asked: i64) -> Result<u32, Fault> {
    match asked {
        ..4 => Ok(USUAL_COST),
        4..=HIGHEST_COST => Ok(asked.unsigned_abs() as u32),
        _ if COSTS.contains(&asked) => Err(Fault::of(
            1,
            format!(
                "would take too long: each step doubles the time, and {HIGHEST_COST}, the highest, takes about a minute"
            ),
        )),
        _ => Err(Fault::of(
            1,
            format!("must lie between {} and {HIGHEST_COST}", COSTS.start()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash, or why there is none.
    fn hash(cost: i64) -> String {
        match bcrypt(&["x".into(), cost.into()]) {
            Ok(hashed) => hashed.as_str().unwrap_or_default().to_owned(),
            Err(Fault::Wrong(Some(1), why)) => why,
            Err(_) => "an error of something else".to_owned(),
        }
    }

    #[test]
    fn costs_are_those_of_terraform_as_far_as_they_end() {
        for (cost, begins) in [
            (4, "$2a$04$"),
            (3, "$2a$10$"),
            (0, "$2a$10$"),
            (-1, "$2a$10$"),
            (5, "$2a$05$"),
        ] {
            assert!(hash(cost).starts_with(begins), "{cost}");
        }
        for (cost, why) in [(21, "too long"), (31, "too long"), (32, "must lie between 4 and 20")] {
            assert!(hash(cost).contains(why), "{cost}: {}", hash(cost));
        }
    }
}
