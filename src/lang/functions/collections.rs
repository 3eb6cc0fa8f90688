//! Functions that look into one collection.

use std::collections::BTreeMap;

use super::{
    ANY, Answer, BOOL, Fault, Function, LIST, NUMBER, STRING, STRINGS, Wanted, strings, takes, takes_null, text, whole,
};
use crate::lang::eval::equal;
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};

/// Functions that look into one collection.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "alltrue",
        "Whether all elements are true; also of an empty list.",
        &[takes("list", Wanted::Bools)],
        BOOL,
        alltrue,
    )
    .at_the_top(),
    Function::pure(
        "anytrue",
        "Whether an element is true.",
        &[takes("list", Wanted::Bools)],
        BOOL,
        anytrue,
    )
    .at_the_top(),
    Function::pure(
        "chunklist",
        "A list cut into lists of this size.",
        &[takes("list", LIST), takes("size", NUMBER)],
        Wanted::Lists,
        chunklist,
    )
    .at_the_top(),
    Function::pure(
        "compact",
        "Without empty texts and nulls.",
        &[takes("list", STRINGS)],
        STRINGS,
        compact,
    ),
    Function::pure(
        "contains",
        "Whether a value is an element.",
        &[takes("list", ANY), takes("value", ANY)],
        BOOL,
        contains,
    )
    .at_the_top(),
    Function::pure("distinct", "Each element once.", &[takes("list", LIST)], LIST, distinct),
    Function::pure(
        "element",
        "One element of a list; the index goes round.",
        &[takes("list", ANY), takes("index", NUMBER)],
        ANY,
        element,
    )
    .at_the_top(),
    Function::pure(
        "flatten",
        "The elements of nested lists in one.",
        &[takes("list", ANY)],
        ANY,
        flatten,
    )
    .at_the_top(),
    Function::pure(
        "index",
        "The place of the first element that is this value.",
        &[takes("list", ANY), takes("value", ANY)],
        NUMBER,
        index,
    )
    .at_the_top(),
    Function::pure(
        "keys",
        "The keys of a map, in order.",
        &[takes("inputMap", ANY)],
        ANY,
        keys,
    )
    .at_the_top(),
    Function::pure(
        "length",
        "How many elements a collection has, or characters a text.",
        &[takes("value", ANY)],
        NUMBER,
        length,
    )
    .at_the_top(),
    Function::pure(
        "lookup",
        "The element of a map under a key, or a default.",
        &[takes("inputMap", ANY), takes("key", STRING)],
        ANY,
        lookup,
    )
    .variadic(takes_null("default", ANY))
    .at_the_top(),
    Function::pure(
        "one",
        "The only element, or null if there is none.",
        &[takes("list", ANY)],
        ANY,
        one,
    )
    .at_the_top(),
    Function::pure(
        "reverse",
        "The elements in reverse.",
        &[takes("list", ANY)],
        ANY,
        reverse,
    )
    .at_the_top(),
    Function::pure(
        "slice",
        "The elements from a start to before an end.",
        &[
            takes("list", ANY),
            takes("start_index", NUMBER),
            takes("end_index", NUMBER),
        ],
        ANY,
        slice,
    )
    .at_the_top(),
    Function::pure(
        "sort",
        "Texts in the order of their characters.",
        &[takes("list", STRINGS)],
        STRINGS,
        sort,
    ),
    Function::pure(
        "values",
        "The elements of a map, in the order of the keys.",
        &[takes("mapping", ANY)],
        ANY,
        values,
    )
    .at_the_top(),
];

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
    let all = sequence(arguments, 0)?;
    let secret = arguments.iter().any(Value::contains_sensitive);
    let answers: Vec<Option<bool>> = all.iter().map(|one| equal(one, &arguments[1])).collect();
    match (answers.contains(&Some(true)), answers.contains(&None)) {
        (true, _) => Ok(Value::from(true).marked(secret)),
        (false, true) => Err(Fault::NotKnown),
        (false, false) => Ok(Value::from(false).marked(secret)),
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
        if unknown_list || one.is_unordered() {
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

pub(super) fn alltrue(arguments: &[Value]) -> Answer {
    decided(arguments, false)
}

pub(super) fn anytrue(arguments: &[Value]) -> Answer {
    decided(arguments, true)
}

/// The answer that one element settles, or the other if none does. A null counts as false.
fn decided(arguments: &[Value], settles: bool) -> Answer {
    let all = sequence(arguments, 0)?;
    let secret = all.iter().any(Value::is_sensitive);
    let answer = |one: &Value| if one.is_null() { Some(false) } else { one.as_bool() };
    if all.iter().any(|one| answer(one) == Some(settles)) {
        return Ok(Value::from(settles).marked(secret));
    }
    match all.iter().all(Value::is_known) {
        true => Ok(Value::from(!settles).marked(secret)),
        false => Err(Fault::NotKnown),
    }
}

/// A size of 0 leaves the list in one piece.
pub(super) fn chunklist(arguments: &[Value]) -> Answer {
    let all = sequence(arguments, 0)?;
    let size = usize::try_from(whole(arguments, 1)?).map_err(|_| Fault::of(1, "must not be negative"))?;
    let element = arguments[0].type_of();
    let inner = match &element {
        Type::List(inner) => Type::clone(inner),
        _ => Type::Any,
    };
    let size = if size == 0 { all.len().max(1) } else { size };
    let chunks = all.chunks(size).map(|chunk| Value::list(inner.clone(), chunk.to_vec()));
    Ok(Value::list(element, chunks.collect()))
}

pub(super) fn index(arguments: &[Value]) -> Answer {
    let all = match &arguments[0].kind {
        Kind::List(_, all) | Kind::Tuple(all) => all,
        _ => return Err(Fault::of(0, "a list or tuple is required")),
    };
    let secret = arguments.iter().any(Value::contains_sensitive);
    for (at, one) in all.iter().enumerate() {
        match equal(one, &arguments[1]) {
            Some(true) => return Ok(Value::from(at).marked(secret)),
            Some(false) => {}
            None => return Err(Fault::NotKnown),
        }
    }
    Err(match secret {
        true => Fault::call("the list has no such element"),
        false => Fault::of(1, "the list has no such element"),
    })
}

pub(super) fn reverse(arguments: &[Value]) -> Answer {
    let all: Vec<Value> = sequence(arguments, 0)?.iter().rev().cloned().collect();
    Ok(match arguments[0].type_of() {
        Type::List(element) | Type::Set(element) => Value::list(Type::clone(&element), all),
        _ => Value::tuple(all),
    })
}
