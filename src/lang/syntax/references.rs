//! What an expression refers to, found without evaluating it.

use std::fmt;

use super::{Expression, ExpressionKind, For};
use crate::lang::value::Value;
use crate::source::{Span, Spanned};

/// One step of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The first word, or `.name`.
    Name(String),
    /// `["key"]`
    Key(String),
    /// `[0]`
    At(u64),
}

/// `image.base["arm64"].ids`: the first word and what follows it, as far as it does not have to be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The steps; the first is always a name.
    pub parts: Vec<Spanned<Part>>,
    /// From the first to the last.
    pub span: Span,
}

impl Reference {
    /// The first word.
    pub fn root(&self) -> &str {
        self.name(0).unwrap_or_default()
    }

    /// The step at this place, if it is a name.
    pub fn name(&self, at: usize) -> Option<&str> {
        match self.parts.get(at).map(|part| &part.value) {
            Some(Part::Name(name)) => Some(name),
            _ => None,
        }
    }
}

/// As it is written.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            match &part.value {
                Part::Name(name) if at == 0 => f.write_str(name)?,
                Part::Name(name) => write!(f, ".{name}")?,
                Part::Key(key) => write!(f, "[{key:?}]")?,
                Part::At(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    }
}

impl Expression {
    /// All that the expression refers to, in the order in which it is written; variables of `for` are not among them.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    /// The reference that this expression is, with its static steps.
    pub fn as_reference(&self) -> Option<Reference> {
        let (mut parts, mut at) = (Vec::new(), self);
        loop {
            let (part, next) = match &at.kind {
                ExpressionKind::Variable(name) => (Part::Name(name.clone()), None),
                ExpressionKind::Attribute { of, name } => (Part::Name(name.clone()), Some(of)),
                ExpressionKind::Index { of, key } => (static_key(key)?, Some(of)),
                _ => return None,
            };
            // What was read from a text with escapes is all at one place.
            let apart = next.filter(|next| next.span.bytes() != at.span.bytes());
            let start = apart.map_or(at.span.bytes().start, |next| next.span.bytes().end);
            let end = at.span.bytes().end.max(start);
            let start = match part {
                Part::Name(_) if apart.is_some() => (start + 1).min(end),
                _ => start,
            };
            parts.push(Spanned::new(part, Span::new(at.span.source(), start..end)));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        parts.reverse();
        Some(Reference {
            parts,
            span: self.span.clone(),
        })
    }

    fn collect<'a>(&'a self, bound: &mut Vec<&'a str>, found: &mut Vec<Reference>) {
        if let Some(reference) = self.as_reference() {
            if !bound.contains(&reference.root()) {
                found.push(reference);
            }
            return;
        }
        if let ExpressionKind::For(one) = &self.kind {
            one.collect(bound, found);
            return;
        }
        self.each_child(&mut |child| child.collect(bound, found));
    }

    /// Calls `visit` with every value in the expression.
    pub(crate) fn each_value(&self, visit: &mut dyn FnMut(&Value)) {
        match &self.kind {
            ExpressionKind::Value(value) => visit(value),
            _ => self.each_child(&mut |child| child.each_value(visit)),
        }
    }

    /// Calls `visit` with every direct part, in the order in which they are written.
    pub(crate) fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match &self.kind {
            ExpressionKind::Value(_) | ExpressionKind::Variable(_) | ExpressionKind::Each => {}
            ExpressionKind::Attribute { of, .. }
            | ExpressionKind::Convert { of, .. }
            | ExpressionKind::Not(of)
            | ExpressionKind::Negate(of)
            | ExpressionKind::Join(of)
            | ExpressionKind::Parentheses(of) => visit(of),
            ExpressionKind::Index { of, key: other } | ExpressionKind::Splat { of, each: other } => {
                visit(of);
                visit(other);
            }
            ExpressionKind::Binary { left, right, .. } => {
                visit(left);
                visit(right);
            }
            ExpressionKind::Conditional {
                condition,
                then,
                otherwise,
            } => [condition, then, otherwise].into_iter().for_each(|one| visit(one)),
            ExpressionKind::Call { arguments: all, .. }
            | ExpressionKind::Tuple(all)
            | ExpressionKind::Template(all) => {
                all.iter().for_each(visit);
            }
            ExpressionKind::Object(all) => all.iter().for_each(|(key, value)| {
                visit(key);
                visit(value);
            }),
            ExpressionKind::For(one) => {
                visit(&one.collection);
                one.inside().for_each(visit);
            }
        }
    }

    /// The same at another place, and everything in it.
    pub(super) fn placed(mut self, span: &Span) -> Expression {
        self.place(span);
        self
    }

    fn place(&mut self, at: &Span) {
        self.span = at.clone();
        match &mut self.kind {
            ExpressionKind::Value(_) | ExpressionKind::Variable(_) | ExpressionKind::Each => {}
            ExpressionKind::Attribute { of, .. }
            | ExpressionKind::Convert { of, .. }
            | ExpressionKind::Not(of)
            | ExpressionKind::Negate(of)
            | ExpressionKind::Join(of)
            | ExpressionKind::Parentheses(of) => of.place(at),
            ExpressionKind::Index { of: one, key: other }
            | ExpressionKind::Splat { of: one, each: other }
            | ExpressionKind::Binary {
                left: one,
                right: other,
                ..
            } => [one, other].into_iter().for_each(|part| part.place(at)),
            ExpressionKind::Conditional {
                condition,
                then,
                otherwise,
            } => [condition, then, otherwise].into_iter().for_each(|part| part.place(at)),
            ExpressionKind::Call { arguments: all, .. }
            | ExpressionKind::Tuple(all)
            | ExpressionKind::Template(all) => all.iter_mut().for_each(|part| part.place(at)),
            ExpressionKind::Object(all) => all.iter_mut().for_each(|(key, value)| {
                key.place(at);
                value.place(at);
            }),
            ExpressionKind::For(one) => {
                let further = one.output_key.iter_mut().chain(&mut one.condition);
                let parts = [&mut one.collection, &mut one.output].into_iter().chain(further);
                parts.for_each(|part| part.place(at));
            }
        }
    }
}

impl For {
    /// What is evaluated for each element.
    pub(crate) fn inside(&self) -> impl Iterator<Item = &Expression> {
        let condition = self.condition.as_ref();
        self.output_key.iter().chain([&self.output]).chain(condition)
    }

    fn collect<'a>(&'a self, bound: &mut Vec<&'a str>, found: &mut Vec<Reference>) {
        self.collection.collect(bound, found);
        let before = bound.len();
        bound.extend(self.key.as_deref());
        bound.push(&self.value);
        self.inside().for_each(|one| one.collect(bound, found));
        bound.truncate(before);
    }
}

fn static_key(key: &Expression) -> Option<Part> {
    match &key.kind {
        ExpressionKind::Value(value) => match value.as_str() {
            Some(text) => Some(Part::Key(text.to_owned())),
            None => value.as_u64().map(Part::At),
        },
        _ => None,
    }
}
