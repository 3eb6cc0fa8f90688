//! JSON and hashes.

use super::{Answer, Fault, text};
use crate::digest::Digest;
use crate::lang::value::{Kind, Value};

pub(super) fn sha256(arguments: &[Value]) -> Answer {
    Ok(Digest::of(text(arguments, 0).as_bytes()).hex().into())
}

/// JSON without white space; `<`, `>`, `&` and the two line separators of Unicode are escaped, as Go does it.
pub(super) fn jsonencode(arguments: &[Value]) -> Answer {
    let mut out = String::new();
    write(&arguments[0], &mut out);
    Ok(out.into())
}

fn write(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) => write_text(text, out),
        Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all) => {
            out.push('[');
            for (at, one) in all.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(one, out);
            }
            out.push(']');
        }
        Kind::Map(_, all) | Kind::Object(all) => {
            out.push('{');
            for (at, (name, one)) in all.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_text(name, out);
                out.push(':');
                write(one, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

pub(super) fn jsondecode(arguments: &[Value]) -> Answer {
    let written = text(arguments, 0);
    match crate::lang::json_text::read(written) {
        Ok(json) => Ok(json.into_value()),
        Err(error) => Err(Fault::of(0, error.in_words(written))),
    }
}
