//! `for_each`: the images that one block stands for.

use std::collections::BTreeMap;

use crate::address::ImageAddress;
use crate::diagnostic::Diagnostic;
use crate::lang::syntax::Part;
use crate::lang::{Reference, Term, Type, Value};
use crate::schema::suggest;
use crate::source::Span;

/// What can be read of an image once it stands, beside its `ids`, which is a map of texts.
const ATTRIBUTES: &[&str] = &["digest", "id", "name", "release"];

/// The images that one block stands for.
#[derive(Debug)]
pub(super) struct Instances {
    /// Each with its key and value under `for_each`, by address.
    pub all: Vec<(ImageAddress, Option<(String, Value)>)>,
    /// What a reference to the block yields: what is known of the image, or that by key.
    pub value: Value,
}

impl Instances {
    /// Of a block with this name, and its `for_each` with the place of that.
    pub fn of(name: &str, for_each: Option<(Value, &Span)>) -> Result<Instances, Diagnostic> {
        let Some((value, span)) = for_each else {
            let address = ImageAddress::new(name, None);
            let value = of_one(&address);
            return Ok(Instances {
                all: vec![(address, None)],
                value,
            });
        };
        let mut all = Vec::new();
        let mut values = BTreeMap::new();
        for (key, value) in pairs(&value, span)? {
            let address = ImageAddress::new(name, Some(key.clone()));
            values.insert(key.clone(), of_one(&address));
            all.push((address, Some((key, value))));
        }
        Ok(Instances {
            all,
            value: values.into(),
        })
    }
}

/// What is known of an image: its address; the rest once it stands.
fn of_one(address: &ImageAddress) -> Value {
    let unknown = |name: &str, ty: Type| {
        let term = Term::Output {
            of: address.itself(),
            attribute: name.to_owned(),
        };
        (name.to_owned(), Value::unknown(ty, term))
    };
    let texts = ATTRIBUTES.iter().map(|name| unknown(name, Type::String));
    let known = ("address".to_owned(), Value::from(address.to_string()));
    let all = texts.chain([unknown("ids", Type::map(Type::String)), known]);
    Value::object(all.collect())
}

fn pairs(value: &Value, span: &Span) -> Result<Vec<(String, Value)>, Diagnostic> {
    let wrong = |why: String| {
        let error = Diagnostic::error("for_each takes a map, or a set of strings").label(span, why);
        Err(error.help("write toset([\"a\", \"b\"]) or { a = ..., b = ... }"))
    };
    if value.contains_sensitive() {
        let error =
            Diagnostic::error("for_each may not be sensitive").label(span, "this is computed from a sensitive value");
        return Err(error.note("its keys are in the addresses of images"));
    }
    if value.is_null() {
        return wrong("this is null".to_owned());
    }
    if !value.is_known() {
        let error = Diagnostic::error("for_each must be known before apply");
        let when = value
            .term()
            .map_or_else(String::new, |term| format!("this is known only after {term}"));
        return Err(error.label(span, when));
    }
    if let Some(attributes) = value.attributes() {
        return Ok(attributes
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect());
    }
    let elements = value.elements().filter(|_| matches!(value.type_of(), Type::Set(_)));
    let texts: Option<Vec<_>> = elements
        .map(|all| all.iter().map(|one| Some((one.as_str()?.to_owned(), one.clone()))))
        .and_then(Iterator::collect);
    match texts {
        Some(texts) => Ok(texts),
        None => wrong(format!("this is {}", value.type_of().in_words())),
    }
}

/// Whether a reference chooses one of several images where it must, and one that is there.
pub(super) fn check(instances: &Instances, name: &str, reference: &Reference) -> Result<(), Diagnostic> {
    let Some(part) = reference.parts.get(2) else {
        return Ok(());
    };
    let single = matches!(instances.all.as_slice(), [(_, None)]);
    let keys = || instances.all.iter().filter_map(|(address, _)| address.key.as_deref());
    match (&part.value, single) {
        (Part::Key(key), false) if !keys().any(|one| one == key) => {
            let meant = suggest(key, keys()).map(|meant| format!("did you mean \"{meant}\"?"));
            Err(Diagnostic::error(format!("image.{name} has no key \"{key}\""))
                .label(&part.span, meant.unwrap_or_default()))
        }
        (Part::Name(attribute), false) if !keys().any(|one| one == attribute) => {
            let key = keys().next().unwrap_or("KEY");
            let error = Diagnostic::error(format!("image.{name} has for_each: there are several")).at(&reference.span);
            Err(error.help(format!("choose one: image.{name}[\"{key}\"].{attribute}")))
        }
        (Part::Key(_) | Part::At(_), true) => {
            let error = Diagnostic::error(format!("image.{name} has no for_each: there is one")).at(&part.span);
            Err(error.help(format!("write image.{name}")))
        }
        _ => Ok(()),
    }
}
