//! Types of values, and how several become one: Terraform's type system.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The type of a value, or what a value must be converted to.
///
/// Which attributes of an object may be left out is said by a [`Constraint`](super::Constraint), not by a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Not known (the type of a bare `null`), or anything goes (as a wish).
    Any,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text.
    String,
    /// A sequence of elements of one type.
    List(Arc<Type>),
    /// Distinct elements of one type.
    Set(Arc<Type>),
    /// Elements of one type by key.
    Map(Arc<Type>),
    /// A sequence in which each element has its own type.
    Tuple(Vec<Type>),
    /// Attributes with their own types.
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// `list(element)`.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `set(element)`.
    pub fn set(element: Type) -> Type {
        Type::Set(Arc::new(element))
    }

    /// `map(element)`.
    pub fn map(element: Type) -> Type {
        Type::Map(Arc::new(element))
    }

    /// Whether it is a bool, a number or a string.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Type::Bool | Type::Number | Type::String)
    }

    /// Whether its elements have places: list, set or tuple.
    pub fn is_sequence(&self) -> bool {
        matches!(self, Type::List(_) | Type::Set(_) | Type::Tuple(_))
    }

    /// Whether its elements have names: map or object.
    pub fn is_named(&self) -> bool {
        matches!(self, Type::Map(_) | Type::Object(_))
    }

    /// Whether nothing in it is [`Type::Any`].
    pub fn is_concrete(&self) -> bool {
        match self {
            Type::Any => false,
            Type::Bool | Type::Number | Type::String => true,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.is_concrete(),
            Type::Tuple(elements) => elements.iter().all(Type::is_concrete),
            Type::Object(attributes) => attributes.values().all(Type::is_concrete),
        }
    }

    /// With an article, for sentences: `a string`, `an object`, `a list of number`.
    pub fn in_words(&self) -> String {
        match self {
            Type::Any => "a value".into(),
            Type::Bool => "a bool".into(),
            Type::Number => "a number".into(),
            Type::String => "a string".into(),
            Type::List(element) => format!("a list of {}", element.bare()),
            Type::Set(element) => format!("a set of {}", element.bare()),
            Type::Map(element) => format!("a map of {}", element.bare()),
            Type::Tuple(_) => "a tuple".into(),
            Type::Object(_) => "an object".into(),
        }
    }

    /// Without the article.
    pub(super) fn bare(&self) -> String {
        let words = self.in_words();
        match self {
            Type::Any => "any type".into(),
            _ => words.split_once(' ').map_or(words.clone(), |(_, rest)| rest.to_owned()),
        }
    }

    /// Whether every value of this type can become one of `to` (a text that happens to be no number does not count:
    /// that is for the value to find out).
    pub fn converts_safely(&self, to: &Type) -> bool {
        match (self, to) {
            (_, Type::Any) => true,
            (from, to) if from == to => true,
            (Type::Number | Type::Bool, Type::String) => true,
            (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
                a.converts_safely(b)
            }
            (Type::Tuple(all), Type::List(b) | Type::Set(b)) => all.iter().all(|a| a.converts_safely(b)),
            (Type::Object(all), Type::Map(b)) => all.values().all(|a| a.converts_safely(b)),
            (Type::Tuple(a), Type::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.converts_safely(b))
            }
            (Type::Object(a), Type::Object(b)) => b
                .iter()
                .all(|(name, to)| a.get(name).is_some_and(|from| from.converts_safely(to))),
            _ => false,
        }
    }

    /// The one type that values of all these types can become, if there is one.
    pub fn unify(types: &[Type]) -> Option<Type> {
        let first = types.first()?;
        if types.iter().all(|one| one == first) {
            return Some(first.clone());
        }
        if types.contains(&Type::Any) {
            let others: Vec<Type> = types.iter().filter(|one| **one != Type::Any).cloned().collect();
            return Type::unify(&others);
        }
        unify_alike(types).or_else(|| {
            // Objects and tuples of other shapes become maps and lists, or nothing.
            let shapes = |ty: &&Type| !matches!(ty, Type::Tuple(_) | Type::Object(_));
            let mut candidates = types.iter().filter(shapes);
            let general = candidates.find(|to| types.iter().all(|from| from.converts_safely(to)));
            general.cloned()
        })
    }
}

