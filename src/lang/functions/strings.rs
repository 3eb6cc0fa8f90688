//! Functions of texts.

use super::{Answer, Fault, text, whole};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// A text may become this long, no longer.
const LONGEST: usize = 64 << 20;

pub(super) fn chomp(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).trim_end_matches(['\n', '\r']).into())
}

pub(super) fn startswith(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).starts_with(text(arguments, 1)).into())
}

pub(super) fn endswith(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).ends_with(text(arguments, 1)).into())
}

/// Blanks before every line but the first.
pub(super) fn indent(arguments: &[Value]) -> Answer {
    let spaces = usize::try_from(whole(arguments, 0)?).map_err(|_| Fault::of(0, "must not be negative"))?;
    let (text, lines) = (text(arguments, 1), text(arguments, 1).matches('\n').count());
    if spaces.saturating_mul(lines) > LONGEST {
        return Err(Fault::of(0, "the text would be too long"));
    }
    Ok(text.replace('\n', &format!("\n{:spaces$}", "")).into())
}

pub(super) fn join(arguments: &[Value]) -> Answer {
    if arguments.len() < 2 {
        return Err(Fault::call("it takes at least one list"));
    }
    let mut parts = Vec::new();
    for (at, list) in arguments.iter().enumerate().skip(1) {
        for one in list.elements().unwrap_or_default() {
            parts.push(one.as_str().ok_or_else(|| Fault::of(at, "an element is null"))?);
        }
    }
    Ok(parts.join(text(arguments, 0)).into())
}

/// Character by character, as Go does it: one that would become several (`ß`) stays.
pub(super) fn upper(arguments: &[Value]) -> Answer {
    let upper = |c: char| single(c, c.to_uppercase());
    Ok(text(arguments, 0).chars().map(upper).collect::<String>().into())
}

pub(super) fn lower(arguments: &[Value]) -> Answer {
    let lower = |c: char| single(c, c.to_lowercase());
    Ok(text(arguments, 0).chars().map(lower).collect::<String>().into())
}

fn single(was: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => was,
    }
}

pub(super) fn split(arguments: &[Value]) -> Answer {
    let (separator, text) = (text(arguments, 0), text(arguments, 1));
    let parts: Vec<Value> = match separator {
        "" => characters(text).into_iter().map(Value::from).collect(),
        separator => text.split(separator).map(Value::from).collect(),
    };
    Ok(Value::list(Type::String, parts))
}

/// From `offset` (from the end if negative) so many characters (all if negative).
pub(super) fn substr(arguments: &[Value]) -> Answer {
    let (offset, length) = (whole(arguments, 1)?, whole(arguments, 2)?);
    let all = characters(text(arguments, 0));
    let count = all.len() as i64;
    let start = if offset < 0 {
        (offset + count).max(0)
    } else {
        offset.min(count)
    };
    let end = match length {
        length if length < 0 => count,
        length => start.saturating_add(length).min(count),
    };
    Ok(all[start as usize..end as usize].concat().into())
}

/// The characters as people count them: a letter with the marks, joiners and selectors behind it is one.
pub(super) fn characters(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        let joined = extends(c) || before == Some('\u{200d}') || (before, c) == (Some('\r'), '\n');
        if before.is_none() || !joined {
            starts.push(at);
        }
        before = Some(c);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Combining marks, joiners, variation selectors and skin tones: the ranges that texts in images meet.
fn extends(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{941}'..='\u{948}' | '\u{94d}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}'..='\u{200d}' | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}'..='\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

pub(super) fn trim(arguments: &[Value]) -> Answer {
    let cutset: Vec<char> = text(arguments, 1).chars().collect();
    Ok(text(arguments, 0).trim_matches(&cutset[..]).into())
}

pub(super) fn trimprefix(arguments: &[Value]) -> Answer {
    let (text, prefix) = (text(arguments, 0), text(arguments, 1));
    Ok(text.strip_prefix(prefix).unwrap_or(text).into())
}

pub(super) fn trimsuffix(arguments: &[Value]) -> Answer {
    let (text, suffix) = (text(arguments, 0), text(arguments, 1));
    Ok(text.strip_suffix(suffix).unwrap_or(text).into())
}

pub(super) fn trimspace(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).trim().into())
}
