//! Values as people read them: outputs, in the syntax of the language.

use crate::lang::Value;

/// A value in the syntax of the language, with this many blanks before every line but the first.
///
/// What is secret is `(sensitive)`, what is not known is `(known after apply)`.
pub fn text(value: &Value, indent: usize) -> String {
    if value.is_sensitive() {
        return "(sensitive)".to_owned();
    }
    if !value.is_known() {
        return "(known after apply)".to_owned();
    }
    if let Some(attributes) = value.attributes() {
        let width = attributes.keys().map(|name| quoted(name).len()).max().unwrap_or(0);
        let lines = attributes.iter().map(|(name, one)| {
            let name = quoted(name);
            format!("{name:width$} = {}", text(one, indent + 2))
        });
        return enclosed("{", lines, "}", indent);
    }
    match value.elements() {
        Some(all) => enclosed("[", all.iter().map(|one| text(one, indent + 2) + ","), "]", indent),
        None => value.to_json().to_string(),
    }
}

fn enclosed(open: &str, lines: impl Iterator<Item = String>, close: &str, indent: usize) -> String {
    let lines: Vec<String> = lines.map(|line| format!("{:1$}{line}\n", "", indent + 2)).collect();
    match lines.is_empty() {
        true => format!("{open}{close}"),
        false => format!("{open}\n{}{:2$}{close}", lines.concat(), "", indent),
    }
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Type;

    fn value(json: serde_json::Value) -> Value {
        Value::from_json(&json)
    }

    #[test]
    fn values_look_as_they_are_written() {
        assert_eq!(text(&value(serde_json::json!("a \"b\"")), 0), "\"a \\\"b\\\"\"");
        assert_eq!(text(&value(serde_json::json!({})), 0), "{}");
        let nested = serde_json::json!({ "eu": ["a", 1], "us-east-1": null });
        let wanted = "{\n  \"eu\"        = [\n    \"a\",\n    1,\n  ]\n  \"us-east-1\" = null\n}";
        assert_eq!(text(&value(nested), 0), wanted);
    }

    #[test]
    fn secrets_are_not_shown_however_deep() {
        let secret = Value::string("hunter2").sensitive();
        assert_eq!(text(&secret, 0), "(sensitive)");
        let list = Value::list(Type::String, vec![secret, Value::string("x")]);
        let shown = text(&list, 0);
        assert!(
            shown.contains("(sensitive)") && shown.contains("\"x\"") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
