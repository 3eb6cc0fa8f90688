//! Values: what expressions yield. Cheap to clone; the elements of a collection are shared.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::number::Number;
use super::term::Term;
use super::types::Type;

/// A value with its mark: whether it is, or was computed from, something secret.
///
/// Two values are equal if type, content and mark are.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub(super) kind: Kind,
    pub(super) sensitive: bool,
}

/// What a value is. Elements carry their own marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null(Type),
    Unknown(Arc<Unknown>),
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    List(Type, Arc<Vec<Value>>),
    /// Distinct, in the order of [`Value::order`].
    Set(Type, Arc<Vec<Value>>),
    Map(Type, Arc<BTreeMap<String, Value>>),
    Tuple(Arc<Vec<Value>>),
    Object(Arc<BTreeMap<String, Value>>),
}

/// What is known of a value that does not exist yet: its type, and where it will come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unknown {
    pub(crate) ty: Type,
    pub(crate) term: Term,
    /// How many values it is computed from, and through how many steps.
    pub(crate) size: (usize, usize),
}

impl Value {
    pub(crate) fn plain(kind: Kind) -> Value {
        Value { kind, sensitive: false }
    }

    /// No value, where one of this type could be.
    pub fn null(ty: Type) -> Value {
        Value::plain(Kind::Null(ty))
    }

    /// A value that will be known when its term can be resolved.
    pub fn unknown(ty: Type, term: Term) -> Value {
        let size = term.size();
        Value::plain(Kind::Unknown(Arc::new(Unknown { ty, term, size })))
    }

    /// How many values this one will be computed from, and through how many steps; (0, 0) if all of it is known.
    pub(super) fn term_size(&self) -> (usize, usize) {
        match &self.kind {
            Kind::Unknown(unknown) => unknown.size,
            _ => self.children().fold((0, 0), |(weight, depth), child| {
                let (more, deeper) = child.term_size();
                (weight.saturating_add(more), depth.max(deeper))
            }),
        }
    }

