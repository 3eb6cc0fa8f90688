//! `for` expressions and templates.

use std::collections::BTreeMap;

use super::{Evaluator, Result1, held, limits, object_key, unknown};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::number::Number;
use crate::lang::syntax::{Expression, ExpressionKind, For};
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};
use crate::source::Span;

/// What one element of a `for` gave.
enum Item {
    /// Its condition is false; whether that is secret.
    Left(bool),
    /// Key and value; whether that it is there, or its key, is secret.
    Taken(Option<Value>, Value, bool),
    NotKnown,
}

impl Evaluator<'_> {
    pub(super) fn for_expression(&mut self, one: &For, span: &Span) -> Result1 {
        let collection = self.value(&one.collection)?;
        let place = &one.collection.span;
        if collection.is_null() {
            return Err(Diagnostic::error("for over a value that is null").at(place).into());
        }
        if !collection.is_known() || collection.is_unordered() {
            return self.for_later(one, &collection, span);
        }
        let Some(pairs) = pairs(&collection) else {
            let words = collection.type_of().in_words();
            return Err(Diagnostic::error(format!("for over {words}"))
                .at(place)
                .note("it walks lists, sets, tuples, maps and objects")
                .into());
        };
        let mut items = Vec::with_capacity(pairs.len());
        let mut sensitive = collection.is_sensitive();
        for (key, value) in pairs {
            self.walked.step(span)?;
            let secret = collection.is_sensitive();
            match self.item(one, key.marked(secret), value.marked(secret))? {
                Item::Left(secret) => sensitive |= secret,
                Item::Taken(key, value, secret) => {
                    sensitive |= secret;
                    items.push((key, value));
                }
                Item::NotKnown => return self.for_later(one, &collection, span),
            }
        }
        let result = match &one.output_key {
            None => Value::tuple(items.into_iter().map(|(_, value)| value).collect()),
            Some(key) => gather(items, one.group, &key.span)?,
        };
        limits::made(&result, span)?;
        Ok(result.marked(sensitive))
    }

    fn for_later(&mut self, one: &For, collection: &Value, span: &Span) -> Result1 {
        let mut bound: Vec<String> = one.key.iter().cloned().collect();
        bound.push(one.value.clone());
        let mut inside = |part: &Expression| self.bind(part, &mut bound);
        let later = For {
            key: one.key.clone(),
            value: one.value.clone(),
            collection: held(collection),
            output_key: one.output_key.as_ref().map(&mut inside).transpose()?,
            output: inside(&one.output)?,
            condition: one.condition.as_ref().map(&mut inside).transpose()?,
            group: one.group,
        };
        let ty = Type::Any;
        unknown(ty, ExpressionKind::For(Box::new(later)), span)
    }

    /// One round. An error ends the walk: the next rounds would mostly say the same.
    fn item(&mut self, one: &For, key: Value, value: Value) -> Result<Item, Diagnostics> {
        let before = self.variables.len();
        self.variables.extend(one.key.clone().map(|name| (name, key)));
        self.variables.push((one.value.clone(), value));
        let item = self.round(one);
        self.variables.truncate(before);
        item
    }

    fn round(&mut self, one: &For) -> Result<Item, Diagnostics> {
        let mut sensitive = false;
        if let Some(condition) = &one.condition {
            let wrong =
                |why: String| Diagnostic::error(format!("this condition is no bool: {why}")).at(&condition.span);
            let answer = self.value(condition)?;
            if answer.is_null() {
                return Err(wrong("it is null".into()).into());
            }
            let answer = answer.convert(&Type::Bool).map_err(|error| wrong(error.to_string()))?;
            sensitive = answer.is_sensitive();
            match answer.as_bool() {
                Some(true) => {}
                Some(false) => return Ok(Item::Left(sensitive)),
                None => return Ok(Item::NotKnown),
            }
        }
        let Some(output_key) = &one.output_key else {
            return Ok(Item::Taken(None, self.value(&one.output)?, sensitive));
        };
        let (key, value) = self.pair(output_key, &one.output)?;
        match key.is_known() {
            true => {
                sensitive |= key.is_sensitive();
                Ok(Item::Taken(Some(key), value, sensitive))
            }
            false => Ok(Item::NotKnown),
        }
    }

    pub(super) fn template(&mut self, parts: &[Expression], span: &Span) -> Result1 {
        let mut errors = Diagnostics::new();
        let (mut text, mut known, mut sensitive) = (String::new(), true, false);
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            let value = self.value(part).and_then(|value| Ok(interpolated(&value, &part.span)?));
            let Some(value) = errors.take(value) else {
                continue;
            };
            sensitive |= value.contains_sensitive();
            known &= value.is_known();
            let more = value.as_str().unwrap_or_default();
            limits::text(text.len() + more.len(), span)?;
            text.push_str(more);
            values.push(held(&value));
        }
        if errors.has_errors() {
            return Err(errors);
        }
        match known {
            true => Ok(Value::from(text).marked(sensitive)),
            false => unknown(Type::String, ExpressionKind::Template(values), span),
        }
    }

    /// The texts of a `%{ for }`, put together.
    pub(super) fn join(&mut self, of: &Expression, span: &Span) -> Result1 {
        let value = self.value(of)?;
        let all = value.elements().map(<[Value]>::to_vec);
        match all {
            Some(all) if all.iter().all(Value::is_known) => {
                let sensitive = value.contains_sensitive();
                limits::text(all.iter().filter_map(Value::as_str).map(str::len).sum(), span)?;
                let text: String = all.iter().filter_map(Value::as_str).collect();
                Ok(Value::from(text).marked(sensitive))
            }
            _ => unknown(Type::String, ExpressionKind::Join(Box::new(held(&value))), span),
        }
    }
}

