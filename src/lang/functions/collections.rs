//! Functions that look into one collection.

use std::collections::BTreeMap;

use super::{Answer, Fault, strings, text, whole};
use crate::lang::eval::equal;
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};

fn sequence(arguments: &[Value], at: usize) -> Result<&[Value], Fault> {
    let found = arguments[at].elements();
    found.ok_or_else(|| {
        Fault::of(
            at,
            format!("a list is required, not {}", arguments[at].type_of().in_words()),
        )
    })
}

fn named(arguments: &[Value], at: usize) -> Result<&BTreeMap<String, Value>, Fault> {
    let found = arguments[at].attributes();
    found.ok_or_else(|| {
        Fault::of(
            at,
            format!("a map is required, not {}", arguments[at].type_of().in_words()),
        )
    })
}

/// Without empty texts and nulls.
pub(super) fn compact(arguments: &[Value]) -> Answer {
    let all = sequence(arguments, 0)?;
    let kept = all
        .iter()
        .filter(|one| one.as_str().is_some_and(|text| !text.is_empty()));
    Ok(Value::list(Type::String, kept.cloned().collect()))
}

pub(super) fn contains(arguments: &[Value]) -> Answer {
    let mut open = false;
    let mut secret = false;
    for one in sequence(arguments, 0)? {
        secret |= one.contains_sensitive();
        match equal(one, &arguments[1]) {
            Some(true) => return Ok(Value::from(true).marked(secret)),
            Some(false) => {}
            None => open = true,
        }
    }
    match open {
        true => Err(Fault::NotKnown),
        false => Ok(Value::from(false).marked(secret)),
    }
}

pub(super) fn distinct(arguments: &[Value]) -> Answer {
    let mut kept: Vec<Value> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for one in sequence(arguments, 0)? {
        // Equal values are written alike.
        if seen.insert(crate::lang::print::print(one)) {
            kept.push(one.clone());
        }
    }
    let element = match arguments[0].type_of() {
        Type::List(element) => Type::clone(&element),
        _ => Type::Any,
    };
    Ok(Value::list(element, kept))
}

/// One element; the index goes round.
pub(super) fn element(arguments: &[Value]) -> Answer {
    let index = whole(arguments, 1)?;
    let all = match &arguments[0].kind {
        Kind::List(_, all) | Kind::Tuple(all) => all,
        _ => return Err(Fault::of(0, "a list or tuple is required")),
    };
    if all.is_empty() {
        return Err(Fault::of(0, "it has no elements"));
    }
    match usize::try_from(index % all.len() as i64) {
        Ok(at) => Ok(all[at].clone()),
        Err(_) => Err(Fault::of(1, "must not be negative")),
    }
}

/// All elements of nested lists in one.
pub(super) fn flatten(arguments: &[Value]) -> Answer {
    let mut flat = Vec::new();
    sequence(arguments, 0)?;
    let secret = collect(&arguments[0], &mut flat)?;
    Ok(Value::tuple(flat).marked(secret))
}

fn collect(value: &Value, flat: &mut Vec<Value>) -> Result<bool, Fault> {
    let mut secret = value.is_sensitive();
    for one in value.elements().unwrap_or_default() {
        let unknown_list = !one.is_known() && (one.type_of() == Type::Any || one.type_of().is_sequence());
        if unknown_list {
            return Err(Fault::NotKnown);
        }
        match one.elements() {
            Some(_) => secret |= collect(one, flat)?,
            None => flat.push(one.clone()),
        }
    }
    Ok(secret)
}

pub(super) fn keys(arguments: &[Value]) -> Answer {
    let all: Vec<Value> = named(arguments, 0)?.keys().map(|key| key.as_str().into()).collect();
    Ok(match arguments[0].type_of() {
        Type::Map(_) => Value::list(Type::String, all),
        _ => Value::tuple(all),
    })
}

pub(super) fn values(arguments: &[Value]) -> Answer {
    let all: Vec<Value> = named(arguments, 0)?.values().cloned().collect();
    Ok(match arguments[0].type_of() {
        Type::Map(element) => Value::list(Type::clone(&element), all),
        _ => Value::tuple(all),
    })
}

pub(super) fn length(arguments: &[Value]) -> Answer {
    let value = &arguments[0];
    if let Kind::Set(_, all) = &value.kind {
        // Two elements that are not known yet may turn out to be one.
        if all.len() > 1 && !value.is_wholly_known() {
            return Err(Fault::NotKnown);
        }
    }
    let count = match (value.as_str(), value.elements(), value.attributes()) {
        (Some(text), _, _) => strings::characters(text).len(),
        (_, Some(all), _) => all.len(),
        (_, _, Some(all)) => all.len(),
        _ => return Err(Fault::of(0, "a text or a collection is required")),
    };
    Ok(count.into())
}

/// `lookup(map, key, default)`
pub(super) fn lookup(arguments: &[Value]) -> Answer {
    if arguments.len() > 3 {
        return Err(Fault::call("it takes a map, a key and a default"));
    }
    let all = named(arguments, 0)?;
    let key = text(arguments, 1);
    match (all.get(key), arguments.get(2), arguments[0].type_of()) {
        (Some(found), ..) => Ok(found.clone()),
        (None, Some(default), Type::Map(element)) => default
            .convert(&element)
            .map_err(|error| Fault::of(2, format!("the default has another type than the elements: {error}"))),
        (None, Some(default), _) => Ok(default.clone()),
        (None, None, _) => Err(Fault::of(
            1,
            format!("the map has no element {key:?}, and there is no default"),
        )),
    }
}

/// The only element, or null if there is none.
pub(super) fn one(arguments: &[Value]) -> Answer {
    let element = match arguments[0].type_of() {
        Type::List(element) | Type::Set(element) => Type::clone(&element),
        _ => Type::Any,
    };
    match sequence(arguments, 0)? {
        [] => Ok(Value::null(element)),
        [only] => Ok(only.clone()),
        many => Err(Fault::of(
            0,
            format!("it has {} elements, and may have one at most", many.len()),
        )),
    }
}

/// From `start` to before `end`.
pub(super) fn slice(arguments: &[Value]) -> Answer {
    let all = match &arguments[0].kind {
        Kind::List(_, all) | Kind::Tuple(all) => all,
        _ => return Err(Fault::of(0, "a list or tuple is required")),
    };
    let (start, end) = (whole(arguments, 1)?, whole(arguments, 2)?);
    let count = all.len() as i64;
    if start < 0 || start > count {
        return Err(Fault::of(1, format!("must lie between 0 and {count}")));
    }
    if end < start || end > count {
        return Err(Fault::of(2, format!("must lie between {start} and {count}")));
    }
    let part = all[start as usize..end as usize].to_vec();
    Ok(match arguments[0].type_of() {
        Type::List(element) => Value::list(Type::clone(&element), part),
        _ => Value::tuple(part),
    })
}

/// By code points.
pub(super) fn sort(arguments: &[Value]) -> Answer {
    let mut all = sequence(arguments, 0)?.to_vec();
    if all.iter().any(Value::is_null) {
        return Err(Fault::of(0, "an element is null"));
    }
    all.sort_by(Value::order);
    Ok(Value::list(Type::String, all))
}
