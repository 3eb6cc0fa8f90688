//! Values as plans show them: in HCL, on as few lines as are easy to read.

use super::print::quote;
use super::value::{Kind, Value};

/// Longer than this, a list or object is spread over lines.
const WIDEST: usize = 80;

/// The value as HCL: `"8GiB"`, `["a", "b"]`, `{ a = 1 }`, `(sensitive value)`, `(known after image.base.id)`. What does not
/// fit on one line is spread over several, each further one indented by `indent` blanks.
pub fn describe(value: &Value, indent: usize) -> String {
    let short = inline(value);
    if !short.contains('\n') && (short.chars().count() <= WIDEST || value.children().next().is_none()) {
        return short;
    }
    spread(value, indent)
}

/// The value on one line (a text of several lines is quoted).
pub fn inline(value: &Value) -> String {
    if value.is_sensitive() {
        return "(sensitive value)".into();
    }
    match &value.kind {
        Kind::Unknown(unknown) if unknown.term.leaves().is_empty() => "(known after apply)".into(),
        Kind::Unknown(unknown) => format!("(known after {})", unknown.term),
        Kind::Null(_) => "null".into(),
        Kind::Bool(answer) => answer.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => quote(text),
        Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all) => {
            let all: Vec<String> = all.iter().map(inline).collect();
            format!("[{}]", all.join(", "))
        }
        Kind::Map(_, all) | Kind::Object(all) if all.is_empty() => "{}".into(),
        Kind::Map(_, all) | Kind::Object(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|(name, one)| format!("{} = {}", key(name), inline(one)))
                .collect();
            format!("{{ {} }}", all.join(", "))
        }
    }
}

fn spread(value: &Value, indent: usize) -> String {
    let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
    if let Some(all) = value.elements() {
        let lines: String = all
            .iter()
            .map(|one| format!("{inner}{},\n", describe(one, indent + 2)))
            .collect();
        return format!("[\n{lines}{outer}]");
    }
    let all = value.attributes().into_iter().flatten();
    let width = value
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, _)| key(name).chars().count())
        .max();
    let width = width.unwrap_or(0);
    let lines: String = all
        .map(|(name, one)| format!("{inner}{:width$} = {}\n", key(name), describe(one, indent + 2)))
        .collect();
    format!("{{\n{lines}{outer}}}")
}

/// The lines of a text that has several; none for any other value.
pub fn lines(value: &Value) -> Option<Vec<&str>> {
    let text = value
        .as_str()
        .filter(|text| text.contains('\n') && !value.is_sensitive())?;
    Some(text.lines().collect())
}

/// A key as it is written: bare if it is a word.
fn key(name: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let bare = name.chars().all(word) && name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if bare { name.to_owned() } else { quote(name) }
}

/// As [`inline`]: a sensitive value is never shown.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&inline(self))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn short_values_stand_on_one_line_and_long_ones_are_spread() {
        let tags = BTreeMap::from([("a".to_owned(), 1_i64.into()), ("x y".to_owned(), "z".into())]);
        assert_eq!(describe(&Value::from(tags), 2), "{ a = 1, \"x y\" = \"z\" }");
        assert_eq!(describe(&Value::from("a\nb"), 0), "\"a\\nb\"");
        assert_eq!(lines(&"a\nb".into()), Some(vec!["a", "b"]));
        let long = Value::from(vec!["x".repeat(70).into(), Value::from("y").sensitive()]);
        assert_eq!(
            describe(&long, 2),
            format!("[\n    \"{}\",\n    (sensitive value),\n  ]", "x".repeat(70))
        );
    }
}
