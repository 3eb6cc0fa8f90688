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
    match weigh(value, &mut (MOST_ITEMS + 1)) {
        true => Ok(()),
        false => Err(too_many("this makes", span)),
    }
}

/// Takes one off for each value in it, and stops at zero. What is shared counts each time: whoever walks it, does, too.
fn weigh(value: &Value, left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left > 0 && value.children().all(|child| weigh(child, left))
}

/// Checks how much text a function is given, each time that it is named: `join` would write all of it.
pub(super) fn given(values: &[Value], span: &Span) -> Result<(), Diagnostic> {
    fn length(value: &Value) -> usize {
        match value.as_str() {
            Some(text) => text.len(),
            None => value.children().map(length).fold(0, usize::saturating_add),
        }
    }
    text(values.iter().map(length).fold(0, usize::saturating_add), span)
}

fn too_many(what: &str, span: &Span) -> Diagnostic {
    Diagnostic::error(format!("{what} more than {MOST_ITEMS} elements")).at(span)
}
