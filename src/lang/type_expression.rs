//! Type expressions: `string`, `list(number)`, `object({ name = string, port = optional(number, 22) })`.

use std::collections::BTreeMap;
use std::fmt;

use super::convert::ConvertError;
use super::eval::{evaluate, nearest};
use super::scope::{Nothing, Scope};
use super::syntax::{Expression, ExpressionKind};
use super::types::Type;
use super::value::{Kind, Value};
use crate::diagnostic::{Diagnostic, Diagnostics};

const NAMES: &[&str] = &[
    "string", "number", "bool", "any", "list", "set", "map", "tuple", "object",
];
/// How deep types may be nested.
const DEEPEST: usize = 64;

/// A type, and what stands for attributes that are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// The type that values get.
    pub ty: Type,
    shape: Shape,
}

/// Where in a type attributes are optional.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Nowhere.
    Plain,
    /// In each element of a list, set or map.
    Each(Box<Constraint>),
    /// In elements of a tuple.
    Tuple(Vec<Constraint>),
    /// In an object, and in its attributes.
    Object(BTreeMap<String, Attribute>),
}

#[derive(Debug, Clone, PartialEq)]
struct Attribute {
    constraint: Constraint,
    /// If it may be left out: what stands for it then.
    default: Option<Value>,
}

impl Constraint {
    /// Any type.
    pub fn any() -> Constraint {
        Constraint::plain(Type::Any)
    }

    fn plain(ty: Type) -> Constraint {
        Constraint {
            ty,
            shape: Shape::Plain,
        }
    }

    fn each(element: Constraint, ty: fn(Type) -> Type) -> Constraint {
        let own = ty(element.ty.clone());
        match element.shape {
            Shape::Plain => Constraint::plain(own),
            _ => Constraint {
                ty: own,
                shape: Shape::Each(Box::new(element)),
            },
        }
    }

    /// The value as one of the type; what is left out and optional gets its default, or null.
    ///
    /// # Errors
    /// As [`Value::convert`].
    pub fn convert(&self, value: &Value) -> Result<Value, ConvertError> {
        self.fill(value).convert(&self.ty)
    }

    /// With all that is left out put in. What does not fit is left to the conversion.
    fn fill(&self, value: &Value) -> Value {
        let filled = match (&self.shape, &value.kind) {
            (Shape::Each(element), Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all)) => {
                Value::tuple(all.iter().map(|one| element.fill(one)).collect())
            }
            (Shape::Each(element), Kind::Map(_, all) | Kind::Object(all)) => Value::object(
                all.iter()
                    .map(|(name, one)| (name.clone(), element.fill(one)))
                    .collect(),
            ),
            (Shape::Tuple(wanted), Kind::Tuple(all)) if wanted.len() == all.len() => Value::tuple(
                wanted
                    .iter()
                    .zip(all.iter())
                    .map(|(one, value)| one.fill(value))
                    .collect(),
            ),
            (Shape::Object(wanted), Kind::Map(_, all) | Kind::Object(all)) => {
                let mut all = BTreeMap::clone(all);
                for (name, attribute) in wanted {
                    let given = all
                        .get(name)
                        .filter(|given| !given.is_null() || attribute.default.is_none());
                    if let Some(value) = given
                        .map(|given| attribute.constraint.fill(given))
                        .or(attribute.default.clone())
                    {
                        all.insert(name.clone(), value);
                    }
                }
                Value::object(all)
            }
            _ => return value.clone(),
        };
        filled.marked(value.is_sensitive())
    }
}

/// As it is written.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outer = match self.ty {
            Type::List(_) => "list",
            Type::Set(_) => "set",
            _ => "map",
        };
        match &self.shape {
            Shape::Plain => write!(f, "{}", self.ty),
            Shape::Each(element) => write!(f, "{outer}({element})"),
            Shape::Tuple(all) => {
                let all: Vec<String> = all.iter().map(Constraint::to_string).collect();
                write!(f, "tuple([{}])", all.join(", "))
            }
            Shape::Object(all) => {
                let all: Vec<String> = all.iter().map(|(name, one)| format!("{name} = {one}")).collect();
                write!(f, "object({{ {} }})", all.join(", "))
            }
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.default {
            None => write!(f, "{}", self.constraint),
            Some(default) if default.is_null() => write!(f, "optional({})", self.constraint),
            Some(_) => write!(f, "optional({}, ...)", self.constraint),
        }
    }
}

