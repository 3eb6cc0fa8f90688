//! Evaluation: what an expression yields in a scope. The semantics are those of Terraform 1.11.

mod access;
mod bind;
mod call;
mod collections;
mod limits;
mod operators;

pub(super) use self::access::nearest;
pub(super) use self::operators::equal;

use std::collections::BTreeMap;

use super::resolve::Known;
use super::scope::{Nothing, Scope};
use super::syntax::{Expression, ExpressionKind, Reference};
use super::term::Term;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// How deep evaluation may go before the stack is in danger: expressions themselves are limited when they are parsed.
const DEEPEST: usize = 400;
/// How many values an unknown may be computed from, and through how many steps.
const LARGEST_TERM: (usize, usize) = (100_000, 100);

/// Computes an expression. Errors of independent parts are all collected; what only follows from another error is not
/// said.
///
/// # Errors
/// Each with the place that caused it.
pub fn evaluate(expression: &Expression, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    Evaluator::new(scope).value(expression)
}

/// Computes the expression of a term, now that the outputs are there.
pub(super) fn compute(expression: &Expression, known: Known<'_>) -> Result<Value, Diagnostic> {
    let scope = Scope::new(&Nothing).with(known);
    evaluate(expression, &scope).map_err(|errors| {
        let first = errors.into_iter().next();
        first.unwrap_or_else(|| Diagnostic::error("a value could not be computed"))
    })
}

/// One evaluation, with the variables of the `for`s that it is in.
pub(in crate::lang) struct Evaluator<'a> {
    scope: &'a Scope<'a>,
    variables: Vec<(String, Value)>,
    /// The elements of the splats around, innermost last.
    each: Vec<Value>,
    depth: usize,
    walked: limits::Walked,
    /// How many calls around hide what they are given.
    hiding: usize,
}

type Result1 = Result<Value, Diagnostics>;

