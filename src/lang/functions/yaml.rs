//! YAML as Terraform writes it: texts and keys quoted, lists not indented under their key.

use super::encoding;
use super::{Answer, Fault};
use crate::lang::value::{Kind, Value};

pub(super) fn yamlencode(arguments: &[Value]) -> Answer {
    let mut out = String::new();
    block(&arguments[0], 0, &mut out)?;
    Ok(out.into())
}

/// A value on lines of its own; the cursor stands at the right indent.
fn block(value: &Value, indent: usize, out: &mut String) -> Result<(), Fault> {
    if let Some(all) = value.elements().filter(|all| !all.is_empty()) {
        for (at, one) in all.iter().enumerate() {
            pad(at, indent, out);
            out.push_str("- ");
            block(one, indent + 2, out)?;
        }
    } else if let Some(all) = value.attributes().filter(|all| !all.is_empty()) {
        for (at, (name, one)) in all.iter().enumerate() {
            pad(at, indent, out);
            out.push_str(&quoted(name)?);
            out.push(':');
            entry(one, indent, out)?;
        }
    } else {
        scalar(value, indent, out)?;
    }
    Ok(())
}

fn pad(at: usize, indent: usize, out: &mut String) {
    if at > 0 {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// The value behind `key:`.
fn entry(value: &Value, indent: usize, out: &mut String) -> Result<(), Fault> {
    let filled = value.children().next().is_some();
    let (filler, indent) = match (filled, value.elements().is_some()) {
        (false, _) => (" ".to_owned(), indent),
        (true, true) => (format!("\n{:indent$}", ""), indent),
        (true, false) => (format!("\n{:1$}", "", indent + 2), indent + 2),
    };
    out.push_str(&filler);
    block(value, indent, out)
}

fn scalar(value: &Value, indent: usize, out: &mut String) -> Result<(), Fault> {
    match &value.kind {
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) if text.contains('\n') => return literal(text, indent, out),
        Kind::String(text) => out.push_str(&quoted(text)?),
        Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => out.push_str("[]"),
        Kind::Map(..) | Kind::Object(_) => out.push_str("{}"),
    }
    out.push('\n');
    Ok(())
}

/// A text of several lines.
fn literal(text: &str, indent: usize, out: &mut String) -> Result<(), Fault> {
    let _ = indent;
    out.push_str(&quoted(text)?);
    out.push('\n');
    Ok(())
}

fn quoted(text: &str) -> Result<String, Fault> {
    let encoded = encoding::jsonencode(&[Value::from(text)])?;
    Ok(encoded.as_str().unwrap_or_default().to_owned())
}