/// Unifies types of the same kind element by element.
fn unify_alike(types: &[Type]) -> Option<Type> {
    let elements = |pick: fn(&Type) -> Option<Vec<Type>>| -> Option<Vec<Type>> {
        let all: Option<Vec<Vec<Type>>> = types.iter().map(pick).collect();
        Some(all?.concat())
    };
    let one = |all: Vec<Type>| {
        if all.is_empty() {
            Some(Type::Any)
        } else {
            Type::unify(&all)
        }
    };
    if let Some(all) = elements(|ty| match ty {
        Type::Set(element) => Some(vec![Type::clone(element)]),
        _ => None,
    }) {
        return one(all).map(Type::set);
    }
    if let Some(unified) = unify_tuples(types).or_else(|| unify_objects(types)) {
        return unified;
    }
    if let Some(all) = elements(|ty| match ty {
        Type::List(element) => Some(vec![Type::clone(element)]),
        Type::Tuple(elements) => Some(elements.clone()),
        _ => None,
    }) {
        return one(all).map(Type::list);
    }
    let all = elements(|ty| match ty {
        Type::Map(element) => Some(vec![Type::clone(element)]),
        Type::Object(attributes) => Some(attributes.values().cloned().collect()),
        _ => None,
    })?;
    one(all).map(Type::map)
}

/// Of tuples of one length, their common type, if there is one.
fn unify_tuples(types: &[Type]) -> Option<Option<Type>> {
    let tuples: Vec<&Vec<Type>> = types
        .iter()
        .map(|ty| match ty {
            Type::Tuple(elements) => Some(elements),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let length = tuples.first()?.len();
    if tuples.iter().any(|one| one.len() != length) {
        return None;
    }
    let unified = (0..length).map(|at| Type::unify(&tuples.iter().map(|one| one[at].clone()).collect::<Vec<_>>()));
    Some(unified.collect::<Option<_>>().map(Type::Tuple))
}

/// Of objects with the same attributes, their common type, if there is one.
fn unify_objects(types: &[Type]) -> Option<Option<Type>> {
    let objects: Vec<&BTreeMap<String, Type>> = types
        .iter()
        .map(|ty| match ty {
            Type::Object(attributes) => Some(attributes),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let first = objects.first()?;
    if objects.iter().any(|one| !one.keys().eq(first.keys())) {
        return None;
    }
    let unified = first.keys().map(|name| {
        let all: Vec<Type> = objects.iter().map(|one| one[name].clone()).collect();
        Some((name.clone(), Type::unify(&all)?))
    });
    Some(unified.collect::<Option<_>>().map(Type::Object))
}

/// As a type is written in HCL: `list(string)`, `object({ a = number })`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Bool => f.write_str("bool"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Set(element) => write!(f, "set({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Tuple(elements) => {
                let all: Vec<String> = elements.iter().map(Type::to_string).collect();
                write!(f, "tuple([{}])", all.join(", "))
            }
            Type::Object(attributes) => {
                let all: Vec<String> = attributes.iter().map(|(name, ty)| format!("{name} = {ty}")).collect();
                write!(f, "object({{ {} }})", all.join(", "))
            }
        }
    }
}

/// `"string"`, `["list", "string"]`, `["tuple", [...]]`, `["object", {...}]`.
impl Serialize for Type {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Type::Any | Type::Bool | Type::Number | Type::String => to.collect_str(self),
            Type::List(element) => ("list", element).serialize(to),
            Type::Set(element) => ("set", element).serialize(to),
            Type::Map(element) => ("map", element).serialize(to),
            Type::Tuple(elements) => ("tuple", elements).serialize(to),
            Type::Object(attributes) => ("object", attributes).serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Type, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Name(String),
            Tuple(String, Vec<Type>),
            Object(String, BTreeMap<String, Type>),
            Collection(String, Box<Type>),
        }
        let unknown = |name: &str| D::Error::custom(format!("no type is called {name:?}"));
        match Written::deserialize(from)? {
            Written::Name(name) => match name.as_str() {
                "any" => Ok(Type::Any),
                "bool" => Ok(Type::Bool),
                "number" => Ok(Type::Number),
                "string" => Ok(Type::String),
                other => Err(unknown(other)),
            },
            Written::Tuple(name, elements) if name == "tuple" => Ok(Type::Tuple(elements)),
            Written::Object(name, attributes) if name == "object" => Ok(Type::Object(attributes)),
            Written::Collection(name, element) => collection(&name, *element).ok_or_else(|| unknown(&name)),
            Written::Tuple(name, _) | Written::Object(name, _) => Err(unknown(&name)),
        }
    }
}

fn collection(name: &str, element: Type) -> Option<Type> {
    match name {
        "list" => Some(Type::list(element)),
        "set" => Some(Type::set(element)),
        "map" => Some(Type::map(element)),
        _ => None,
    }
}
