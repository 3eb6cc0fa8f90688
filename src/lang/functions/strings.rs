//! Functions of texts.

use unicode_segmentation::UnicodeSegmentation;

use super::{Answer, BOOL, Fault, Function, NUMBER, STRING, STRINGS, takes, text, whole};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions of texts.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "chomp",
        "Without line ends behind it.",
        &[takes("str", STRING)],
        STRING,
        chomp,
    ),
    Function::pure(
        "clean_name",
        "With a dash for every character that may not stand in the name of an image of every provider.",
        &[takes("str", STRING)],
        STRING,
        clean_name,
    ),
    Function::pure(
        "endswith",
        "Whether a text ends so.",
        &[takes("str", STRING), takes("suffix", STRING)],
        BOOL,
        endswith,
    ),
    Function::pure(
        "indent",
        "With blanks before every line but the first.",
        &[takes("spaces", NUMBER), takes("str", STRING)],
        STRING,
        indent,
    ),
    Function::pure(
        "join",
        "The texts of lists as one, with a separator between them.",
        &[takes("separator", STRING)],
        STRING,
        join,
    )
    .variadic(takes("lists", STRINGS)),
    Function::pure("lower", "In small letters.", &[takes("str", STRING)], STRING, lower),
    Function::pure(
        "split",
        "The parts of a text between the separators, as a list.",
        &[takes("separator", STRING), takes("str", STRING)],
        STRINGS,
        split,
    ),
    Function::pure(
        "startswith",
        "Whether a text begins so.",
        &[takes("str", STRING), takes("prefix", STRING)],
        BOOL,
        startswith,
    ),
    Function::pure(
        "strcontains",
        "Whether a text holds another.",
        &[takes("str", STRING), takes("substr", STRING)],
        BOOL,
        strcontains,
    ),
    Function::pure(
        "strrev",
        "The characters in reverse.",
        &[takes("str", STRING)],
        STRING,
        strrev,
    ),
    Function::pure(
        "substr",
        "A part of a text: from an offset (from the end if negative) so many characters (-1: all).",
        &[takes("str", STRING), takes("offset", NUMBER), takes("length", NUMBER)],
        STRING,
        substr,
    ),
    Function::pure(
        "title",
        "With a capital letter at the beginning of each word.",
        &[takes("str", STRING)],
        STRING,
        title,
    ),
    Function::pure(
        "trim",
        "Without any of these characters at both ends.",
        &[takes("str", STRING), takes("cutset", STRING)],
        STRING,
        trim,
    ),
    Function::pure(
        "trimprefix",
        "Without this beginning.",
        &[takes("str", STRING), takes("prefix", STRING)],
        STRING,
        trimprefix,
    ),
    Function::pure(
        "trimspace",
        "Without white space at both ends.",
        &[takes("str", STRING)],
        STRING,
        trimspace,
    ),
    Function::pure(
        "trimsuffix",
        "Without this end.",
        &[takes("str", STRING), takes("suffix", STRING)],
        STRING,
        trimsuffix,
    ),
    Function::pure("upper", "In capital letters.", &[takes("str", STRING)], STRING, upper),
];

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
    if text(arguments, 0).len().saturating_mul(parts.len()) > LONGEST {
        return Err(Fault::call(format!(
            "the text would have more than {} MiB",
            LONGEST >> 20
        )));
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
        // The only capital that is mapped to a letter with a mark.
        (Some('i'), Some('\u{307}')) => 'i',
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
    text.graphemes(true).collect()
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

pub(super) fn strcontains(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).contains(text(arguments, 1)).into())
}

pub(super) fn strrev(arguments: &[Value]) -> Answer {
    Ok(text(arguments, 0).graphemes(true).rev().collect::<String>().into())
}

/// A letter behind a character that is neither letter, digit, underscore nor apostrophe becomes a capital, as Go has it.
pub(super) fn title(arguments: &[Value]) -> Answer {
    let mut inside = false;
    let titled = text(arguments, 0).chars().map(|c| {
        let (first, part_of_word) = (!inside, c.is_alphanumeric() || c == '_');
        inside = if c.is_ascii() {
            part_of_word
        } else {
            part_of_word || inside && !c.is_whitespace()
        };
        if first { single(c, c.to_uppercase()) } else { c }
    });
    Ok(titled.collect::<String>().into())
}

/// As default names of images are made: letters, digits and `._-` stay.
pub(super) fn clean_name(arguments: &[Value]) -> Answer {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let cleaned = text(arguments, 0).chars().map(|c| if plain(c) { c } else { '-' });
    Ok(cleaned.collect::<String>().into())
}
