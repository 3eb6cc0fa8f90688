//! Values as `terraform console` prints them.

use std::fmt::Write as _;

use super::types::Type;
use super::value::{Kind, Value};

/// The value in the notation of the language, over several lines if it has parts. What is sensitive is not shown.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    if value.sensitive {
        return out.push_str("(sensitive value)");
    }
    match &value.kind {
        Kind::Unknown(_) => out.push_str("(known after apply)"),
        Kind::Null(ty) => out.push_str(&null(ty)),
        Kind::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) if text.contains('\n') => heredoc(text, indent, out),
        Kind::String(text) => out.push_str(&quote(text)),
        Kind::Tuple(all) => sequence(all, indent, out),
        Kind::Object(_) => mapping(value, indent, out),
        Kind::List(_, all) => wrapped("tolist(", out, |out| sequence(all, indent, out)),
        Kind::Set(_, all) => wrapped("toset(", out, |out| sequence(all, indent, out)),
        Kind::Map(..) => wrapped("tomap(", out, |out| mapping(value, indent, out)),
    }
}

fn null(ty: &Type) -> String {
    match ty {
        Type::Any => "null".into(),
        Type::String => "tostring(null)".into(),
        Type::Number => "tonumber(null)".into(),
        Type::Bool => "tobool(null)".into(),
        Type::List(element) => format!("tolist(null) /* of {} */", of(element)),
        Type::Set(element) => format!("toset(null) /* of {} */", of(element)),
        Type::Map(element) => format!("tomap(null) /* of {} */", of(element)),
        Type::Tuple(_) => "null /* tuple */".into(),
        Type::Object(_) => "null /* object */".into(),
    }
}

fn of(element: &Type) -> String {
    match element {
        Type::Any => "dynamic".into(),
        element => element.bare(),
    }
}

fn wrapped(open: &str, out: &mut String, inside: impl FnOnce(&mut String)) {
    out.push_str(open);
    inside(out);
    out.push(')');
}

fn line(indent: usize, out: &mut String) {
    let _ = write!(out, "\n{:indent$}", "");
}

fn sequence(all: &[Value], indent: usize, out: &mut String) {
    out.push('[');
    for one in all {
        line(indent + 2, out);
        write(one, indent + 2, out);
        out.push(',');
    }
    if !all.is_empty() {
        line(indent, out);
    }
    out.push(']');
}

fn mapping(value: &Value, indent: usize, out: &mut String) {
    out.push('{');
    let all = value.attributes().into_iter().flatten();
    let mut empty = true;
    for (name, one) in all {
        empty = false;
        line(indent + 2, out);
        write(&Value::from(name.as_str()), indent + 2, out);
        out.push_str(" = ");
        write(one, indent + 2, out);
    }
    if !empty {
        line(indent, out);
    }
    out.push('}');
}

fn heredoc(text: &str, indent: usize, out: &mut String) {
    let mut marker = "EOT".to_owned();
    while text.split('\n').any(|line| line.trim() == marker) {
        marker.push('_');
    }
    let _ = write!(out, "<<{}{marker}", if indent > 0 { "-" } else { "" });
    for one in text.split('\n').chain([marker.as_str()]) {
        line(indent, out);
        out.push_str(one);
    }
}

/// Quoted as Go does it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..'\u{20}' | '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if is_printable(c) => out.push(c),
            c if c <= '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
    out
}

/// As Go has it, as far as texts meet it: no white space but the blank, nothing that has no width.
fn is_printable(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0001}'..='\u{e007f}');
    c == ' ' || !(hidden || c.is_control() || c.is_whitespace())
}
