//! Conversion of values between types, by Terraform's rules.

use std::collections::BTreeMap;
use std::fmt;

use super::number::Number;
use super::syntax::{Expression, ExpressionKind};
use super::term::Term;
use super::types::Type;
use super::value::{Kind, Value};
use crate::source::Span;

impl Value {
    /// The value as one of type `to`; marks stay. [`Type::Any`] inside a collection type stands for the one type that
    /// all elements can have.
    ///
    /// # Errors
    /// Where in the value (if not at its top), and why it cannot be.
    pub fn convert(&self, to: &Type) -> Result<Value, ConvertError> {
        let from = self.type_of();
        if *to == Type::Any || from == *to {
            return Ok(self.clone());
        }
        let converted = match &self.kind {
            Kind::Null(Type::Any) => Ok(Value::null(to.clone())),
            Kind::Null(_) => null_of(&from, to).map(Value::null),
            Kind::Unknown(unknown) => unknown_of(&from, to).map(|ty| {
                let of = Value::unknown(Type::Any, unknown.term.clone());
                Value::unknown(ty, of.later(to))
            }),
            _ => self.convert_known(to),
        };
        match converted {
            Ok(value) => Ok(value.marked(self.sensitive)),
            // Nothing of a secret is repeated, nor its keys.
            Err(_) if self.sensitive => Err(ConvertError::here(format!(
                "{} is required, and a sensitive value is none",
                to.in_words()
            ))),
            Err(error) => Err(error),
        }
    }

    fn convert_known(&self, to: &Type) -> Result<Value, ConvertError> {
        match (&self.kind, to) {
            (Kind::Number(number), Type::String) => Ok(Value::string(number.to_string())),
            (Kind::Bool(answer), Type::String) => Ok(Value::string(answer.to_string())),
            (Kind::String(text), Type::Number) => text
                .parse::<Number>()
                .map(Value::from)
                .map_err(|_| ConvertError::here(format!("a number is required, and {:?} is none", text))),
            (Kind::String(text), Type::Bool) => self.text_as_bool(text),
            (Kind::Set(..), Type::List(_)) if self.is_unordered() => Ok(Value::unknown(to.clone(), self.later(to))),
            (Kind::List(..) | Kind::Set(..) | Kind::Tuple(_), Type::List(wanted)) => {
                let (element, all) = self.convert_elements(wanted)?;
                Ok(Value::list(element, all))
            }
            (Kind::List(..) | Kind::Set(..) | Kind::Tuple(_), Type::Set(wanted)) => {
                let (element, all) = self.convert_elements(wanted)?;
                Ok(Value::set(element, all))
            }
            (Kind::Map(..) | Kind::Object(_), Type::Map(wanted)) => self.convert_to_map(wanted),
            (Kind::Map(..) | Kind::Object(_), Type::Object(wanted)) => self.convert_to_object(wanted),
            (Kind::Tuple(all), Type::Tuple(wanted)) if all.len() == wanted.len() => {
                let pairs = all.iter().zip(wanted).enumerate();
                let converted = pairs.map(|(at, (one, ty))| one.convert(ty).map_err(|error| error.under(Step::At(at))));
                converted.collect::<Result<Vec<_>, _>>().map(Value::tuple)
            }
            _ => Err(ConvertError::wanted(&self.type_of(), to)),
        }
    }

    fn text_as_bool(&self, text: &str) -> Result<Value, ConvertError> {
        match text {
            "true" | "1" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err(ConvertError::here(format!(
                "a bool is required, and {:?} is none; write true or false",
                text
            ))),
        }
    }

    fn convert_elements(&self, wanted: &Type) -> Result<(Type, Vec<Value>), ConvertError> {
        let all = self.elements().unwrap_or_default();
        let element = common(wanted, all.iter())
            .ok_or_else(|| ConvertError::here("all elements must have the same type".into()))?;
        let converted = all
            .iter()
            .enumerate()
            .map(|(at, one)| one.convert(&element).map_err(|error| error.under(Step::At(at))));
        Ok((element.clone(), converted.collect::<Result<_, _>>()?))
    }

