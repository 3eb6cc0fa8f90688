//! A block after decoding: every argument evaluated, checked against its table, and with the files it names read.

use std::collections::BTreeMap;
use std::sync::Arc;

use litemap::LiteMap;

use super::Block;
use super::files::InputFile;
use crate::lang::syntax::Attribute;
use crate::lang::value::Value;
use crate::source::{Span, Spanned};
use crate::units::{Duration, Size};

/// One decoded block.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its table.
    pub block: &'static Block,
    /// Labels behind the kind.
    pub labels: Vec<Spanned<String>>,
    /// What was written, and the defaults of the table for what was left out or is `null`.
    pub arguments: LiteMap<&'static str, Box<Resolved>>,
    /// Nested blocks in the order in which they were written.
    pub blocks: Vec<Arc<Object>>,
    /// The header of the block: `volume "root"`.
    pub span: Span,
    /// Whether a `dynamic` block in it waits for a data source that has not been read.
    pub unread: bool,
    /// Blocks that ones of an unknown name probably mean: that these are missing is not said as well.
    pub meant: Box<[&'static str]>,
    /// Whether it was decoded without an error. One that is not whole is good for nothing but further checks.
    pub whole: bool,
}

/// The value of an argument.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The value, of the argument's type: sizes, durations, modes and digests are texts in their one normal form,
    /// references to images are texts such as `image.base`.
    pub value: Value,
    /// Whether nobody wrote it: it is the table's default.
    pub by_default: bool,
    /// Where the expression stands; of a default the header of the block.
    pub span: Span,
    /// Where the name of the argument stands.
    pub name_span: Span,
    /// What the digest is made of, and what is written down, instead of the value, where that is sensitive: the same
    /// expression over references and revisions (`var.token@3`).
    pub identity: Option<Box<Value>>,
    /// The files that it names, as they are now.
    pub files: Vec<InputFile>,
}

impl Resolved {
    /// What somebody wrote.
    pub(super) fn of(value: Value, attribute: &Attribute) -> Resolved {
        Resolved {
            value,
            by_default: false,
            span: attribute.value.span.clone(),
            name_span: attribute.name.span.clone(),
            identity: None,
            files: Vec::new(),
        }
    }
}

impl Object {
    /// Whether something in it waits for a data source that has not been read.
    pub fn is_unread(&self) -> bool {
        let own = self
            .arguments
            .values()
            .any(|argument| argument.value.unread().is_some());
        own || self.unread || self.blocks.iter().any(|block| block.is_unread())
    }

    /// An argument that was written or has a default.
    pub fn get(&self, name: &str) -> Option<&Resolved> {
        debug_assert!(
            self.block.argument(name).is_some(),
            "{} has no argument {name}",
            self.block.name
        );
        self.arguments.get(name).map(Box::as_ref)
    }

    /// An argument that somebody wrote.
    pub fn written(&self, name: &str) -> Option<&Resolved> {
        self.get(name).filter(|argument| !argument.by_default)
    }

    /// A value with its place; it may be unknown.
    pub fn value(&self, name: &str) -> Option<Spanned<Value>> {
        self.get(name)
            .map(|argument| Spanned::new(argument.value.clone(), argument.span.clone()))
    }

    /// A text that is known.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.as_str()
    }

    /// A known text with its place.
    pub fn spanned_text(&self, name: &str) -> Option<Spanned<String>> {
        let argument = self.get(name)?;
        Some(Spanned::new(argument.value.as_str()?.to_owned(), argument.span.clone()))
    }

    /// Whether a switch is on; `false` if it was left out and has no default.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .and_then(|argument| argument.value.as_bool())
            .unwrap_or(false)
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.value.as_i64()
    }

    /// A size with its place; none for `"100%"`.
    pub fn size(&self, name: &str) -> Option<Spanned<Size>> {
        let argument = self.get(name)?;
        Some(Spanned::new(
            argument.value.as_str()?.parse().ok()?,
            argument.span.clone(),
        ))
    }

    /// A duration with its place.
    pub fn duration(&self, name: &str) -> Option<Spanned<Duration>> {
        let argument = self.get(name)?;
        Some(Spanned::new(
            argument.value.as_str()?.parse().ok()?,
            argument.span.clone(),
        ))
    }

    /// The known texts of a list; empty if it was left out.
    pub fn list(&self, name: &str) -> Vec<String> {
        let elements = self.get(name).and_then(|argument| argument.value.elements());
        elements
            .unwrap_or_default()
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    }

    /// The known texts of a map; empty if it was left out.
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        let attributes = self.get(name).and_then(|argument| argument.value.attributes());
        let pairs = attributes.into_iter().flatten();
        pairs
            .filter_map(|(key, one)| Some((key.clone(), one.as_str()?.to_owned())))
            .collect()
    }

    /// The label in this place behind the kind; empty where it is missing.
    ///
    /// # Panics
    /// Never for a label that the table names.
    pub fn label(&self, index: usize) -> &Spanned<String> {
        &self.labels[index]
    }

    /// The first nested block of this name.
    pub fn child(&self, name: &str) -> Option<&Arc<Object>> {
        self.blocks.iter().find(|block| block.block.name == name)
    }

    /// The nested blocks of this name, in order.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<Object>> {
        self.blocks.iter().filter(move |block| block.block.name == name)
    }

    /// Arguments of this block and of the blocks in it that may stand once, these as `limits.memory`, by name.
    pub fn flat(&self) -> BTreeMap<String, &Resolved> {
        let own = self.arguments.iter();
        let mut all: BTreeMap<String, &Resolved> =
            own.map(|(name, argument)| ((*name).to_owned(), &**argument)).collect();
        for block in self.blocks.iter().filter(|block| block.labels.is_empty()) {
            all.extend(
                block
                    .flat()
                    .into_iter()
                    .map(|(name, argument)| (format!("{}.{name}", block.block.name), argument)),
            );
        }
        all
    }
}