/// The type that an expression names.
///
/// # Errors
/// What is no type in it.
pub fn read(expression: &Expression) -> Result<Constraint, Diagnostic> {
    nested(expression, 0)
}

fn nested(expression: &Expression, depth: usize) -> Result<Constraint, Diagnostic> {
    if depth > DEEPEST {
        return Err(wrong(expression, "it is nested too deeply"));
    }
    match &expression.kind {
        ExpressionKind::Parentheses(inner) => nested(inner, depth + 1),
        ExpressionKind::Variable(name) => named(name, expression),
        ExpressionKind::Call { name, arguments, .. } => constructed(name, arguments, expression, depth + 1),
        ExpressionKind::Value(value) if value.as_str().is_some() => {
            Err(wrong(expression, "write the type without quotes"))
        }
        _ => Err(wrong(
            expression,
            "write string, number, bool, list(...), map(...), object({ ... })",
        )),
    }
}

fn named(name: &str, expression: &Expression) -> Result<Constraint, Diagnostic> {
    let ty = match name {
        "string" => Type::String,
        "number" => Type::Number,
        "bool" => Type::Bool,
        "any" => Type::Any,
        "list" | "set" | "map" => return Err(wrong(expression, &format!("of what? write {name}(string)"))),
        _ => return Err(unknown(name, expression)),
    };
    Ok(Constraint::plain(ty))
}

fn constructed(
    name: &str,
    arguments: &[Expression],
    expression: &Expression,
    depth: usize,
) -> Result<Constraint, Diagnostic> {
    if name == "optional" {
        return Err(wrong(
            expression,
            "optional(...) stands for an attribute of object({ ... })",
        ));
    }
    if !NAMES.contains(&name) {
        return Err(unknown(name, expression));
    }
    let [argument] = arguments else {
        return Err(wrong(expression, &format!("{name}(...) takes one argument")));
    };
    match (name, &argument.kind) {
        ("list", _) => nested(argument, depth).map(|element| Constraint::each(element, Type::list)),
        ("set", _) => nested(argument, depth).map(|element| Constraint::each(element, Type::set)),
        ("map", _) => nested(argument, depth).map(|element| Constraint::each(element, Type::map)),
        ("tuple", ExpressionKind::Tuple(all)) => tuple(all, depth),
        ("object", ExpressionKind::Object(all)) => object(all, depth),
        ("tuple", _) => Err(wrong(argument, "write tuple([string, number])")),
        ("object", _) => Err(wrong(argument, "write object({ name = string })")),
        _ => Err(wrong(expression, &format!("{name} takes no argument"))),
    }
}

fn tuple(all: &[Expression], depth: usize) -> Result<Constraint, Diagnostic> {
    let all = all
        .iter()
        .map(|one| nested(one, depth))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Constraint {
        ty: Type::Tuple(all.iter().map(|one| one.ty.clone()).collect()),
        shape: match all.iter().all(|one| one.shape == Shape::Plain) {
            true => Shape::Plain,
            false => Shape::Tuple(all),
        },
    })
}

fn object(all: &[(Expression, Expression)], depth: usize) -> Result<Constraint, Diagnostic> {
    let mut attributes = BTreeMap::new();
    for (key, ty) in all {
        let name = match &key.kind {
            ExpressionKind::Value(name) => name.as_str().unwrap_or_default().to_owned(),
            _ => return Err(wrong(key, "write the name of an attribute")),
        };
        let attribute = match &ty.kind {
            ExpressionKind::Call { name, arguments, .. } if name == "optional" => optional(arguments, ty, depth)?,
            _ => Attribute {
                constraint: nested(ty, depth)?,
                default: None,
            },
        };
        if attributes.insert(name, attribute).is_some() {
            return Err(wrong(key, "this attribute stands twice"));
        }
    }
    let plain = |one: &Attribute| one.default.is_none() && one.constraint.shape == Shape::Plain;
    let types = attributes
        .iter()
        .map(|(name, one)| (name.clone(), one.constraint.ty.clone()));
    Ok(Constraint {
        ty: Type::Object(types.collect()),
        shape: match attributes.values().all(plain) {
            true => Shape::Plain,
            false => Shape::Object(attributes),
        },
    })
}

