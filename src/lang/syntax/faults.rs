//! Why a file is no HCL, in words: hcl-edit only says where it gave up.

use std::sync::Arc;

use super::scan::{self, Mismatch};
use super::usual::usual;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// The error of the parser as a diagnostic; `offset` is what was cut off before the parser saw the text.
pub(super) fn explain(source: &Arc<Source>, offset: usize, error: &hcl_edit::parser::Error) -> Diagnostics {
    let fault = Fault {
        source,
        // It may point into the middle of a character.
        at: source.text().floor_char_boundary(error.location().offset() + offset),
        message: error.message(),
    };
    let text = source.text();
    let mismatch = scan::mismatch(text.get(offset..).unwrap_or_default());
    // Where the parser only says "unexpected token", it points at the beginning of the line.
    let vague = fault.message == "unexpected token";
    let found = mismatch.filter(|found| vague || found.at() + offset <= fault.at);
    match found {
        Some(found) => fault.mismatch(&found, offset).into(),
        None => fault.usual().unwrap_or_else(|| fault.explain()).into(),
    }
}

/// What may stand behind a backslash.
pub(super) const ESCAPES: &str =
    "the escapes are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN; for a backslash write \\\\";

struct Fault<'a> {
    source: &'a Arc<Source>,
    at: usize,
    message: &'a str,
}

