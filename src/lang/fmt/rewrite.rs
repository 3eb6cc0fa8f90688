//! The few places where the canonical form has other tokens: labels in quotes, `"${x}"` as `x`, types of variables.

use super::tokens::{Kind, Token};

/// Rewrites arguments and labels in place.
pub(super) fn rewrite(tokens: &mut Vec<Token<'_>>) {
    let mut result = Vec::with_capacity(tokens.len());
    let mut blocks: Vec<String> = Vec::new();
    let mut rest = std::mem::take(tokens).into_iter().peekable();
    while let Some(token) = rest.next() {
        if token.kind != Kind::Word {
            if token.is("}") {
                blocks.pop();
            }
            result.push(token);
            continue;
        }
        let name = token.text.clone().into_owned();
        result.push(token);
        let mut header = Vec::new();
        while let Some(next) = rest.next_if(|next| !next.is("=") && !next.is("{")) {
            header.push(next);
        }
        match rest.next() {
            Some(equals) if equals.is("=") => {
                result.extend(header);
                result.push(equals);
                let value = value(&mut rest);
                let is_type = name == "type" && blocks == ["variable"];
                result.extend(if is_type { ty(value) } else { unwrapped(value) });
            }
            open => {
                result.extend(header.into_iter().flat_map(label));
                result.extend(open);
                blocks.push(name);
            }
        }
    }
    *tokens = result;
}

/// The tokens behind `=`, up to the end of the line or of a block in one line.
fn value<'a>(rest: &mut std::iter::Peekable<std::vec::IntoIter<Token<'a>>>) -> Vec<Token<'a>> {
    let mut value = Vec::new();
    let mut depth = 0;
    while let Some(token) = rest.next_if(|next| depth > 0 || !(next.ends_line() || next.is("}"))) {
        depth += token.nesting();
        value.push(token);
    }
    value
}

fn label(token: Token<'_>) -> Vec<Token<'_>> {
    match token.kind {
        Kind::Word => vec![
            Token::new(Kind::OpenQuote, "\""),
            Token::new(Kind::Literal, token.text),
            Token::new(Kind::CloseQuote, "\""),
        ],
        _ => vec![token],
    }
}

/// `string` for `"string"`, `list(any)` for `list`: how types were written before there was more to say of them.
fn ty(value: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let (before, inner, behind) = split_comments(value);
    let texts: Vec<&str> = inner.iter().map(|token| token.text.as_ref()).collect();
    let new = match texts[..] {
        ["list" | "map" | "set"] => of(inner[0].clone(), "any"),
        ["\"", "string", "\""] => vec![Token::new(Kind::Word, "string")],
        ["\"", "list" | "map", "\""] => of(Token::new(Kind::Word, inner[1].text.clone()), "string"),
        _ => inner,
    };
    [before, new, behind].concat()
}

fn of<'a>(kind: Token<'a>, element: &'static str) -> Vec<Token<'a>> {
    let element = Token::new(Kind::Word, element);
    vec![kind, Token::new(Kind::Open, "("), element, Token::new(Kind::Close, ")")]
}

/// Takes `"${` and `}"` away where nothing else is in the quotes.
fn unwrapped(value: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let (before, mut inner, behind) = split_comments(value);
    while is_wrapped(&inner) {
        inner = inner[2..inner.len() - 2].to_vec();
        let first = inner
            .iter()
            .position(|token| token.kind != Kind::NewLine)
            .unwrap_or_default();
        let last = inner
            .iter()
            .rposition(|token| token.kind != Kind::NewLine)
            .unwrap_or_default();
        inner = inner[first..=last].to_vec();
        if goes_over_lines(&inner) && !is_in_parentheses(&inner) {
            inner.insert(0, Token::new(Kind::Open, "("));
            inner.push(Token::new(Kind::Close, ")"));
        }
    }
    [before, inner, behind].concat()
}

/// Whether a value would end too early without something around it: behind a comment, too.
fn goes_over_lines(value: &[Token<'_>]) -> bool {
    let mut depth = 0;
    value.iter().any(|token| {
        depth += token.nesting();
        token.kind == Kind::NewLine || (depth == 0 && token.ends_line())
    })
}

/// Whether there is one interpolation in these quotes, and nothing else.
fn is_wrapped(value: &[Token<'_>]) -> bool {
    let [quote, open, inside @ .., close, end] = value else {
        return false;
    };
    let kinds = [quote.kind, open.kind, close.kind, end.kind];
    let wanted = [
        Kind::OpenQuote,
        Kind::OpenTemplate,
        Kind::CloseTemplate,
        Kind::CloseQuote,
    ];
    if kinds != wanted || !open.text.starts_with('$') || inside.iter().all(|token| token.kind == Kind::NewLine) {
        return false;
    }
    let mut quotes = 0;
    for token in inside {
        match token.kind {
            Kind::OpenQuote => quotes += 1,
            Kind::CloseQuote => quotes -= 1,
            Kind::OpenTemplate | Kind::CloseTemplate if quotes == 0 => return false,
            _ => {}
        }
    }
    quotes == 0
}

/// Whether one pair of parentheses holds it all.
fn is_in_parentheses(value: &[Token<'_>]) -> bool {
    let mut depth = 0;
    let closes = value.iter().position(|token| {
        depth += token.nesting();
        depth == 0
    });
    value.first().is_some_and(|first| first.is("(")) && closes == Some(value.len() - 1)
}

/// Comments before and behind a value are no part of it.
fn split_comments(mut value: Vec<Token<'_>>) -> (Vec<Token<'_>>, Vec<Token<'_>>, Vec<Token<'_>>) {
    let is_value = |token: &Token<'_>| token.kind != Kind::Comment;
    let last = value.iter().rposition(is_value).map_or(0, |last| last + 1);
    let behind = value.split_off(last);
    let first = value.iter().position(is_value).unwrap_or(value.len());
    let inner = value.split_off(first);
    (value, inner, behind)
}
