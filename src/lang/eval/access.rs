//! Attributes, indexes and splats.

use super::{Evaluator, Result1, held, shown, unknown};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::number::Number;
use crate::lang::syntax::{Expression, ExpressionKind, Part};
use crate::lang::term::Term;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::source::{Span, Spanned};

/// One static step into a value.
pub(super) fn part(of: &Value, part: &Spanned<Part>) -> Result1 {
    match &part.value {
        Part::Name(name) => attribute(of, name, &part.span),
        Part::Key(key) => index(of, &key.as_str().into(), &part.span),
        Part::At(at) => index(of, &Number::from(*at).into(), &part.span),
    }
}

/// `of.name`
pub(super) fn attribute(of: &Value, name: &str, span: &Span) -> Result1 {
    let fail = |summary: String| Diagnostic::error(summary).at(span);
    if of.is_null() {
        return Err(fail(format!("attribute {name:?} of a value that is null")).into());
    }
    let ty = of.type_of();
    let found = match &ty {
        Type::Any => Some(Type::Any),
        Type::Map(element) => Some(Type::clone(element)),
        Type::Object(attributes) => attributes.get(name).cloned(),
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => {
            return Err(fail(format!("{} has no attributes", ty.in_words()))
                .help(format!("for one element write [0].{name}, for all of them [*].{name}"))
                .into());
        }
        _ => return Err(fail(format!("{} has no attributes", ty.in_words())).into()),
    };
    match (of.is_known(), found) {
        (false, Some(ty)) => unknown(
            ty,
            ExpressionKind::Attribute {
                of: Box::new(held(of)),
                name: name.to_owned(),
            },
            span,
        ),
        (true, Some(_)) => of.attribute(name).ok_or_else(|| missing(of, name, span).into()),
        (_, None) => Err(missing(of, name, span).into()),
    }
}

fn missing(of: &Value, name: &str, span: &Span) -> Diagnostic {
    let noun = if matches!(of.type_of(), Type::Map(_)) {
        "element"
    } else {
        "attribute"
    };
    let names: Vec<String> = match of.type_of() {
        _ if of.is_sensitive() => Vec::new(),
        Type::Object(all) => all.into_keys().collect(),
        _ => of
            .attributes()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect(),
    };
    let error = Diagnostic::error(format!("no {noun} {name:?}"));
    let near = nearest(name, names.iter().map(String::as_str));
    let error = match near {
        Some(near) => error.label(span, format!("did you mean {near:?}?")),
        None => error.at(span),
    };
    match names.len() {
        0 => error,
        1..=12 => error.note(format!("there is: {}", names.join(", "))),
        many => error.note(format!("there are {many} others")),
    }
}

/// The name that was probably meant.
pub(in crate::lang) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|name| (strsim::damerau_levenshtein(wrong, name), name));
    let (distance, name) = scored.min()?;
    (distance <= 1 + wrong.chars().count() / 4).then_some(name)
}

/// `of[key]`
pub(in crate::lang) fn index(of: &Value, key: &Value, span: &Span) -> Result1 {
    let fail = |summary: String| Diagnostics::from(Diagnostic::error(summary).at(span));
    if of.is_null() {
        return Err(fail("an element of a value that is null".into()));
    }
    if key.is_null() {
        return Err(fail("an index that is null".into()));
    }
    let ty = of.type_of();
    let wanted = match &ty {
        Type::List(_) | Type::Tuple(_) => Type::Number,
        Type::Map(_) | Type::Object(_) => Type::String,
        Type::Any => Type::Any,
        Type::Set(_) => {
            return Err(Diagnostic::error("the elements of a set have no places")
                .at(span)
                .help("walk it with for, or convert it with tolist")
                .into());
        }
        _ => return Err(fail(format!("{} has no elements", ty.in_words()))),
    };
    let key = key
        .convert(&wanted)
        .map_err(|error| fail(format!("this index does not fit: {error}")))?;
    let sensitive = of.is_sensitive() || key.is_sensitive();
    if !of.is_known() || !key.is_known() {
        let element = match ty {
            Type::List(element) | Type::Map(element) => Type::clone(&element),
            _ => Type::Any,
        };
        let kind = ExpressionKind::Index {
            of: Box::new(held(of)),
            key: Box::new(held(&key)),
        };
        return unknown(element, kind, span);
    }
    let found = match (of.elements(), key.as_str()) {
        (Some(all), _) => Some(place(all.len(), &key, span).map(|at| all[at].clone())?),
        (None, Some(name)) => of.attribute(name),
        (None, None) => None,
    };
    match found {
        Some(found) => Ok(found.marked(sensitive)),
        None if key.is_sensitive() => Err(fail("no element has this key, which is sensitive".into())),
        None => Err(missing(of, key.as_str().unwrap_or_default(), span).into()),
    }
}

/// The place that a key means in a sequence of this length.
fn place(length: usize, key: &Value, span: &Span) -> Result<usize, Diagnostics> {
    let at = key.as_u64().and_then(|at| usize::try_from(at).ok());
    at.filter(|at| *at < length).ok_or_else(|| {
        let error = Diagnostic::error(format!("no element {}", shown(key))).at(span);
        let error = match (length, key.as_number().is_some_and(Number::is_whole)) {
            (_, false) => error.note("an index is a whole number"),
            (0, _) => error.note("there are no elements"),
            (1, _) => error.note("there is one element, 0"),
            _ => error.note(format!("there are {length} elements, 0 to {}", length - 1)),
        };
        error.into()
    })
}

impl Evaluator<'_> {
    pub(super) fn splat(&mut self, of: &Expression, each: &Expression, span: &Span) -> Result1 {
        let source = self.value(of)?;
        let ty = source.type_of();
        if source.is_null() {
            return Ok(Value::tuple(Vec::new()).marked(source.is_sensitive()));
        }
        if !source.is_known() || source.is_unordered() {
            return self.splat_later(&source, each, span);
        }
        let all = match source.elements() {
            Some(all) => all.to_vec(),
            None => vec![source.clone()],
        };
        let mut errors = Diagnostics::new();
        let mut values = Vec::new();
        for one in all {
            self.each.push(one.marked(source.is_sensitive()));
            values.extend(errors.take(self.value(each)));
            self.each.pop();
            if errors.has_errors() {
                return Err(errors);
            }
        }
        let result = match ty {
            Type::List(element) | Type::Set(element) => {
                let of = match values.first() {
                    Some(first) => first.type_of(),
                    None => self.type_of_each(&element, each),
                };
                Value::list(of, values)
            }
            _ => Value::tuple(values),
        };
        Ok(result.marked(source.is_sensitive()))
    }

    fn splat_later(&mut self, source: &Value, each: &Expression, span: &Span) -> Result1 {
        let ty = match source.type_of() {
            Type::List(element) | Type::Set(element) => Type::list(self.type_of_each(&element, each)),
            _ => Type::Any,
        };
        let kind = ExpressionKind::Splat {
            of: Box::new(held(source)),
            each: Box::new(self.bind(each, &mut Vec::new())?),
        };
        unknown(ty, kind, span)
    }

    /// What type the splat yields for elements of this type.
    fn type_of_each(&mut self, element: &Type, each: &Expression) -> Type {
        self.each.push(Value::unknown(element.clone(), Term::Withheld));
        let value = self.value(each);
        self.each.pop();
        value.map_or(Type::Any, |value| value.type_of())
    }
}
