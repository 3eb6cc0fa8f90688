//! Arguments as a plan shows them: in the syntax of the language, secrets hidden, unknowns explained.

use serde_json::Value as Json;

use crate::plan::Change;
use crate::schema::RecordedArgument;

/// An argument on one line.
pub fn argument(argument: &RecordedArgument) -> String {
    if argument.sensitive {
        return "(sensitive value)".into();
    }
    match (&argument.value, &argument.after) {
        (Some(value), _) => json(value),
        (None, Some(after)) if after.ends_with(".build") => "(known during the build)".into(),
        (None, Some(after)) if !after.is_empty() => format!("(known after {after})"),
        (None, None) => "(text not recorded)".into(),
        (None, _) => "(known after apply)".into(),
    }
}

/// A value on one line.
pub fn json(value: &Json) -> String {
    match value {
        Json::Array(all) => format!("[{}]", all.iter().map(json).collect::<Vec<_>>().join(", ")),
        Json::Object(all) if all.is_empty() => "{}".into(),
        Json::Object(all) => {
            let mut fields: Vec<String> = all
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), json(value)))
                .collect();
            fields.sort();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        Json::from(name).to_string()
    }
}

/// `"1" -> "2"`, `"1"`, `"1" -> null`.
pub fn change(change: &Change) -> String {
    match (&change.before, &change.after) {
        (None, Some(after)) => argument(after),
        (Some(before), None) => format!("{} -> null", argument(before)),
        (Some(before), Some(after)) => match (argument(before), argument(after)) {
            (before, after) if before == after => format!("{after}  # not as it was"),
            (before, after) => format!("{before} -> {after}"),
        },
        (None, None) => "null".into(),
    }
}

/// The sign of a change.
pub fn sign(change: &Change) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "+",
        (_, None) => "-",
        _ => "~",
    }
}

/// What becomes of one key of a map.
pub struct Entry {
    /// As it is written.
    pub key: String,
    /// `+`, `-` or `~`.
    pub sign: &'static str,
    /// `"a" -> "b"`, `"a"`.
    pub value: String,
}

/// The keys that differ, if both sides of a change are maps that have one in common.
pub fn entries(change: &Change) -> Option<Vec<Entry>> {
    let side = |side: &Option<RecordedArgument>| -> Option<serde_json::Map<String, Json>> {
        let known = side.as_ref().filter(|side| !side.sensitive)?;
        known.value.as_ref()?.as_object().cloned()
    };
    let (before, after) = (side(&change.before)?, side(&change.after)?);
    let mut keys: Vec<&String> = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)))
        .collect();
    if keys.len() == before.len() + after.len() {
        return None;
    }
    keys.sort();
    let entry = |name: &String| match (before.get(name), after.get(name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(("~", format!("{} -> {}", json(old), json(new)))),
        (Some(old), None) => Some(("-", json(old))),
        (None, new) => Some(("+", new.map(json).unwrap_or_default())),
    };
    let entries = keys.into_iter().filter_map(|name| {
        let (sign, value) = entry(name)?;
        let key = key(name);
        Some(Entry { key, sign, value })
    });
    Some(entries.collect())
}

/// Both sides of a change as texts of several lines, if that is what they are: a list of lines, or one long text.
pub fn texts(change: &Change) -> Option<(String, String)> {
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    if before.sensitive || after.sensitive {
        return None;
    }
    let (before, after) = (lines(before.value.as_ref()?)?, lines(after.value.as_ref()?)?);
    (before.lines().count() > 1 || after.lines().count() > 1).then_some((before, after))
}

fn lines(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(all) => {
            let texts: Option<Vec<&str>> = all.iter().map(Json::as_str).collect();
            Some(texts?.iter().map(|line| format!("{line}\n")).collect())
        }
        _ => None,
    }
}
