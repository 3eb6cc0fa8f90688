//! Regular expressions, in RE2's syntax.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::{Answer, Fault, text};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// A compiled pattern may take this many bytes.
const LARGEST: usize = 4 << 20;

fn compile(pattern: &str, at: usize) -> Result<Regex, Fault> {
    let built = regex::RegexBuilder::new(pattern).size_limit(LARGEST).build();
    built.map_err(|error| Fault::of(at, format!("not a regular expression: {error}")))
}

/// What matches: the text, or a tuple of the groups, or an object of the named groups.
pub(super) fn regex(arguments: &[Value]) -> Answer {
    let pattern = compile(text(arguments, 0), 0)?;
    let names: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    let named = names.iter().flatten().count();
    if named > 0 && named < names.len() {
        return Err(Fault::of(0, "either all groups have names or none"));
    }
    let found = pattern.captures(text(arguments, 1));
    let found = found.ok_or_else(|| Fault::of(1, "the pattern does not match anywhere in it"))?;
    if names.is_empty() {
        return Ok(found[0].into());
    }
    let groups = (1..=names.len()).map(|at| group(&found, at));
    if named == 0 {
        return Ok(Value::tuple(groups.collect()));
    }
    let keys = names.iter().flatten().map(|name| (*name).to_owned());
    Ok(Value::object(keys.zip(groups).collect::<BTreeMap<_, _>>()))
}

fn group(found: &Captures<'_>, at: usize) -> Value {
    found
        .get(at)
        .map_or_else(|| Value::null(Type::String), |group| group.as_str().into())
}

/// Every occurrence of a text, or of a pattern between slashes, replaced.
pub(super) fn replace(arguments: &[Value]) -> Answer {
    let (whole, part, by) = (text(arguments, 0), text(arguments, 1), text(arguments, 2));
    let inside = part.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    match inside {
        Some(pattern) => Ok(compile(pattern, 1)?.replace_all(whole, by).into_owned().into()),
        None => Ok(whole.replace(part, by).into()),
    }
}
