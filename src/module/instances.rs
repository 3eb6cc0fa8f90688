//! `for_each`: the images that one block stands for.

use std::collections::BTreeMap;

use super::names::Names;
use super::within::Within;
use crate::address::{ImageAddress, ModulePath};
use crate::data;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Block as Written, Part};
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
    /// Of a block with this name in a module, and its `for_each` with the place of that.
    pub fn of(path: &ModulePath, name: &str, for_each: Option<(Value, &Span)>) -> Result<Instances, Diagnostic> {
        let Some((value, span)) = for_each else {
            let address = ImageAddress::new(name, None).within(path);
            let value = of_one(&address);
            return Ok(Instances {
                all: vec![(address, None)],
                value,
            });
        };
        if let Some(unread) = value.unread() {
            return Ok(Instances {
                all: Vec::new(),
                value: unread_value(&unread),
            });
        }
        let mut all = Vec::new();
        let mut values = BTreeMap::new();
        for (key, value) in pairs(&value, span)? {
            let address = ImageAddress::new(name, Some(key.clone())).within(path);
            values.insert(key.clone(), of_one(&address));
            all.push((address, Some((key, value))));
        }
        Ok(Instances {
            all,
            value: values.into(),
        })
    }
}

/// The data sources that one block stands for.
#[derive(Debug)]
pub(super) struct Sources {
    /// Each with its key and value under `for_each`, by address.
    pub all: Vec<(String, Option<(String, Value)>)>,
    address: String,
    several: bool,
    value: Result<Value, Diagnostic>,
}

impl Sources {
    /// Of a declared block. What it is asked with is looked at only as long as it has not been read: whether it needs
    /// itself.
    pub fn of(names: &Names<'_>, kind: &str, name: &str) -> Result<Sources, Diagnostics> {
        let written = &names.declared.data[&(kind.to_owned(), name.to_owned())];
        let address = names.path.of(format_args!("data.{kind}.{name}"));
        let Some(for_each) = written.body.attribute("for_each") else {
            return Ok(Sources {
                value: Sources::one(names, written, kind, &address, None)?,
                all: vec![(address.clone(), None)],
                address,
                several: false,
            });
        };
        let keys = names.evaluate(&for_each.value)?;
        if let Some(unread) = keys.unread() {
            return Ok(Sources {
                all: Vec::new(),
                address,
                several: true,
                value: Ok(unread_value(&unread)),
            });
        }
        let (mut all, mut values) = (Vec::new(), BTreeMap::new());
        for (key, value) in pairs(&keys, &for_each.value.span)? {
            let one = format!("{address}[{}]", serde_json::Value::from(key.as_str()));
            let each = (key.clone(), value);
            values.insert(key, Sources::one(names, written, kind, &one, Some(&each))?);
            all.push((one, Some(each)));
        }
        let value = values.into_iter().map(|(key, value)| Ok((key, value?))).collect();
        Ok(Sources {
            all,
            address,
            several: true,
            value: Result::<BTreeMap<_, _>, _>::map(value, Value::object),
        })
    }

    fn one(
        names: &Names<'_>,
        written: &Written,
        kind: &str,
        address: &str,
        each: Option<&(String, Value)>,
    ) -> Result<Result<Value, Diagnostic>, Diagnostics> {
        if let Some(known) = names.data.get(address) {
            return Ok(known.clone());
        }
        let within = Within {
            names,
            image: None,
            each,
            own: None,
        };
        let asked = |name: &str| !matches!(name, "for_each" | "depends_on" | "provider");
        for attribute in written.body.attributes.iter().filter(|one| asked(&one.name.value)) {
            within.evaluate(&attribute.value)?;
        }
        let rows = data::kind(kind).map_or(&[][..], |kind| kind.attributes());
        let attributes = rows.iter().map(|row| {
            let term = Term::Data {
                of: address.to_owned(),
                attribute: row.name.to_owned(),
            };
            let value = Value::unknown(row.is.shape(), term).marked(row.sensitive);
            (row.name.to_owned(), value)
        });
        Ok(Ok(Value::object(attributes.collect())))
    }

    /// What a reference to the block yields.
    pub fn value(&self, reference: &Reference) -> Result<Value, Diagnostic> {
        let keys = || self.all.iter().filter_map(|(_, each)| Some(each.as_ref()?.0.as_str()));
        let address = &self.address;
        match (reference.parts.get(3), self.several && !self.all.is_empty()) {
            (Some(part), true) => match &part.value {
                Part::Key(key) if !keys().any(|one| one == key) => {
                    let meant = suggest(key, keys()).map(|meant| format!("did you mean \"{meant}\"?"));
                    let error = Diagnostic::error(format!("{address} has no key \"{key}\""));
                    Err(error.label(&part.span, meant.unwrap_or_default()))
                }
                Part::Name(attribute) if !keys().any(|one| one == attribute) => {
                    let key = keys().next().unwrap_or("KEY");
                    let error = Diagnostic::error(format!("{address} has for_each: there are several"));
                    Err(error
                        .at(&reference.span)
                        .help(format!("choose one: {address}[\"{key}\"].{attribute}")))
                }
                _ => self.value.clone(),
            },
            _ => self.value.clone(),
        }
    }
}

/// Something that is known when a data source has been read.
pub(super) fn unread_value(what: &str) -> Value {
    let (of, attribute) = what.rsplit_once('.').unwrap_or((what, ""));
    let term = Term::Data {
        of: of.to_owned(),
        attribute: attribute.to_owned(),
    };
    Value::unknown(Type::Any, term)
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

pub(super) fn pairs(value: &Value, span: &Span) -> Result<Vec<(String, Value)>, Diagnostic> {
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
    if instances.value.unread().is_some() {
        return Ok(());
    }
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