    /// A text.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::plain(Kind::String(text.into()))
    }

    /// A list; the elements are of the type given.
    pub fn list(element: Type, elements: Vec<Value>) -> Value {
        Value::plain(Kind::List(element, Arc::new(elements)))
    }

    /// A set: puts the elements, which are of the type given, in order and drops repeats. The marks of elements become
    /// the mark of the set.
    pub fn set(element: Type, elements: Vec<Value>) -> Value {
        let sensitive = elements.iter().any(Value::contains_sensitive);
        let mut all: Vec<Value> = elements.into_iter().map(|one| one.revealed()).collect();
        all.sort_by(Value::order);
        all.dedup();
        Value::plain(Kind::Set(element, Arc::new(all))).marked(sensitive)
    }

    /// A map; the elements are of the type given.
    pub fn map(element: Type, elements: BTreeMap<String, Value>) -> Value {
        Value::plain(Kind::Map(element, Arc::new(elements)))
    }

    /// A tuple.
    pub fn tuple(elements: Vec<Value>) -> Value {
        Value::plain(Kind::Tuple(Arc::new(elements)))
    }

    /// An object.
    pub fn object(attributes: BTreeMap<String, Value>) -> Value {
        Value::plain(Kind::Object(Arc::new(attributes)))
    }

    /// Marks it as secret.
    pub fn sensitive(self) -> Value {
        self.marked(true)
    }

    /// Adds a mark, if there is one to add.
    pub fn marked(self, sensitive: bool) -> Value {
        Value {
            sensitive: self.sensitive || sensitive,
            ..self
        }
    }

    /// Without its own mark; those of its elements stay.
    pub fn unmarked(self) -> Value {
        Value {
            sensitive: false,
            ..self
        }
    }

    /// Without any mark, its own or those of its elements. For what may handle secrets: whoever shows or keeps the
    /// result must have asked [`Value::contains_sensitive`] first.
    pub fn revealed(&self) -> Value {
        if !self.contains_sensitive() {
            return self.clone();
        }
        let each = |all: &Arc<Vec<Value>>| Arc::new(all.iter().map(Value::revealed).collect::<Vec<_>>());
        let named =
            |all: &Arc<BTreeMap<String, Value>>| Arc::new(all.iter().map(|(k, v)| (k.clone(), v.revealed())).collect());
        Value::plain(match &self.kind {
            Kind::List(ty, all) => Kind::List(ty.clone(), each(all)),
            Kind::Set(ty, all) => Kind::Set(ty.clone(), each(all)),
            Kind::Tuple(all) => Kind::Tuple(each(all)),
            Kind::Map(ty, all) => Kind::Map(ty.clone(), named(all)),
            Kind::Object(all) => Kind::Object(named(all)),
            other => other.clone(),
        })
    }

    /// The type.
    pub fn type_of(&self) -> Type {
        match &self.kind {
            Kind::Null(ty) => ty.clone(),
            Kind::Unknown(unknown) => unknown.ty.clone(),
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::String(_) => Type::String,
            Kind::List(ty, _) => Type::list(ty.clone()),
            Kind::Set(ty, _) => Type::set(ty.clone()),
            Kind::Map(ty, _) => Type::map(ty.clone()),
            Kind::Tuple(all) => Type::Tuple(all.iter().map(Value::type_of).collect()),
            Kind::Object(all) => Type::Object(all.iter().map(|(k, v)| (k.clone(), v.type_of())).collect()),
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }

    /// Whether the value itself is there; elements may still be unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown(_))
    }

    /// Whether the value and all in it is there.
    pub fn is_wholly_known(&self) -> bool {
        self.is_known() && self.children().all(|child| child.is_wholly_known())
    }

    /// Whether it is a set whose order, and number of elements, will only be known with the elements.
    pub(super) fn is_unordered(&self) -> bool {
        matches!(&self.kind, Kind::Set(_, all) if all.len() > 1 && !all.iter().all(Value::is_wholly_known))
    }

    /// Whether it is marked itself.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Whether it or anything in it is marked.
    pub fn contains_sensitive(&self) -> bool {
        self.sensitive || self.children().any(|child| child.contains_sensitive())
    }

    /// Where it will come from, if it is unknown.
    pub fn term(&self) -> Option<&Term> {
        match &self.kind {
            Kind::Unknown(unknown) => Some(&unknown.term),
            _ => None,
        }
    }

    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// A known bool.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(answer) => Some(*answer),
            _ => None,
        }
    }

    /// A known number.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.kind {
            Kind::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A known whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.to_i64()
    }

    /// A known whole number that fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.to_u64()
    }

    /// A known number, as near as a double gets.
    pub fn as_f64(&self) -> Option<f64> {
        Some(self.as_number()?.to_f64())
    }

    /// The elements of a list, set or tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all) => Some(all),
            _ => None,
        }
    }

    /// The elements of a map or the attributes of an object, by name.
    pub fn attributes(&self) -> Option<&BTreeMap<String, Value>> {
        match &self.kind {
            Kind::Map(_, all) | Kind::Object(all) => Some(all),
            _ => None,
        }
    }

    /// One attribute of an object or element of a map, with the mark of the whole.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        Some(self.attributes()?.get(name)?.clone().marked(self.sensitive))
    }

    /// Elements and attributes in order.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match (self.elements(), self.attributes()) {
            (Some(all), _) => Box::new(all.iter()),
            (_, Some(all)) => Box::new(all.values()),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Every known text and number in it, **secrets in plain text**: what is to be masked.
    pub fn texts(&self) -> Vec<String> {
        match &self.kind {
            Kind::String(text) => vec![text.to_string()],
            Kind::Number(number) => vec![number.to_string()],
            _ => self.children().flat_map(Value::texts).collect(),
        }
    }

    /// The same of what is marked in it alone.
    pub fn secret_texts(&self) -> Vec<String> {
        match self.sensitive {
            true => self.texts(),
            false => self.children().flat_map(Value::secret_texts).collect(),
        }
    }

    /// A total order over content, marks aside: the order of a set's elements.
    pub fn order(&self, other: &Value) -> Ordering {
        let named = |one: &Value| one.attributes().map(|all| all.keys().cloned().collect::<Vec<_>>());
        match (&self.kind, &other.kind) {
            (Kind::Bool(a), Kind::Bool(b)) => a.cmp(b),
            (Kind::Number(a), Kind::Number(b)) => a.cmp(b),
            (Kind::String(a), Kind::String(b)) => a.cmp(b),
            (Kind::Unknown(a), Kind::Unknown(b)) => a.term.to_string().cmp(&b.term.to_string()),
            _ => (self.rank().cmp(&other.rank()))
                .then_with(|| {
                    let mut pairs = self.children().zip(other.children()).map(|(a, b)| a.order(b));
                    pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
                })
                .then_with(|| self.children().count().cmp(&other.children().count()))
                .then_with(|| named(self).cmp(&named(other))),
        }
    }

    fn rank(&self) -> u8 {
        match self.kind {
            Kind::Bool(_) => 0,
            Kind::Number(_) => 1,
            Kind::String(_) => 2,
            Kind::List(..) => 3,
            Kind::Set(..) => 4,
            Kind::Tuple(_) => 5,
            Kind::Map(..) => 6,
            Kind::Object(_) => 7,
            Kind::Null(_) => 8,
            Kind::Unknown(_) => 9,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::string(text)
    }
}

impl From<bool> for Value {
    fn from(answer: bool) -> Value {
        Value::plain(Kind::Bool(answer))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::plain(Kind::Number(number))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Number::from(number).into()
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Number::from(number).into()
    }
}

/// A tuple.
impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Value {
        Value::tuple(elements)
    }
}

/// An object.
impl From<BTreeMap<String, Value>> for Value {
    fn from(attributes: BTreeMap<String, Value>) -> Value {
        Value::object(attributes)
    }
}
