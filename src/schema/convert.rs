//! From any value to one that an argument takes, in its one normal form.

use super::suggest::{did_you_mean, one_of};
use super::{Default, Type};
use crate::address::ImageAddress;
use crate::digest::Digest;
use crate::lang::types::Type as Shape;
use crate::lang::value::Value;
use crate::units::{Duration, Size};

impl Type {
    /// `a list of strings`: what is wanted, in words.
    pub fn in_words(&self) -> String {
        let words = match self {
            Type::Text => "a string",
            Type::Bool => "true or false",
            Type::Integer(low, high) => return format!("a whole number from {low} to {high}"),
            Type::Size => "a size such as \"8GiB\"",
            Type::SizeOrRest => "a size such as \"8GiB\", or \"100%\"",
            Type::Duration => "a duration such as \"10m\"",
            Type::Choice(choices) => return one_of(choices.iter().copied()),
            Type::Choices(choices) => return format!("a list of {}", one_of(choices.iter().copied())),
            Type::Mode => "a file mode such as \"0644\", or \"keep\"",
            Type::TextList => "a list of strings",
            Type::TextMap => "a map of strings",
            Type::IntegerList => "a list of whole numbers",
            Type::File => "the path of a file",
            Type::FileList => "a list of paths of files",
            Type::Tree => "the path of a file or directory",
            Type::Globs => "a list of paths or patterns of files",
            Type::Path => "a path",
            Type::Sha256 => "a SHA-256 digest: 64 hexadecimal digits",
            Type::Image => "a reference to an image, such as image.base",
            Type::Provider => "a reference to a provider, such as provider.local",
            Type::Addresses => "a list of references to images: [image.base]",
            Type::Names => "a list of names of arguments: [description, publish.tags]",
            Type::Any | Type::Expression | Type::Syntax => "a value",
        };
        words.to_owned()
    }

    /// The type of the language that a value is converted to first, if it is one.
    fn shape(&self) -> Option<Shape> {
        match self {
            Type::Bool => Some(Shape::Bool),
            Type::Integer(..) => Some(Shape::Number),
            Type::IntegerList => Some(Shape::list(Shape::Number)),
            Type::Choices(_) | Type::TextList | Type::FileList | Type::Globs => Some(Shape::list(Shape::String)),
            Type::TextMap => Some(Shape::map(Shape::String)),
            Type::Image
            | Type::Provider
            | Type::Addresses
            | Type::Names
            | Type::Any
            | Type::Expression
            | Type::Syntax => None,
            _ => Some(Shape::String),
        }
    }
}

impl Default {
    /// The value that stands where the argument is left out.
    pub fn value(&self) -> Option<Value> {
        let texts = |all: &[&str]| all.iter().map(|one| Value::from(*one)).collect();
        match self {
            Default::Absent | Default::Required => None,
            Default::Text(text) => Some((*text).into()),
            Default::Bool(answer) => Some((*answer).into()),
            Default::Integer(number) => Some((*number).into()),
            Default::List(all) => Some(Value::list(Shape::String, texts(all))),
            Default::Integers(all) => Some(Value::list(
                Shape::Number,
                all.iter().map(|one| (*one).into()).collect(),
            )),
        }
    }
}

/// What is wrong with a value: in the words of the underline, or of the summary where the kind of value is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Another kind of value is wanted.
    Kind(String),
    /// The kind is right, this value is not.
    Value(String),
}

/// The value as one of this type. It may be unknown, in whole or in part: whether that is allowed is not asked here.
pub(super) fn convert(value: &Value, ty: &Type) -> Result<Value, Wrong> {
    match ty {
        Type::Image => return image(value),
        Type::Provider => return named(value, "provider").ok_or_else(|| kind_of(value)),
        Type::Addresses => return addresses(value),
        _ => {}
    }
    let Some(shape) = ty.shape() else {
        return Ok(value.clone());
    };
    let value = value.convert(&shape).map_err(|error| match error.path.is_empty() {
        true => kind_of(value),
        false => Wrong::Kind(error.to_string()),
    })?;
    match null_element(&value) {
        Some(at) => Err(Wrong::Value(format!("element {at} is null"))),
        None if !value.is_known() => Ok(value),
        None => Ok(normal(&value, ty)?.marked(value.is_sensitive())),
    }
}

