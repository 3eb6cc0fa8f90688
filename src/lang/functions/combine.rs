//! Functions that make one value of several.

use std::collections::BTreeMap;

use super::{ANY, Answer, Fault, Function, LIST, STRINGS, Wanted, takes, takes_null};
use crate::lang::eval::equal;
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};

/// Functions that make one value of several.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "coalesce",
        "The first that is neither null nor an empty text.",
        &[],
        ANY,
        coalesce,
    )
    .variadic(takes_null("vals", ANY))
    .at_the_top(),
    Function::pure(
        "coalescelist",
        "The first list that has elements.",
        &[],
        ANY,
        coalescelist,
    )
    .variadic(takes_null("vals", ANY))
    .at_the_top(),
    Function::pure("concat", "Lists one behind the other.", &[], ANY, concat)
        .variadic(takes("seqs", ANY))
        .at_the_top(),
    Function::pure(
        "matchkeys",
        "The values whose keys (at the same place in a second list) are in a third list.",
        &[takes("values", LIST), takes("keys", LIST), takes("searchset", LIST)],
        LIST,
        matchkeys,
    )
    .at_the_top(),
    Function::pure(
        "merge",
        "Maps or objects together; the last that has a key counts.",
        &[],
        ANY,
        merge,
    )
    .variadic(takes_null("maps", ANY))
    .at_the_top(),
    Function::pure(
        "setproduct",
        "Every choice of one element from each.",
        &[],
        ANY,
        setproduct,
    )
    .variadic(takes("sets", ANY))
    .at_the_top(),
    Function::pure(
        "transpose",
        "A map of lists turned round: each text of the lists with the keys under which it stood.",
        &[takes("values", Wanted::StringLists)],
        Wanted::StringLists,
        transpose,
    ),
    Function::pure(
        "zipmap",
        "A map of a list of keys and a list of values.",
        &[takes("keys", STRINGS), takes("values", ANY)],
        ANY,
        zipmap,
    )
    .at_the_top(),
];

/// A product may have this many elements, no more.
const LARGEST_PRODUCT: usize = 1 << 20;

/// The first that is neither null nor an empty text.
pub(super) fn coalesce(arguments: &[Value]) -> Answer {
    let types: Vec<Type> = arguments
        .iter()
        .map(Value::type_of)
        .filter(|ty| *ty != Type::Any)
        .collect();
    let ty = match types.is_empty() {
        true => Type::Any,
        false => Type::unify(&types).ok_or_else(|| Fault::call("all arguments must have the same type"))?,
    };
    let first = arguments.iter().find(|one| !one.is_null() && one.as_str() != Some(""));
    let first = first.ok_or_else(|| Fault::call("all arguments are null or empty texts"))?;
    first.convert(&ty).map_err(|error| Fault::call(error.to_string()))
}

/// Lists one behind the other.
pub(super) fn concat(arguments: &[Value]) -> Answer {
    let mut all = Vec::new();
    let mut lists = Vec::new();
    for (at, one) in arguments.iter().enumerate() {
        match &one.kind {
            Kind::List(element, _) => lists.push(element.clone()),
            Kind::Tuple(_) => {}
            _ => {
                return Err(Fault::of(
                    at,
                    format!("a list is required, not {}", one.type_of().in_words()),
                ));
            }
        }
        let secret = one.is_sensitive();
        all.extend(
            one.elements()
                .unwrap_or_default()
                .iter()
                .map(|one| one.clone().marked(secret)),
        );
    }
    if arguments.is_empty() {
        return Err(Fault::call("it takes at least one list"));
    }
    match (lists.len() == arguments.len()).then(|| Type::unify(&lists)).flatten() {
        Some(element) => {
            let converted = all
                .iter()
                .map(|one| one.convert(&element))
                .collect::<Result<Vec<_>, _>>();
            let converted = converted.map_err(|error| Fault::call(error.to_string()))?;
            Ok(Value::list(element, converted))
        }
        None => Ok(Value::tuple(all)),
    }
}

/// Maps or objects together; the last one that has a key gives its value.
pub(super) fn merge(arguments: &[Value]) -> Answer {
    let mut all = BTreeMap::new();
    let mut types = Vec::new();
    for (at, one) in arguments.iter().enumerate() {
        if !one.type_of().is_named() && one.type_of() != Type::Any {
            return Err(Fault::of(
                at,
                format!("a map is required, not {}", one.type_of().in_words()),
            ));
        }
        types.push(one.type_of());
        for name in one.attributes().into_iter().flatten().map(|(name, _)| name) {
            all.extend(one.attribute(name).map(|value| (name.clone(), value)));
        }
    }
    match types.first() {
        Some(Type::Map(element)) if types.iter().all(|ty| *ty == types[0]) => Ok(Value::map(Type::clone(element), all)),
        _ => Ok(Value::object(all)),
    }
}

