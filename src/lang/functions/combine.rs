//! Functions that make one value of several.

use std::collections::BTreeMap;

use super::{Answer, Fault};
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};

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