/// The one form of a known value that can be written in several ways, after a check.
fn normal(value: &Value, ty: &Type) -> Result<Value, Wrong> {
    let text = value.as_str().unwrap_or_default();
    let json = |written: Result<serde_json::Value, serde_json::Error>| {
        let text = written.ok().and_then(|json| json.as_str().map(str::to_owned));
        Value::from(text.expect("sizes and durations are written down as texts"))
    };
    let bad_unit = |error: crate::units::BadUnit| Wrong::Value(error.to_string());
    match ty {
        Type::SizeOrRest if text == "100%" => Ok(value.clone()),
        Type::Size | Type::SizeOrRest => text
            .parse::<Size>()
            .map(|size| json(serde_json::to_value(size)))
            .map_err(bad_unit),
        Type::Duration => text
            .parse::<Duration>()
            .map(|time| json(serde_json::to_value(time)))
            .map_err(bad_unit),
        Type::Integer(low, high) => match value.as_i64() {
            Some(number) if (*low..=*high).contains(&number) => Ok(value.clone()),
            _ => Err(Wrong::Value(format!("{} is wanted", ty.in_words()))),
        },
        Type::IntegerList => match value.children().all(|one| one.as_i64().is_some()) {
            true => Ok(value.clone()),
            false => Err(Wrong::Value("whole numbers are wanted".to_owned())),
        },
        Type::Choice(choices) => choice(text, choices).map(|()| value.clone()),
        Type::Choices(choices) => {
            let mut texts = value.children().filter_map(Value::as_str);
            texts.try_for_each(|one| choice(one, choices)).map(|()| value.clone())
        }
        Type::Mode => mode(text).map(Value::from),
        Type::Sha256 => match text.parse::<Digest>() {
            Ok(digest) => Ok(digest.to_string().into()),
            Err(error) => Err(Wrong::Value(error.to_string())),
        },
        Type::File | Type::Tree | Type::Path if text.is_empty() || text.contains('\0') => {
            Err(Wrong::Value("a path may not be empty".to_owned()))
        }
        Type::TextList | Type::TextMap => check_texts(value).map(|()| value.clone()),
        _ => Ok(value.clone()),
    }
}

/// Texts that become arguments, variables and tags: none of them can hold the character that ends a text of the
/// kernel's. What is in a file may (`content`).
fn check_texts(value: &Value) -> Result<(), Wrong> {
    let keys = value.attributes().into_iter().flat_map(|all| all.keys());
    if keys.clone().any(String::is_empty) {
        return Err(Wrong::Value("a key may not be empty".to_owned()));
    }
    let texts = value.children().filter_map(Value::as_str);
    match keys.map(String::as_str).chain(texts).any(|text| text.contains('\0')) {
        true => Err(Wrong::Value("a text may not hold the character \\u0000".to_owned())),
        false => Ok(()),
    }
}

fn choice(text: &str, choices: &[&str]) -> Result<(), Wrong> {
    if choices.contains(&text) {
        return Ok(());
    }
    let meant = did_you_mean(text, choices.iter().copied());
    Err(Wrong::Value(match meant.is_empty() {
        true => format!("{} is wanted", one_of(choices.iter().copied())),
        false => meant,
    }))
}

/// Four octal digits: `644` is `0644`.
fn mode(text: &str) -> Result<String, Wrong> {
    let number = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    match number {
        _ if text == "keep" => Ok(text.to_owned()),
        Some(number) => Ok(format!("{number:04o}")),
        None => Err(Wrong::Value(
            "an octal mode such as \"0644\", or \"keep\", is wanted".to_owned(),
        )),
    }
}

/// The address of an image: what evaluating `image.NAME` yields names it.
fn image(value: &Value) -> Result<Value, Wrong> {
    let address = named(value, "address");
    let found = address.filter(|one| one.as_str().is_some_and(|text| text.parse::<ImageAddress>().is_ok()));
    found.ok_or_else(|| match instances(value).next() {
        Some(example) => Wrong::Value(format!("this image has for_each: choose one, such as {example}")),
        None => kind_of(value),
    })
}

/// The addresses of images; one with `for_each` stands for all of them.
fn addresses(value: &Value) -> Result<Value, Wrong> {
    let elements = value.elements().ok_or_else(|| kind_of(value))?;
    let mut all = Vec::new();
    for element in elements {
        let before = all.len();
        match image(element) {
            Ok(address) => all.push(address),
            Err(wrong) => {
                all.extend(instances(element).map(Value::from));
                if all.len() == before && element.attributes().is_none_or(|none| !none.is_empty()) {
                    return Err(wrong);
                }
            }
        }
    }
    Ok(Value::list(Shape::String, all))
}

/// The addresses of the images that `image.NAME` with `for_each` stands for.
fn instances(value: &Value) -> impl Iterator<Item = String> + '_ {
    value
        .attributes()
        .into_iter()
        .flatten()
        .filter_map(|(_, one)| image(one).ok()?.as_str().map(str::to_owned))
}

fn named(value: &Value, attribute: &str) -> Option<Value> {
    value.attribute(attribute).filter(|one| one.as_str().is_some())
}

fn kind_of(value: &Value) -> Wrong {
    Wrong::Kind(format!("this is {}", value.type_of().in_words()))
}

fn null_element(value: &Value) -> Option<String> {
    if let Some(attributes) = value.attributes() {
        let null = attributes.iter().find(|(_, one)| one.is_null());
        return null.map(|(key, _)| format!("{key:?}"));
    }
    let at = value.elements()?.iter().position(Value::is_null)?;
    Some(at.to_string())
}