impl Fault<'_> {
    fn rest(&self) -> &str {
        self.source.text().get(self.at..).unwrap_or_default()
    }

    /// The line in which the parser gave up, up to the end.
    fn line(&self) -> &str {
        let text = self.source.text();
        let start = text
            .get(..self.at)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |at| at + 1);
        text.get(start..)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default()
            .trim()
    }

    /// A place of so many characters.
    fn place(&self, at: usize, characters: usize) -> Span {
        let rest = self.source.text().get(at..).unwrap_or_default();
        let length: usize = rest
            .chars()
            .take(characters)
            .take_while(|c| *c != '\n')
            .map(char::len_utf8)
            .sum();
        Span::new(self.source, at..at + length)
    }

    /// The word (or the one character) at which the parser gave up.
    fn here(&self) -> Span {
        if let Some(text) = self.rest().strip_prefix('"') {
            let inside = text.chars().take_while(|c| !matches!(c, '"' | '\n')).count();
            return self.place(self.at, inside + 2);
        }
        let word = self
            .rest()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .count();
        self.place(self.at, word.max(1))
    }

    fn usual(&self) -> Option<Diagnostic> {
        let found = usual(self.source.text(), self.at, self.message)?;
        let error = Diagnostic::error(found.summary).label(&Span::new(self.source, found.at), found.label);
        Some(error.help(found.help))
    }

    fn mismatch(&self, mismatch: &Mismatch, offset: usize) -> Diagnostic {
        let at = mismatch.at() + offset;
        match mismatch {
            Mismatch::Text { .. } => Diagnostic::error("a text has no closing quote")
                .label(&self.place(at, 1), "it begins here")
                .help("close it with \" on the same line; for several lines use a heredoc: <<-EOT"),
            Mismatch::Comment { .. } => Diagnostic::error("a comment has no end")
                .label(&self.place(at, 2), "it begins here")
                .help("close it with */"),
            Mismatch::Heredoc { marker, .. } => Diagnostic::error(format!("the heredoc {marker} has no end"))
                .label(&self.place(at, 2 + marker.len()), "it begins here")
                .help(format!("write {marker} on a line of its own behind the text")),
            Mismatch::Open { bracket, .. } => {
                let close = scan::closing(*bracket);
                let mark = match self.source.text().get(at..at + 1) {
                    Some(sign @ ("$" | "%")) => format!("{sign}{bracket}"),
                    _ => bracket.to_string(),
                };
                Diagnostic::error(format!("{mark} has no closing {close}"))
                    .label(&self.place(at, mark.len()), "opened here")
            }
            Mismatch::Close {
                bracket, open: None, ..
            } => Diagnostic::error(format!("{bracket} closes nothing")).at(&self.place(at, 1)),
            Mismatch::Close {
                bracket,
                open: Some((start, open)),
                ..
            } => Diagnostic::error(format!("{bracket} where {} is expected", scan::closing(*open)))
                .at(&self.place(at, 1))
                .label(&self.place(start + offset, 1), "opened here"),
        }
    }

    fn explain(&self) -> Diagnostic {
        let says = |what: &str| self.message.contains(what);
        if says("nesting depth") || says("nested levels") || says("chained binary") {
            return self
                .error("this is nested too deeply", "")
                .note("the parser takes 64 levels, and 128 operators");
        }
        if says("redefined attribute") {
            return self.error(
                &format!("argument {:?} is written twice", self.here().text()),
                "again here",
            );
        }
        if says("redefined object key") {
            let key = self.here().text().to_owned();
            return self.error(
                &format!("key {:?} is written twice", key.trim_matches('"')),
                "again here",
            );
        }
        if says("invalid expression") {
            return self.no_value();
        }
        if says("invalid structure") || says("expected `{`") || says("invalid attribute") {
            return self.no_structure();
        }
        if says("newline or eof") {
            return self.no_line_end();
        }
        if says("invalid escape") {
            return self.error("an unknown escape in a quoted text", "").help(ESCAPES);
        }
        if says("invalid block body") {
            return self
                .error("a block on one line holds one argument at most", "")
                .help("put each argument and the closing } on a line of its own");
        }
        if says("invalid object item") {
            return self.error("a comma or a new line is missing", "before this");
        }
        if self.message == "unexpected token" {
            return self.no_token();
        }
        self.error("this is not HCL", self.message)
    }

    fn error(&self, summary: &str, label: &str) -> Diagnostic {
        Diagnostic::error(summary).label(&self.here(), label)
    }

    fn no_value(&self) -> Diagnostic {
        match self.rest().chars().next() {
            None | Some('\n' | '\r') => self
                .error("a value is missing", "")
                .help("write it on the same line, behind the ="),
            Some('\'') => self.error("a text stands in double quotes", "").help("write \"...\""),
            _ => self.error("this is no value", ""),
        }
    }

    fn no_structure(&self) -> Diagnostic {
        let line = self.line();
        let (name, value) = line.split_at(line.find([' ', ':', '"']).unwrap_or(line.len()));
        let value = value.trim_start_matches([':', ' ']);
        if value.contains("${") && line.ends_with('{') {
            return self.error("a label is a plain text, without ${ }", "");
        }
        if self.rest().starts_with('{') {
            return self
                .error("a block on one line holds one argument, and no block", "")
                .help("put the inner block on lines of its own");
        }
        if line.contains('{') && self.rest().starts_with('"') {
            return self
                .error("a block on one line holds one argument, and no block", "")
                .help("put the inner block on lines of its own");
        }
        let error = self.error("neither an argument nor a block", "= or { is expected");
        if value.is_empty() || value.contains(['{', '=']) {
            return error.help("an argument is written NAME = VALUE, a block NAME \"label\" { ... }");
        }
        error.help(format!("for an argument write {name} = {value}"))
    }

    fn no_line_end(&self) -> Diagnostic {
        let exponent = self.rest().starts_with(['e', 'E'])
            && self.source.text()[..self.at].ends_with(|c: char| c.is_ascii_digit());
        match self.rest().chars().next() {
            Some(';') => self
                .error("there are no semicolons", "")
                .help("a new line ends an argument"),
            Some('e' | 'E') if exponent => self.error("this number is too large", ""),
            _ => self.error("a new line is missing", "before this"),
        }
    }

    fn no_token(&self) -> Diagnostic {
        let directive = self.line().contains("%{");
        match self.rest().chars().next() {
            Some('"') => self.error("the name of an argument or block has no quotes", ""),
            Some('0'..='9') => self.error("a name cannot begin with a digit", ""),
            Some(_) if directive => Diagnostic::error("a directive in this text is not complete")
                .at(&self.place(self.at, self.line().chars().count()))
                .help("every %{ if } needs its %{ endif }, every %{ for } its %{ endfor }"),
            _ => self.error("this is not HCL", ""),
        }
    }
}
