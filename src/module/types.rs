//! Type expressions of variables: `string`, `list(number)`, `object({ name = string })`.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::lang::syntax::{Expression, ExpressionKind};
use crate::lang::types::Type;
use crate::schema::suggest;

const NAMES: &[&str] = &[
    "string", "number", "bool", "any", "list", "set", "map", "tuple", "object",
];

/// The type that an expression names.
///
/// # Errors
/// What is no type in it.
pub(super) fn read(expression: &Expression) -> Result<Type, Diagnostic> {
    match &expression.kind {
        ExpressionKind::Parentheses(inner) => read(inner),
        ExpressionKind::Variable(name) => match name.as_str() {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "any" => Ok(Type::Any),
            "list" | "set" | "map" => Err(wrong(expression, &format!("of what? write {name}(string)"))),
            _ => Err(unknown(name, expression)),
        },
        ExpressionKind::Call { name, arguments, .. } => constructed(name, arguments, expression),
        ExpressionKind::Value(value) if value.as_str().is_some() => {
            Err(wrong(expression, "write the type without quotes"))
        }
        _ => Err(wrong(
            expression,
            "write string, number, bool, list(...), map(...), object({ ... })",
        )),
    }
}

fn constructed(name: &str, arguments: &[Expression], expression: &Expression) -> Result<Type, Diagnostic> {
    if name == "optional" {
        return Err(Diagnostic::error("optional attributes are not supported yet").at(&expression.span));
    }
    if !NAMES.contains(&name) {
        return Err(unknown(name, expression));
    }
    let [argument] = arguments else {
        return Err(wrong(expression, &format!("{name}(...) takes one argument")));
    };
    match (name, &argument.kind) {
        ("list", _) => read(argument).map(Type::list),
        ("set", _) => read(argument).map(Type::set),
        ("map", _) => read(argument).map(Type::map),
        ("tuple", ExpressionKind::Tuple(all)) => all.iter().map(read).collect::<Result<_, _>>().map(Type::Tuple),
        ("object", ExpressionKind::Object(all)) => {
            let attributes = all.iter().map(|(key, ty)| match &key.kind {
                ExpressionKind::Value(name) => Ok((name.as_str().unwrap_or_default().to_owned(), read(ty)?)),
                _ => Err(wrong(key, "write the name of an attribute")),
            });
            attributes.collect::<Result<BTreeMap<_, _>, _>>().map(Type::Object)
        }
        ("tuple", _) => Err(wrong(argument, "write tuple([string, number])")),
        ("object", _) => Err(wrong(argument, "write object({ name = string })")),
        _ => Err(wrong(expression, &format!("{name} takes no argument"))),
    }
}

fn unknown(name: &str, expression: &Expression) -> Diagnostic {
    let meant = suggest(name, NAMES.iter().copied()).map(|meant| format!("did you mean {meant}?"));
    wrong(expression, &meant.unwrap_or_else(|| "no type has this name".to_owned()))
}

fn wrong(expression: &Expression, why: &str) -> Diagnostic {
    Diagnostic::error("this is no type").label(&expression.span, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse_expression;
    use crate::source::Source;

    fn of(text: &str) -> Result<String, String> {
        let expression = parse_expression(&Source::new("x", text)).unwrap();
        read(&expression)
            .map(|ty| ty.to_string())
            .map_err(|error| error.labels[0].text.clone())
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in [
            "string",
            "list(map(number))",
            "tuple([string, bool])",
            "object({ a = set(any) })",
        ] {
            assert_eq!(of(text).as_deref(), Ok(text));
        }
        assert_eq!(of("strin").unwrap_err(), "did you mean string?");
        assert_eq!(of("list").unwrap_err(), "of what? write list(string)");
        assert_eq!(of("\"string\"").unwrap_err(), "write the type without quotes");
        assert!(of("string(bool)").is_err() && of("list(string, bool)").is_err() && of("1").is_err());
    }
}
