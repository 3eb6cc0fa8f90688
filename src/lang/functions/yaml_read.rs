//! Reading YAML: one document, with anchors, aliases and merges; what is no text is told by its look, as YAML 1.2 has it.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::time::Moment;
use super::{ANY, Answer, Fault, Function, STRING, takes, text};
use crate::lang::number::Number;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Reading YAML.
pub(super) const TABLE: &[Function] = &[Function::pure(
    "yamldecode",
    "The value of a YAML text.",
    &[takes("src", STRING)],
    ANY,
    yamldecode,
)];

/// How deep sequences and mappings may be nested.
const DEEPEST: usize = 128;
/// How many values a document may stand for, its aliases written out.
const MOST: usize = 1_000_000;

fn yamldecode(arguments: &[Value]) -> Answer {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text(arguments, 0)) {
        let (event, place) = event.map_err(|error| Fault::of(0, format!("not YAML: {error}")))?;
        let line = place.start.line();
        builder
            .take(event)
            .map_err(|why| Fault::of(0, format!("line {line}: {why}")))?;
    }
    builder
        .whole
        .map(|node| node.value)
        .ok_or_else(|| Fault::of(0, "it holds no document"))
}

/// A value, and how many values it stands for with aliases written out.
#[derive(Clone)]
struct Node {
    value: Value,
    weight: usize,
}

/// A sequence or mapping that is being read.
struct Open {
    anchor: usize,
    weight: usize,
    what: Collection,
}

enum Collection {
    Sequence(Vec<Value>),
    Mapping {
        own: BTreeMap<String, Value>,
        merged: BTreeMap<String, Value>,
        key: Option<Key>,
    },
}

enum Key {
    Named(String),
    Merge,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    whole: Option<Node>,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("there is a second document".into());
                }
                Ok(())
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                self.add(node.ok_or("an alias stands in what it names")?, None)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let value = scalar(&text, plain, tag.as_deref())?;
                let node = Node { value, weight: 1 };
                if anchor > 0 {
                    self.anchors.insert(anchor, node.clone());
                }
                self.add(node, (plain && text == "<<" && tag.is_none()).then_some(Key::Merge))
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Collection::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(
                anchor,
                Collection::Mapping {
                    own: BTreeMap::new(),
                    merged: BTreeMap::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, what: Collection) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} deep"));
        }
        self.open.push(Open {
            anchor,
            weight: 1,
            what,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.what {
            Collection::Sequence(all) => Value::tuple(all),
            Collection::Mapping { own, mut merged, .. } => {
                merged.extend(own);
                Value::object(merged)
            }
        };
        let node = Node {
            value,
            weight: open.weight,
        };
        if open.anchor > 0 {
            self.anchors.insert(open.anchor, node.clone());
        }
        self.add(node, None)
    }

    /// Puts a finished value where it belongs: as an element, as a key, behind a key.
    fn add(&mut self, node: Node, merge: Option<Key>) -> Result<(), String> {
        let Some(open) = self.open.last_mut() else {
            self.whole = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(node.weight);
        if open.weight > MOST {
            return Err(format!("its aliases make more than {MOST} values of it"));
        }
        match &mut open.what {
            Collection::Sequence(all) => all.push(node.value),
            Collection::Mapping { own, merged, key } => match key.take() {
                None => *key = Some(merge.map_or_else(|| name(&node.value), Ok)?),
                Some(Key::Merge) => merge_into(merged, &node.value)?,
                Some(Key::Named(name)) => {
                    own.insert(name, node.value);
                }
            },
        }
        Ok(())
    }
}

fn name(key: &Value) -> Result<Key, String> {
    let text = key.convert(&Type::String).ok().filter(|_| !key.is_null());
    let text = text.and_then(|text| text.as_str().map(str::to_owned));
    text.map(Key::Named)
        .ok_or_else(|| "a key must be a text, a number or a bool".into())
}

fn merge_into(merged: &mut BTreeMap<String, Value>, from: &Value) -> Result<(), String> {
    let all = from.attributes().ok_or("what << merges must be a mapping")?;
    for (name, value) in all {
        merged.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(())
}

/// A scalar in quotes is a text whatever its tag; one without must be what its tag says.
fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let core = tag
        .filter(|tag| tag.is_yaml_core_schema())
        .map(|tag| tag.suffix.as_str());
    let found = if plain { by_look(text)? } else { text.into() };
    let fits = match (tag, core) {
        (None, _) => true,
        (_, Some("str" | "timestamp" | "binary")) => return Ok(text.into()),
        (_, Some("null")) => !plain || found.is_null(),
        (_, Some("bool")) => !plain || found.as_bool().is_some(),
        (_, Some("int" | "float")) => !plain || found.as_number().is_some(),
        (Some(tag), _) => return Err(format!("the tag {}{} is not known", tag.handle, tag.suffix)),
    };
    match fits {
        true => Ok(found),
        false => Err(format!("{text:?} is not what its tag says")),
    }
}

/// What a scalar without quotes and tag is.
fn by_look(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::null(Type::Any)),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(true.into()),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(false.into());
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => {
            return Err(format!("{text} is no number that can be used here"));
        }
        _ => {}
    }
    let known = number(text).map(Value::from).or_else(|| time(text).map(Value::from));
    Ok(known.unwrap_or_else(|| text.into()))
}

fn number(text: &str) -> Option<Number> {
    let radix = [("0x", 16), ("0o", 8)];
    let based = radix
        .iter()
        .find_map(|(prefix, base)| Some((text.strip_prefix(prefix)?, *base)));
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    match based {
        Some((digits, base)) if digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) => {
            Some(Number::from(u64::from_str_radix(digits, base).ok()?))
        }
        None if bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

/// A date or a time, which becomes one of RFC 3339: `2001-12-14`, `2001-1-2 3:4:5`.
fn time(text: &str) -> Option<String> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.len() > 40 {
        return None;
    }
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        None => (text, "0:0:0Z".to_owned()),
        Some((date, clock)) if text[date.len()..].starts_with(' ') => (date, format!("{clock}Z")),
        Some((date, clock)) => (date, clock.to_owned()),
    };
    let end = clock.find(['.', 'Z', '+', '-'])?;
    let two = |part: &str| (part.len() <= 2).then(|| format!("{part:0>2}"));
    let joined = |text: &str, separator: &str| {
        let parts: Option<Vec<String>> = text.split(separator).map(two).collect();
        parts.map(|parts| parts.join(separator))
    };
    let (year, day) = date.split_once('-')?;
    let time = format!(
        "{year}-{}T{}{}",
        joined(day, "-")?,
        joined(&clock[..end], ":")?,
        &clock[end..]
    );
    Moment::read(&time).ok().map(|moment| moment.shown())
}
