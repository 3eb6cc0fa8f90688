//! What is wrong with a module as JSON: in the form of `terraform validate -json`, with our own fields beside its.

use std::path::Path;

use serde::Serialize;

use super::diagnostic::text_of;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{Position, Span};

/// Version of this form, which is Terraform's.
const FORMAT: &str = "1.0";

/// The document.
#[derive(Debug, Serialize)]
pub struct Written<'a> {
    /// Version of this form.
    pub format_version: &'static str,
    /// Whether there is no error.
    pub valid: bool,
    /// How many errors.
    pub error_count: usize,
    /// How many warnings.
    pub warning_count: usize,
    /// Each in order.
    pub diagnostics: Vec<Message<'a>>,
}

/// One message.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    /// Why and what to do, in one text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The main place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range<'a>>,
    /// The lines there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
    /// `severity`, `summary`, and the parts of `detail` apart, with all places.
    #[serde(flatten)]
    pub message: &'a Diagnostic,
}

/// A place.
#[derive(Debug, Serialize)]
pub struct Range<'a> {
    /// The file, as seen from where bake runs.
    pub filename: &'a Path,
    /// Its first character.
    pub start: Position,
    /// Behind its last.
    pub end: Position,
}

/// An excerpt.
#[derive(Debug, Serialize)]
pub struct Snippet {
    /// Always null: what Terraform calls the block around it.
    pub context: Option<String>,
    /// The line on which the place begins.
    pub code: String,
    /// The number of that line, from 1.
    pub start_line: usize,
    /// Bytes of `code` before the place.
    pub highlight_start_offset: usize,
    /// Bytes of `code` up to its end.
    pub highlight_end_offset: usize,
    /// Always empty: values are not told.
    pub values: [(); 0],
}

impl<'a> Written<'a> {
    /// Puts messages into this form.
    pub fn new(all: &'a Diagnostics) -> Written<'a> {
        let count = |severity| all.iter().filter(|one| one.severity == severity).count();
        Written {
            format_version: FORMAT,
            valid: !all.has_errors(),
            error_count: count(Severity::Error),
            warning_count: count(Severity::Warning),
            diagnostics: all.iter().map(Message::new).collect(),
        }
    }
}

impl<'a> Message<'a> {
    fn new(message: &'a Diagnostic) -> Message<'a> {
        let place = message.labels.first();
        let said = place.map(|label| &label.text).filter(|text| !text.is_empty());
        let parts: Vec<&str> = said
            .into_iter()
            .chain(&message.notes)
            .chain(&message.help)
            .map(String::as_str)
            .collect();
        Message {
            detail: parts.join("\n"),
            range: place.map(|label| range(&label.span)),
            snippet: place.and_then(|label| snippet(&label.span)),
            message,
        }
    }
}

fn range(span: &Span) -> Range<'_> {
    Range {
        filename: span.path(),
        start: span.start(),
        end: span.end(),
    }
}

fn snippet(span: &Span) -> Option<Snippet> {
    let source = text_of(span)?;
    let (start, end) = (span.start().byte, span.end().byte);
    let begin = source.text()[..start].rfind('\n').map_or(0, |at| at + 1);
    let code = source.text()[begin..].lines().next().unwrap_or_default().to_owned();
    Some(Snippet {
        context: None,
        start_line: span.start().line,
        highlight_start_offset: start - begin,
        highlight_end_offset: (end - begin).min(code.len()),
        values: [],
        code,
    })
}
