//! Whether a blank stands between two tokens of a line.

use super::tokens::{Kind, Token};

/// Whether a blank stands behind a token. `before` stands before it on the same line.
///
/// The rules are those of Terraform's formatter, and so is their order: the first that fits decides.
pub(super) fn blank_behind(before: Option<&Token<'_>>, token: &Token<'_>, after: &Token<'_>) -> bool {
    if after.kind == Kind::NewLine
        || (token.kind == Kind::Word && after.is("("))
        || is_namespace(token, after)
        || token.is(".")
        || after.is(".")
        || after.is(",")
        || after.is("...")
    {
        return false;
    }
    if token.is(",") {
        return true;
    }
    if is_text(token, after) {
        return false;
    }
    // `[for x in [a] : x]`: a keyword, no collection.
    if token.kind == Kind::Word && token.text == "in" && before.is_some_and(|before| before.kind == Kind::Word) {
        return true;
    }
    if after.is("[") && (matches!(token.kind, Kind::Word | Kind::Number) || token.nesting() < 0) {
        return false;
    }
    if token.is("!") {
        return false;
    }
    if token.is("-") {
        return before.is_some_and(is_operand);
    }
    around_brackets(token, after)
}

/// `provider::name`
fn is_namespace(token: &Token<'_>, after: &Token<'_>) -> bool {
    (token.kind == Kind::Word && after.is("::")) || (token.is("::") && after.kind == Kind::Word)
}

/// What is said in quotes and heredocs is nobody's to change.
fn is_text(token: &Token<'_>, after: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Literal | Kind::OpenQuote | Kind::OpenHeredoc)
        || matches!(after.kind, Kind::Literal | Kind::CloseQuote | Kind::CloseHeredoc)
}

fn around_brackets(token: &Token<'_>, after: &Token<'_>) -> bool {
    if token.is("{") || after.is("}") {
        return !(token.is("{") && after.is("}"));
    }
    // An object alone in an interpolation: `${ {} }`.
    if (token.kind == Kind::OpenTemplate && after.is("{")) || (token.is("}") && after.kind == Kind::CloseTemplate) {
        return true;
    }
    if token.kind == Kind::CloseTemplate && after.kind == Kind::OpenTemplate {
        return false;
    }
    token.nesting() <= 0 && after.nesting() >= 0
}

/// Whether a `-` behind this token takes something away, rather than being a sign.
fn is_operand(token: &Token<'_>) -> bool {
    const NOT_BEHIND: &[&str] = &[
        "(", "{", "[", "=", ":", ",", "?", "+", "*", "/", "%", "-", "==", "!=", ">", ">=", "<", "<=", "&&", "||", "!",
    ];
    !NOT_BEHIND.iter().any(|symbol| token.is(symbol))
}
