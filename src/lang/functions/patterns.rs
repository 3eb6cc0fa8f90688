//! Regular expressions, in RE2's syntax.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::{ANY, Answer, Fault, Function, LIST, STRING, takes, text};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions of regular expressions.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "regex",
        "What a regular expression finds first: the text, or its groups as a tuple or an object.",
        &[takes("pattern", STRING), takes("string", STRING)],
        ANY,
        regex,
    ),
    Function::pure(
        "regex_replace",
        "A text with all that a regular expression finds replaced; $1 stands for a group. As Packer has it.",
        &[takes("str", STRING), takes("pattern", STRING), takes("replace", STRING)],
        STRING,
        regex_replace,
    ),
    Function::pure(
        "regexall",
        "All that a regular expression finds, as a list.",
        &[takes("pattern", STRING), takes("string", STRING)],
        LIST,
        regexall,
    ),
    Function::pure(
        "replace",
        "A text with another for each occurrence of a part, or of a regular expression between slashes.",
        &[takes("str", STRING), takes("substr", STRING), takes("replace", STRING)],
        STRING,
        replace,
    ),
];

/// A compiled pattern may take this many bytes.
const LARGEST: usize = 4 << 20;
/// A result may have this many elements, and a text this many bytes.
const MOST: usize = 1_000_000;
const LONGEST: usize = 64 << 20;

fn compile(pattern: &str, at: usize) -> Result<Regex, Fault> {
    let built = regex::RegexBuilder::new(&unquoted(pattern)).size_limit(LARGEST).build();
    built.map_err(|error| Fault::of(at, format!("not a regular expression: {error}")))
}

/// A pattern with what stands between `\Q` and `\E`, which the library does not know, escaped.
fn unquoted(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains("\\Q") {
        return pattern.into();
    }
    let (mut rest, mut out) = (pattern, String::new());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.strip_prefix("\\Q") {
            Some(quoted) => {
                let (text, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                out.push_str(&regex::escape(text));
                rest = behind;
            }
            None => {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

/// What a pattern finds: the text, or a tuple of the groups, or an object of the named groups.
struct Shape {
    pattern: Regex,
    names: Vec<Option<String>>,
}

impl Shape {
    fn read(arguments: &[Value]) -> Result<Shape, Fault> {
        let pattern = compile(text(arguments, 0), 0)?;
        let names: Vec<Option<String>> = pattern
            .capture_names()
            .skip(1)
            .map(|one| one.map(str::to_owned))
            .collect();
        let named = names.iter().flatten().count();
        if named > 0 && named < names.len() {
            return Err(Fault::of(0, "either all groups have names or none"));
        }
        Ok(Shape { pattern, names })
    }

    fn ty(&self) -> Type {
        match self.names.first() {
            None => Type::String,
            Some(None) => Type::Tuple(vec![Type::String; self.names.len()]),
            Some(Some(_)) => {
                let names = self.names.iter().flatten().cloned();
                Type::Object(names.map(|name| (name, Type::String)).collect())
            }
        }
    }

    fn value(&self, found: &Captures<'_>) -> Value {
        let groups = (1..=self.names.len()).map(|at| group(found, at));
        match self.names.first() {
            None => found[0].into(),
            Some(None) => Value::tuple(groups.collect()),
            Some(Some(_)) => {
                let names = self.names.iter().flatten().cloned();
                Value::object(names.zip(groups).collect::<BTreeMap<_, _>>())
            }
        }
    }
}

pub(super) fn regex(arguments: &[Value]) -> Answer {
    let shape = Shape::read(arguments)?;
    let found = shape.pattern.captures(text(arguments, 1));
    let found = found.ok_or_else(|| Fault::of(1, "the pattern does not match anywhere in it"))?;
    Ok(shape.value(&found))
}

pub(super) fn regexall(arguments: &[Value]) -> Answer {
    let shape = Shape::read(arguments)?;
    let all = shape.pattern.captures_iter(text(arguments, 1)).take(MOST + 1);
    let all: Vec<Value> = all.map(|found| shape.value(&found)).collect();
    if all.len() > MOST {
        return Err(Fault::of(1, format!("the pattern is found more than {MOST} times")));
    }
    Ok(Value::list(shape.ty(), all))
}

pub(super) fn regex_replace(arguments: &[Value]) -> Answer {
    substitute(text(arguments, 0), &compile(text(arguments, 1), 1)?, text(arguments, 2))
}

/// A text with what a pattern finds replaced, of bounded length: every character of a long text may be replaced by a
/// longer one.
fn substitute(whole: &str, pattern: &Regex, by: &str) -> Answer {
    let (mut out, mut behind) = (String::new(), 0);
    for found in pattern.captures_iter(whole) {
        let place = found.get_match();
        out.push_str(&whole[behind..place.start()]);
        let most = by
            .matches('$')
            .count()
            .saturating_mul(place.len())
            .saturating_add(by.len());
        bounded(out.len().saturating_add(most))?;
        found.expand(by, &mut out);
        behind = place.end();
    }
    out.push_str(&whole[behind..]);
    Ok(out.into())
}

fn bounded(length: usize) -> Result<(), Fault> {
    match length > LONGEST {
        true => Err(Fault::call(format!(
            "the text would have more than {} MiB",
            LONGEST >> 20
        ))),
        false => Ok(()),
    }
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
    if let Some(pattern) = inside {
        return substitute(whole, &compile(pattern, 1)?, by);
    }
    let count = if part.is_empty() {
        whole.len() + 1
    } else {
        whole.matches(part).count()
    };
    bounded(whole.len().saturating_add(count.saturating_mul(by.len())))?;
    Ok(whole.replace(part, by).into())
}