/// A value inside a text.
fn interpolated(value: &Value, span: &Span) -> Result<Value, Diagnostic> {
    if value.is_null() {
        return Err(Diagnostic::error("null cannot be put into a text").at(span));
    }
    value.convert(&Type::String).map_err(|_| {
        let words = value.type_of().in_words();
        Diagnostic::error(format!("{words} cannot be put into a text"))
            .at(span)
            .help("join its elements with join, or write it with jsonencode")
    })
}

/// Keys and elements in the order in which they are walked.
fn pairs(collection: &Value) -> Option<Vec<(Value, Value)>> {
    match &collection.kind {
        Kind::Set(_, all) => Some(all.iter().map(|one| (one.clone(), one.clone())).collect()),
        Kind::List(_, all) | Kind::Tuple(all) => {
            let numbered = all.iter().enumerate();
            Some(
                numbered
                    .map(|(at, one)| (Number::from(at).into(), one.clone()))
                    .collect(),
            )
        }
        Kind::Map(_, all) | Kind::Object(all) => Some(
            all.iter()
                .map(|(name, one)| (Value::from(name.as_str()), one.clone()))
                .collect(),
        ),
        _ => None,
    }
}

/// The object of a `for` with keys.
fn gather(items: Vec<(Option<Value>, Value)>, group: bool, span: &Span) -> Result1 {
    let mut grouped: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, value) in items {
        let key = key.unwrap_or_else(|| Value::null(Type::String));
        let secret = key.contains_sensitive();
        let key = object_key(&key, span)?;
        let all = grouped.entry(key.clone()).or_default();
        if !group && !all.is_empty() {
            return Err(Diagnostic::error(match secret {
                true => "two elements have the same key, which is sensitive".to_owned(),
                false => format!("two elements have the key {key:?}"),
            })
            .at(span)
            .help("write ... behind the value to gather them in a list")
            .into());
        }
        all.push(value);
    }
    let attributes = grouped.into_iter().map(|(key, mut all)| match group {
        true => (key, Value::tuple(all)),
        false => (key, all.remove(0)),
    });
    Ok(Value::object(attributes.collect()))
}
