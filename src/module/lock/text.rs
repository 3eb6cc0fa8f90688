//! The lock file as text: one attribute a line, everything in order, so that two branches can be merged.

use std::fmt::Write as _;

use super::{FORMAT, Lock};
use crate::lang::Value;
use crate::module::blocks::is_name;
use crate::source::Span;

/// What stands at the top of a new file.
const HEAD: &str = "# What the data sources of this module found. bake update writes this file; commit it.";

/// The whole file.
pub(super) fn written(lock: &Lock) -> String {
    let mut out = String::new();
    match lock.digest {
        None => line(&mut out, HEAD),
        Some(_) => lock.comments.iter().for_each(|comment| line(&mut out, comment)),
    }
    line(&mut out, &format!("format = {FORMAT}"));
    if let Some(date) = &lock.date {
        line(&mut out, &format!("date   = {}", quoted(date)));
    }
    for (address, entry) in &lock.entries {
        out.push('\n');
        entry.comments.iter().for_each(|comment| line(&mut out, comment));
        line(&mut out, &format!("source {} {{", quoted(address)));
        line(&mut out, &format!("  arguments = \"{}\"", entry.arguments));
        out.push_str("  found = ");
        object(entry.found.iter(), 1, &mut out);
        out.push_str("\n}\n");
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn object<'a>(all: impl Iterator<Item = (&'a String, &'a Value)> + Clone, depth: usize, out: &mut String) {
    let keys = all
        .clone()
        .map(|(key, _)| if is_name(key) { key.clone() } else { quoted(key) });
    let keys: Vec<String> = keys.collect();
    if keys.is_empty() {
        return out.push_str("{}");
    }
    // As bake fmt has it: what stands on one line is aligned with its neighbours.
    let one_line = |value: &Value| value.attributes().is_none_or(|all| all.is_empty());
    let widths = all.clone().zip(&keys).filter(|((_, value), _)| one_line(value));
    let width = widths.map(|(_, key)| key.chars().count()).max().unwrap_or(0);
    out.push_str("{\n");
    for ((_, value), key) in all.zip(&keys) {
        let pad = if one_line(value) { width } else { 0 };
        let _ = write!(out, "{}{key:pad$} = ", "  ".repeat(depth + 1));
        print(value, depth + 1, out);
        out.push('\n');
    }
    let _ = write!(out, "{}}}", "  ".repeat(depth));
}

fn print(value: &Value, depth: usize, out: &mut String) {
    if let Some(all) = value.attributes() {
        return object(all.iter(), depth, out);
    }
    if let Some(all) = value.elements() {
        out.push('[');
        for (at, one) in all.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            print(one, depth, out);
        }
        return out.push(']');
    }
    match (value.as_str(), value.as_bool(), value.as_number()) {
        (Some(text), ..) => out.push_str(&quoted(text)),
        (_, Some(answer), _) => out.push_str(if answer { "true" } else { "false" }),
        (.., Some(number)) => out.push_str(&number.to_string()),
        _ => out.push_str("null"),
    }
}

/// A text in quotes in which nothing is a template.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The comments at the top of the file.
pub(super) fn comments_at_top(text: &str) -> Vec<String> {
    text.lines()
        .take_while(|line| is_comment(line))
        .map(str::to_owned)
        .collect()
}

/// The comment lines right over a block.
pub(super) fn comments_over(block: &Span) -> Vec<String> {
    let before = &block.source().text()[..block.bytes().start];
    let mut lines: Vec<String> = before
        .lines()
        .rev()
        .take_while(|line| is_comment(line))
        .map(str::to_owned)
        .collect();
    lines.reverse();
    lines
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("//")
}
