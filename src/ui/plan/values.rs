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