    fn convert_to_map(&self, wanted: &Type) -> Result<Value, ConvertError> {
        let all = self.attributes().cloned().unwrap_or_default();
        let element = common(wanted, all.values())
            .ok_or_else(|| ConvertError::here("all elements of a map must have the same type".into()))?;
        let converted = all.into_iter().map(|(name, one)| {
            let one = one
                .convert(&element)
                .map_err(|error| error.under(Step::Named(name.clone())))?;
            Ok((name, one))
        });
        let converted = converted.collect::<Result<_, ConvertError>>()?;
        Ok(Value::map(element, converted))
    }

    fn convert_to_object(&self, wanted: &BTreeMap<String, Type>) -> Result<Value, ConvertError> {
        let all = self.attributes().cloned().unwrap_or_default();
        let converted = wanted.iter().map(|(name, ty)| {
            let one = all
                .get(name)
                .ok_or_else(|| ConvertError::here(format!("attribute {name:?} is required")))?;
            let one = one
                .convert(ty)
                .map_err(|error| error.under(Step::Named(name.clone())))?;
            Ok((name.clone(), one))
        });
        converted.collect::<Result<_, ConvertError>>().map(Value::object)
    }
}

/// The element type that is wanted, with [`Type::Any`] filled in from the elements.
fn common<'a>(wanted: &Type, elements: impl Iterator<Item = &'a Value>) -> Option<Type> {
    if wanted.is_concrete() {
        return Some(wanted.clone());
    }
    let types: Vec<Type> = elements.map(Value::type_of).filter(|ty| *ty != Type::Any).collect();
    match (wanted, types.is_empty()) {
        (wanted, true) => Some(wanted.clone()),
        (Type::Any, false) => Type::unify(&types),
        (wanted, false) => Some(wanted.clone()),
    }
}

fn null_of(from: &Type, to: &Type) -> Result<Type, ConvertError> {
    unknown_of(from, to)
}

/// Whether values of a type may become one of another; which they then are.
fn unknown_of(from: &Type, to: &Type) -> Result<Type, ConvertError> {
    let parses = *from == Type::String && matches!(to, Type::Bool | Type::Number);
    let shapes =
        (from.is_sequence() && matches!(to, Type::List(_) | Type::Set(_))) || (from.is_named() && to.is_named());
    if *from == Type::Any || parses || shapes || from.converts_safely(to) {
        Ok(to.clone())
    } else {
        Err(ConvertError::wanted(from, to))
    }
}

impl Value {
    /// The conversion, once the value is known.
    fn later(&self, to: &Type) -> Term {
        Term::Computed(Box::new(Expression::new(
            ExpressionKind::Convert {
                of: Box::new(Expression::value(self.clone(), Span::nowhere())),
                to: to.clone(),
            },
            Span::nowhere(),
        )))
    }
}

/// A way into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An element by its place, from 0.
    At(usize),
    /// An element or attribute by its name.
    Named(String),
}

/// Why a value cannot have a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", Prefix(path))]
pub struct ConvertError {
    /// Where in the value; empty for the value itself.
    pub path: Vec<Step>,
    /// `a number is required, not a list of string`
    pub reason: String,
}

impl ConvertError {
    pub(crate) fn here(reason: String) -> ConvertError {
        ConvertError {
            path: Vec::new(),
            reason,
        }
    }

    fn wanted(from: &Type, to: &Type) -> ConvertError {
        ConvertError::here(format!("{} is required, not {}", to.in_words(), from.in_words()))
    }

    fn under(mut self, step: Step) -> ConvertError {
        self.path.insert(0, step);
        self
    }
}

struct Prefix<'a>(&'a [Step]);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("element ")?;
        for step in self.0 {
            match step {
                Step::At(at) => write!(f, "[{at}]")?,
                Step::Named(name) => write!(f, "[{name:?}]")?,
            }
        }
        f.write_str(": ")
    }
}