impl<'a> Evaluator<'a> {
    pub(super) fn new(scope: &'a Scope<'a>) -> Evaluator<'a> {
        Evaluator {
            scope,
            variables: scope.bound.to_vec(),
            each: Vec::new(),
            depth: 0,
            walked: limits::Walked::default(),
            hiding: 0,
        }
    }

    /// With these variables, and with no others: for `templatefile`.
    pub(in crate::lang) fn with_variables(
        scope: &'a Scope<'a>,
        variables: Vec<(String, Value)>,
        depth: usize,
    ) -> Evaluator<'a> {
        Evaluator {
            variables,
            depth,
            ..Evaluator::new(scope)
        }
    }

    pub(in crate::lang) fn value(&mut self, expression: &Expression) -> Result1 {
        if self.depth >= DEEPEST {
            return Err(Diagnostic::error("this expression is nested too deeply")
                .at(&expression.span)
                .into());
        }
        self.depth += 1;
        let result = self.dispatch(expression);
        self.depth -= 1;
        result
    }

    fn dispatch(&mut self, expression: &Expression) -> Result1 {
        let span = &expression.span;
        match &expression.kind {
            ExpressionKind::Value(value) => self.literal(value),
            ExpressionKind::Parentheses(inner) => self.value(inner),
            ExpressionKind::Each => Ok(self.each.last().cloned().unwrap_or_else(|| Value::null(Type::Any))),
            ExpressionKind::Variable(_) | ExpressionKind::Attribute { .. } | ExpressionKind::Index { .. } => {
                self.reference(expression)
            }
            ExpressionKind::Splat { of, each } => self.splat(of, each, span),
            ExpressionKind::Not(of) => self.not(of, span),
            ExpressionKind::Negate(of) => self.negate(of, span),
            ExpressionKind::Binary { operator, left, right } => self.binary(*operator, left, right, span),
            ExpressionKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(condition, then, otherwise, span),
            ExpressionKind::Call {
                name,
                arguments,
                expand,
            } => self.call(name, arguments, *expand, span),
            ExpressionKind::Tuple(all) => {
                let value = Value::tuple(self.all(all)?);
                limits::made(&value, span)?;
                Ok(value)
            }
            ExpressionKind::Object(all) => self.object(all, span),
            ExpressionKind::For(one) => self.for_expression(one, span),
            ExpressionKind::Template(parts) => self.template(parts, span),
            ExpressionKind::Join(of) => self.join(of, span),
            ExpressionKind::Convert { of, to } => {
                let value = self.value(of)?;
                value
                    .convert(to)
                    .map_err(|error| Diagnostic::error(error.to_string()).at(span).into())
            }
        }
    }

    /// A value that stands in the expression; when a term is computed, what it waits for is there now.
    fn literal(&mut self, value: &Value) -> Result1 {
        match self.scope.known {
            Some(known) => Ok(value.settle(known)?),
            None => Ok(value.clone()),
        }
    }

    /// All of them; the errors of each if any has some.
    fn all(&mut self, all: &[Expression]) -> Result<Vec<Value>, Diagnostics> {
        let mut errors = Diagnostics::new();
        let mut values = Vec::with_capacity(all.len());
        for one in all {
            values.extend(errors.take(self.value(one)));
        }
        errors.into_result(values).map(|(values, _)| values)
    }

    fn pair(&mut self, left: &Expression, right: &Expression) -> Result<(Value, Value), Diagnostics> {
        let mut errors = Diagnostics::new();
        let left = errors.take(self.value(left));
        let right = errors.take(self.value(right));
        match (left, right) {
            (Some(left), Some(right)) => Ok((left, right)),
            _ => Err(errors),
        }
    }

    fn reference(&mut self, expression: &Expression) -> Result1 {
        match expression.as_reference() {
            Some(reference) if !self.binds(reference.root()) => self.resolve(&reference),
            _ => self.step(expression),
        }
    }

    fn binds(&self, name: &str) -> bool {
        self.variables.iter().any(|(bound, _)| bound == name)
    }

    fn resolve(&mut self, reference: &Reference) -> Result1 {
        let (value, taken) = self.scope.resolver.resolve(reference)?;
        let mut value = value;
        for part in reference.parts.iter().skip(taken) {
            value = access::part(&value, part)?;
        }
        Ok(value)
    }

    /// The last step of a chain whose beginning has to be computed.
    fn step(&mut self, expression: &Expression) -> Result1 {
        match &expression.kind {
            ExpressionKind::Variable(name) => {
                let found = self.variables.iter().rev().find(|(bound, _)| bound == name);
                Ok(found.map_or_else(|| Value::null(Type::Any), |(_, value)| value.clone()))
            }
            ExpressionKind::Attribute { of, name } => {
                let value = self.value(of)?;
                let end = expression.span.bytes().end;
                let start = of.span.bytes().end.min(end);
                let place = Span::new(expression.span.source(), start..end);
                Ok(access::attribute(&value, name, &place)?)
            }
            ExpressionKind::Index { of, key } => {
                let (value, at) = self.pair(of, key)?;
                Ok(access::index(&value, &at, &key.span)?)
            }
            _ => self.value(expression),
        }
    }

    fn object(&mut self, all: &[(Expression, Expression)], span: &Span) -> Result1 {
        let mut errors = Diagnostics::new();
        let (mut attributes, mut pairs) = (BTreeMap::new(), Vec::new());
        let (mut keys_known, mut sensitive) = (true, false);
        for (key, value) in all {
            let (name, value) = (errors.take(self.value(key)), errors.take(self.value(value)));
            let (Some(name), Some(value)) = (name, value) else {
                continue;
            };
            sensitive |= name.is_sensitive();
            if name.is_known() {
                if let Some(name) = errors.take(object_key(&name, &key.span)) {
                    attributes.insert(name, value.clone());
                }
            } else {
                keys_known = false;
            }
            pairs.push((
                Expression::value(name, key.span.clone()),
                Expression::value(value, Span::nowhere()),
            ));
        }
        if errors.has_errors() {
            return Err(errors);
        }
        if keys_known {
            let value = Value::object(attributes);
            limits::made(&value, span)?;
            return Ok(value.marked(sensitive));
        }
        unknown(Type::Any, ExpressionKind::Object(pairs), span)
    }
}

/// A value as the key of an object.
fn object_key(key: &Value, span: &Span) -> Result<String, Diagnostic> {
    if key.is_null() {
        return Err(Diagnostic::error("the key of an object is null").at(span));
    }
    let text = key
        .convert(&Type::String)
        .map_err(|error| Diagnostic::error(format!("this cannot be the key of an object: {error}")).at(span))?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

/// An unknown that will be computed from the values in `kind`; it is sensitive if one of them is.
pub(in crate::lang) fn unknown(ty: Type, kind: ExpressionKind, span: &Span) -> Result1 {
    let expression = Expression::new(kind, Span::nowhere());
    let mut sensitive = false;
    expression.each_value(&mut |value| sensitive |= value.contains_sensitive());
    let value = Value::unknown(ty, Term::Computed(Box::new(expression)));
    let (weight, depth) = value.term_size();
    if weight > LARGEST_TERM.0 || depth > LARGEST_TERM.1 {
        return Err(
            Diagnostic::error("too much is computed from values that are not known yet")
                .at(span)
                .note(format!("{weight} values in {depth} steps wait for apply"))
                .into(),
        );
    }
    Ok(value.marked(sensitive))
}

/// A value as an expression that stands for it.
pub(in crate::lang) fn held(value: &Value) -> Expression {
    Expression::value(value.clone(), Span::nowhere())
}

/// Shown for a wrong value in an error: the text itself, unless it is secret.
pub(super) fn shown(value: &Value) -> String {
    if value.contains_sensitive() {
        return "a sensitive value".into();
    }
    match value.type_of() {
        ty if ty.is_primitive() && value.is_known() => super::print::print(value),
        ty => ty.in_words(),
    }
}

#[cfg(test)]
mod tests;
