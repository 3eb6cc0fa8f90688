//! How much one evaluation may make: a slip in a module ends with an error, not with the machine's memory.

use crate::diagnostic::Diagnostic;
use crate::lang::value::Value;
use crate::source::Span;

/// Bytes of a text.
const LONGEST_TEXT: usize = 64 << 20;
/// Elements of a collection, and items that the `for`s of one expression walk over.
const MOST_ITEMS: usize = 1_000_000;

/// Counts what the `for`s of one expression walk over.
#[derive(Debug, Default)]
pub(super) struct Walked(usize);

impl Walked {
    /// One more.
    pub(super) fn step(&mut self, span: &Span) -> Result<(), Diagnostic> {
        self.0 += 1;
        match self.0 > MOST_ITEMS {
            true => Err(too_many("this goes over", span)),
            false => Ok(()),
        }
    }
}

/// Checks the length of a text that is being made.
pub(super) fn text(length: usize, span: &Span) -> Result<(), Diagnostic> {
    match length > LONGEST_TEXT {
        true => Err(Diagnostic::error("this text becomes too long")
            .label(span, format!("more than {} MiB", LONGEST_TEXT >> 20))
            .help("hand large files over by their path, with provision \"file\"")),
        false => Ok(()),
    }
}

/// Checks the size of what a function has made.
pub(super) fn made(value: &Value, span: &Span) -> Result<(), Diagnostic> {
    text(value.as_str().map_or(0, str::len), span)?;
    match value.children().nth(MOST_ITEMS) {
        Some(_) => Err(too_many("this makes", span)),
        None => Ok(()),
    }
}

fn too_many(what: &str, span: &Span) -> Diagnostic {
    Diagnostic::error(format!("{what} more than {MOST_ITEMS} elements")).at(span)
}