/// Every choice of one element from each.
pub(super) fn setproduct(arguments: &[Value]) -> Answer {
    if arguments.len() < 2 {
        return Err(Fault::call("it takes at least two sets"));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    let mut sets = true;
    for (at, one) in arguments.iter().enumerate() {
        sets &= matches!(one.type_of(), Type::Set(_));
        let one = unified(one).map_err(|why| Fault::of(at, why))?;
        let elements = one.elements().unwrap_or_default();
        if rows.len().saturating_mul(elements.len()) > LARGEST_PRODUCT {
            return Err(Fault::call(format!("more than {LARGEST_PRODUCT} elements")));
        }
        let extended = rows.iter().flat_map(|row| {
            elements.iter().map(move |element| {
                let element = element.clone().marked(one_is_secret(&arguments[at]));
                row.iter().cloned().chain([element]).collect::<Vec<_>>()
            })
        });
        rows = extended.collect();
    }
    let types: Vec<Type> = arguments.iter().map(element_type).collect();
    let rows = rows.into_iter().map(Value::tuple).collect();
    Ok(match sets {
        true => Value::set(Type::Tuple(types), rows),
        false => Value::list(Type::Tuple(types), rows),
    })
}

fn one_is_secret(value: &Value) -> bool {
    value.is_sensitive()
}

/// A tuple as a list; lists and sets as they are.
fn unified(value: &Value) -> Result<Value, String> {
    match &value.kind {
        Kind::List(..) | Kind::Set(..) => Ok(value.clone()),
        Kind::Tuple(_) => value.convert(&Type::list(Type::Any)).map_err(|error| error.to_string()),
        _ => Err(format!(
            "a set or a list is required, not {}",
            value.type_of().in_words()
        )),
    }
}

fn element_type(value: &Value) -> Type {
    match unified(value).map(|value| value.type_of()) {
        Ok(Type::List(element) | Type::Set(element)) => Type::clone(&element),
        _ => Type::Any,
    }
}

/// Keys and values to a map (an object if the values are a tuple).
pub(super) fn zipmap(arguments: &[Value]) -> Answer {
    let keys = arguments[0].elements().unwrap_or_default();
    let values = match &arguments[1].kind {
        Kind::List(_, all) | Kind::Tuple(all) => all,
        _ => return Err(Fault::of(1, "a list or tuple is required")),
    };
    if keys.len() != values.len() {
        return Err(Fault::of(
            1,
            format!("there are {} keys, and {} values", keys.len(), values.len()),
        ));
    }
    let mut all = BTreeMap::new();
    for (key, value) in keys.iter().zip(values.iter()) {
        let key = match (key.as_str(), key.is_known()) {
            (Some(key), _) => key,
            (None, false) => return Err(Fault::NotKnown),
            (None, true) => return Err(Fault::of(0, "a key is null")),
        };
        all.insert(key.to_owned(), value.clone());
    }
    let secret = keys.iter().any(Value::is_sensitive);
    Ok(match arguments[1].type_of() {
        Type::List(element) => Value::map(Type::clone(&element), all),
        _ => Value::object(all),
    }
    .marked(secret))
}

pub(super) fn coalescelist(arguments: &[Value]) -> Answer {
    for (at, one) in arguments.iter().enumerate() {
        let sequence = matches!(one.type_of(), Type::List(_) | Type::Tuple(_));
        if !sequence {
            return Err(Fault::of(
                at,
                format!("a list is required, not {}", one.type_of().in_words()),
            ));
        }
    }
    let filled = arguments
        .iter()
        .find(|one| one.elements().is_some_and(|all| !all.is_empty()));
    filled.cloned().ok_or_else(|| Fault::call("no list has elements"))
}

pub(super) fn matchkeys(arguments: &[Value]) -> Answer {
    let of = |at: usize| arguments[at].elements().unwrap_or_default();
    let (values, keys) = (of(0), of(1));
    if values.len() != keys.len() {
        return Err(Fault::of(
            1,
            format!("there are {} keys, and {} values", keys.len(), values.len()),
        ));
    }
    let common = Type::unify(&[arguments[1].type_of(), arguments[2].type_of()]);
    let common = common.ok_or_else(|| Fault::of(2, "keys and what is searched for must have the same type"))?;
    let converted = |at: usize| {
        arguments[at]
            .convert(&common)
            .map_err(|error| Fault::of(at, error.to_string()))
    };
    let (keys, wanted) = (converted(1)?, converted(2)?);
    let (keys, wanted) = (
        keys.elements().unwrap_or_default(),
        wanted.elements().unwrap_or_default(),
    );
    let secret = keys.iter().chain(wanted).any(Value::contains_sensitive);
    let mut kept = Vec::new();
    for (key, value) in keys.iter().zip(values) {
        let answers: Vec<Option<bool>> = wanted.iter().map(|one| equal(key, one)).collect();
        match (answers.contains(&Some(true)), answers.contains(&None)) {
            (true, _) => kept.push(value.clone()),
            (false, true) => return Err(Fault::NotKnown),
            (false, false) => {}
        }
    }
    let element = match arguments[0].type_of() {
        Type::List(element) => Type::clone(&element),
        _ => Type::Any,
    };
    Ok(Value::list(element, kept).marked(secret))
}

pub(super) fn transpose(arguments: &[Value]) -> Answer {
    let mut turned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, texts) in arguments[0].attributes().into_iter().flatten() {
        let texts = texts
            .elements()
            .ok_or_else(|| Fault::of(0, format!("the list under {key:?} is null")))?;
        for text in texts {
            let text = text
                .as_str()
                .ok_or_else(|| Fault::of(0, format!("a text under {key:?} is null")))?;
            turned.entry(text.to_owned()).or_default().push(key.as_str().into());
        }
    }
    let lists = turned
        .into_iter()
        .map(|(text, keys)| (text, Value::list(Type::String, keys)));
    Ok(Value::map(Type::list(Type::String), lists.collect()))
}
