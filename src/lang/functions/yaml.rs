//! YAML as Terraform writes it: texts and keys quoted, lists not indented under their key, texts of several lines as
//! literal blocks.

use std::fmt::Write as _;

use super::{ANY, Answer, Function, STRING, takes_null};
use crate::lang::value::{Kind, Value};

/// Writing YAML.
pub(super) const TABLE: &[Function] = &[Function::pure(
    "yamlencode",
    "A value as YAML.",
    &[takes_null("value", ANY)],
    STRING,
    yamlencode,
)];

/// Behind this column a text is folded.
const WIDEST: usize = 80;

pub(super) fn yamlencode(arguments: &[Value]) -> Answer {
    let (value, mut out) = (&arguments[0], String::new());
    node(value, 0, 0, &mut out);
    if matches!(value.kind, Kind::Null(_) | Kind::Bool(_) | Kind::Number(_)) {
        out.push_str("...\n");
    }
    Ok(out.into())
}

/// A value where the cursor stands; further lines of it begin at `indent`, those of a literal two behind `parent`.
fn node(value: &Value, indent: usize, parent: usize, out: &mut String) {
    if let Some(all) = value.elements().filter(|all| !all.is_empty()) {
        for (at, one) in all.iter().enumerate() {
            pad(at, indent, out);
            out.push_str("- ");
            node(one, indent + 2, indent, out);
        }
    } else if let Some(all) = value.attributes().filter(|all| !all.is_empty()) {
        for (at, (name, one)) in all.iter().enumerate() {
            pad(at, indent, out);
            quoted(name, None, out);
            out.push(':');
            entry(one, indent, out);
        }
    } else {
        scalar(value, parent, out);
        out.push('\n');
        if matches!(&value.kind, Kind::String(text) if is_literal(text) && text.ends_with('\n')) {
            out.pop();
        }
    }
}

fn pad(at: usize, indent: usize, out: &mut String) {
    if at > 0 {
        let _ = write!(out, "{:indent$}", "");
    }
}

/// The value behind `key:`.
fn entry(value: &Value, indent: usize, out: &mut String) {
    let inner = if value.elements().is_some() { indent } else { indent + 2 };
    let _ = match value.children().next() {
        None => write!(out, " "),
        Some(_) => write!(out, "\n{:inner$}", ""),
    };
    node(value, inner, indent, out);
}

fn scalar(value: &Value, parent: usize, out: &mut String) {
    match &value.kind {
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) if is_literal(text) => literal(text, parent + 2, out),
        Kind::String(text) => quoted(text, Some(parent + 2), out),
        Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => out.push_str("[]"),
        Kind::Map(..) | Kind::Object(_) => out.push_str("{}"),
    }
}

/// Whether a text can stand as a literal block: several lines, no white space at their ends, all of it printable.
fn is_literal(text: &str) -> bool {
    let printable = |c: char| c == '\n' || !(c.is_control() || c == '\u{feff}');
    text.contains('\n') && text.chars().all(printable) && !text.contains(" \n") && !text.ends_with(' ')
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    out.push('\n');
    for line in text.split_inclusive('\n') {
        let indent = if line == "\n" { 0 } else { indent };
        let _ = write!(out, "{:indent$}{line}", "");
    }
}

/// A text in quotes; with `fold`, it goes on in a new line at that indent when a blank comes behind column 80.
fn quoted(text: &str, fold: Option<usize>, out: &mut String) {
    out.push('"');
    let (mut column, mut after_blank) = (out.rsplit('\n').next().unwrap_or_default().chars().count(), false);
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let inside = at > 0 && at + 1 < text.len();
        let length = out.len();
        match fold.filter(|_| c == ' ' && !after_blank && column > WIDEST && inside) {
            Some(indent) => {
                let _ = write!(out, "\n{:indent$}", "");
                out.push_str(if rest.peek().is_some_and(|(_, next)| *next == ' ') {
                    "\\"
                } else {
                    ""
                });
                column = indent;
            }
            None => {
                escaped(c, out);
                column += out[length..].chars().count();
            }
        }
        after_blank = c == ' ';
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        '\u{feff}' => "\\uFEFF",
        _ => "",
    };
    let _ = match c {
        _ if !short.is_empty() => write!(out, "{short}"),
        c if c.is_control() => write!(out, "\\x{:02X}", c as u32),
        c => write!(out, "{c}"),
    };
}