/// `optional(type)`, `optional(type, default)`
fn optional(arguments: &[Expression], expression: &Expression, depth: usize) -> Result<Attribute, Diagnostic> {
    let (ty, default) = match arguments {
        [ty] => (ty, None),
        [ty, default] => (ty, Some(default)),
        _ => {
            return Err(wrong(
                expression,
                "optional(...) takes a type, and a default if there is one",
            ));
        }
    };
    let constraint = nested(ty, depth)?;
    let Some(written) = default else {
        let default = Some(Value::null(constraint.ty.clone()));
        return Ok(Attribute { constraint, default });
    };
    let value = evaluate(written, &Scope::new(&Nothing)).map_err(first)?;
    let converted = constraint.convert(&value).map_err(|error| {
        Diagnostic::error("the default of an attribute is not of its type").label(&written.span, error.to_string())
    })?;
    Ok(Attribute {
        constraint,
        default: Some(converted),
    })
}

fn first(errors: Diagnostics) -> Diagnostic {
    let first = errors.into_iter().next();
    first.unwrap_or_else(|| Diagnostic::error("the default of an attribute cannot be computed"))
}

fn unknown(name: &str, expression: &Expression) -> Diagnostic {
    let meant = nearest(name, NAMES.iter().copied()).map(|meant| format!("did you mean {meant}?"));
    wrong(expression, &meant.unwrap_or_else(|| "no type has this name".to_owned()))
}

fn wrong(expression: &Expression, why: &str) -> Diagnostic {
    Diagnostic::error("this is no type").label(&expression.span, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse_expression;
    use crate::source::Source;

    fn of(text: &str) -> Result<String, String> {
        let expression = parse_expression(&Source::new("x", text)).unwrap();
        read(&expression)
            .map(|ty| ty.to_string())
            .map_err(|error| error.labels[0].text.clone())
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in [
            "string",
            "list(map(number))",
            "tuple([string, bool])",
            "object({ a = set(any) })",
        ] {
            assert_eq!(of(text).as_deref(), Ok(text));
        }
        assert_eq!(of("strin").unwrap_err(), "did you mean string?");
        assert_eq!(of("list").unwrap_err(), "of what? write list(string)");
        assert_eq!(of("\"string\"").unwrap_err(), "write the type without quotes");
        for text in [
            "object({ a = optional(string), b = list(object({ c = optional(number) })) })",
            "map(tuple([object({ a = optional(any) })]))",
        ] {
            assert_eq!(of(text).as_deref(), Ok(text));
        }
        assert!(of("optional(string)").is_err() && of("object({ a = optional() })").is_err());
        assert!(of("object({ a = optional(number, \"x\") })").is_err());
        assert!(of("string(bool)").is_err() && of("list(string, bool)").is_err() && of("1").is_err());
    }

    fn converted(ty: &str, value: &str) -> String {
        let parse = |text: &str| parse_expression(&Source::new("x", text)).unwrap();
        let value = evaluate(&parse(value), &Scope::new(&Nothing)).unwrap();
        let constraint = read(&parse(ty)).unwrap();
        constraint
            .convert(&value)
            .map_or_else(|error| error.to_string(), |value| value.to_json().to_string())
    }

    #[test]
    fn what_is_left_out_gets_its_default() {
        let user = "object({ name = string, port = optional(number, 22), keys = optional(list(string)) })";
        assert_eq!(converted(user, "{ name = 1 }"), r#"{"keys":null,"name":"1","port":22}"#);
        assert_eq!(
            converted(user, "{ name = \"a\", port = null, keys = [], more = 1 }"),
            r#"{"keys":[],"name":"a","port":22}"#
        );
        assert_eq!(converted(user, "{ port = 1 }"), r#"attribute "name" is required"#);
        let users = format!("map({user})");
        assert_eq!(
            converted(
                &users,
                "{ a = { name = \"x\", port = 1 }, b = { name = \"y\", keys = [\"k\"] } }"
            ),
            r#"{"a":{"keys":null,"name":"x","port":1},"b":{"keys":["k"],"name":"y","port":22}}"#
        );
        let deep = "object({ in = optional(object({ a = optional(string, \"d\") }), {}) })";
        assert_eq!(converted(deep, "{}"), r#"{"in":{"a":"d"}}"#);
        assert_eq!(
            converted("tuple([object({ a = optional(bool, true) })])", "[{}]"),
            r#"[{"a":true}]"#
        );
    }
}
