//! Templates: what stands between interpolations and directives, trimmed, dedented and unescaped as Terraform does it.
//!
//! Terraform sees a template as a flat row of literals and marks. In a heredoc or a file each line is a literal
//! of its own, so a `~` eats no more than the rest of its line; in a quoted text a literal reaches from mark to mark.

use hcl_edit::Span as _;
use hcl_edit::template as hcl;

use super::lower::Lower;
use super::{Expression, ExpressionKind, For};
use crate::diagnostic::Diagnostic;
use crate::lang::value::Value;
use crate::source::Span;

/// How a template is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    /// Between quotes: backslash escapes, no line breaks.
    Quoted,
    /// `<<EOT`
    Heredoc,
    /// `<<-EOT`: dedented.
    IndentedHeredoc,
    /// A file of its own.
    File,
}

/// One token of the flat row.
enum Token {
    Literal(String),
    /// Whether it trims what stands before and behind it.
    Mark {
        before: bool,
        behind: bool,
    },
}

/// A heredoc, with hcl-edit's misreading of an empty one refused: it would swallow what follows up to the next
/// marker of the same name.
pub(super) fn heredoc(lower: &mut Lower<'_>, heredoc: &hcl::HeredocTemplate, span: &Span) -> ExpressionKind {
    let raw = span.text();
    let (intro, content) = raw.split_once('\n').unwrap_or((raw, ""));
    let marker = heredoc.delimiter.as_str();
    let first = content.lines().next().unwrap_or_default();
    if first.trim() == marker {
        if content.trim() == marker {
            return ExpressionKind::Value("".into());
        }
        lower.errors.push(
            Diagnostic::error("an empty heredoc whose marker is used again further down")
                .at(&Span::new(
                    span.source(),
                    span.bytes().start..span.bytes().start + intro.len(),
                ))
                .note("it cannot be told apart from one that contains its own marker")
                .help("write \"\" instead, or use another marker"),
        );
        return ExpressionKind::Value("".into());
    }
    let notation = if intro.starts_with("<<-") {
        Notation::IndentedHeredoc
    } else {
        Notation::Heredoc
    };
    self::lower(lower, &heredoc.template, notation, span.clone()).kind
}

/// A template as an expression: a literal, a single interpolation (which passes its value through), or parts.
pub(super) fn lower(lower: &mut Lower<'_>, template: &hcl::Template, notation: Notation, span: Span) -> Expression {
    let mut row = Row::default();
    row.flatten(lower, template, notation);
    trim(&mut row.tokens);
    if notation == Notation::IndentedHeredoc {
        dedent(&mut row.tokens);
    }
    let mut texts = row.texts().into_iter();
    let mut parts = build(lower, template, &mut row.lines.into_iter(), &mut texts);
    match parts.len() {
        0 => Expression::value("".into(), span),
        1 if is_text(&parts[0]) || single_interpolation(template) => {
            let only = parts.remove(0);
            Expression::new(ExpressionKind::Parentheses(Box::new(only)), span.clone()).unwrapped(span)
        }
        _ => Expression::new(ExpressionKind::Template(parts), span),
    }
}

fn is_text(part: &Expression) -> bool {
    matches!(&part.kind, ExpressionKind::Value(value) if value.as_str().is_some())
}

fn single_interpolation(template: &hcl::Template) -> bool {
    let mut all = template.iter();
    matches!((all.next(), all.next()), (Some(hcl::Element::Interpolation(_)), None))
}

impl Expression {
    /// A literal takes the place of its quotes; an interpolated expression keeps its own.
    fn unwrapped(self, span: Span) -> Expression {
        match self.kind {
            ExpressionKind::Parentheses(inner) if is_text(&inner) => Expression::new(inner.kind, span),
            kind => Expression::new(kind, span),
        }
    }
}

#[derive(Default)]
struct Row {
    tokens: Vec<Token>,
    /// For each literal of hcl-edit, how many tokens it became.
    lines: Vec<usize>,
}

impl Row {
    fn flatten(&mut self, lower: &mut Lower<'_>, template: &hcl::Template, notation: Notation) {
        for element in template {
            match element {
                hcl::Element::Literal(literal) => self.literal(lower, &lower.span(literal), notation),
                hcl::Element::Interpolation(one) => self.mark(one.strip),
                hcl::Element::Directive(directive) => match &**directive {
                    hcl::Directive::If(one) => {
                        self.mark(one.if_expr.strip);
                        self.flatten(lower, &one.if_expr.template, notation);
                        if let Some(other) = &one.else_expr {
                            self.mark(other.strip);
                            self.flatten(lower, &other.template, notation);
                        }
                        self.mark(one.endif_expr.strip);
                    }
                    hcl::Directive::For(one) => {
                        self.mark(one.for_expr.strip);
                        self.flatten(lower, &one.for_expr.template, notation);
                        self.mark(one.endfor_expr.strip);
                    }
                },
            }
        }
    }

    fn mark(&mut self, strip: hcl::Strip) {
        self.tokens.push(Token::Mark {
            before: strip.strip_start(),
            behind: strip.strip_end(),
        });
    }

    fn literal(&mut self, lower: &mut Lower<'_>, span: &Span, notation: Notation) {
        let before = self.tokens.len();
        let raw = span.text();
        let pieces: Vec<&str> = match notation {
            Notation::Quoted => vec![raw],
            Notation::Heredoc | Notation::IndentedHeredoc | Notation::File => raw.split_inclusive('\n').collect(),
        };
        for piece in pieces {
            let text = unescape(lower, piece, span, notation);
            self.tokens.push(Token::Literal(text));
        }
        self.lines.push(self.tokens.len() - before);
    }

    fn texts(&mut self) -> Vec<String> {
        let literals = self.tokens.drain(..).filter_map(|token| match token {
            Token::Literal(text) => Some(text),
            Token::Mark { .. } => None,
        });
        literals.collect()
    }
}

fn trim(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let Token::Mark { before, behind } = tokens[at] else {
            continue;
        };
        if let (true, Some(Token::Literal(text))) = (before, at.checked_sub(1).map(|before| &mut tokens[before])) {
            text.truncate(text.trim_end().len());
        }
        if let (true, Some(Token::Literal(text))) = (behind, tokens.get_mut(at + 1)) {
            *text = text.trim_start().to_owned();
        }
    }
}

/// Takes away the white space that all lines begin with; lines of nothing but white space do not count, and a line
/// that begins with a mark has none. (hclsyntax, `flushHeredocTemplateParts`.)
fn dedent(tokens: &mut [Token]) {
    let (mut least, mut starts, mut at_start) = (usize::MAX, Vec::new(), true);
    for (at, token) in tokens.iter().enumerate() {
        if std::mem::take(&mut at_start) {
            match token {
                Token::Literal(text) if text.trim_start().is_empty() && text.ends_with('\n') => {}
                Token::Literal(text) => {
                    let indent = text.chars().take_while(|c| c.is_whitespace()).count();
                    least = least.min(indent);
                    starts.push(at);
                }
                Token::Mark { .. } => least = 0,
            }
        }
        at_start = matches!(token, Token::Literal(text) if text.ends_with('\n'));
    }
    for at in starts {
        if let Token::Literal(text) = &mut tokens[at] {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// Puts the tree together again, with the texts of its literals in order.
fn build(
    lower: &mut Lower<'_>,
    template: &hcl::Template,
    lines: &mut std::vec::IntoIter<usize>,
    texts: &mut std::vec::IntoIter<String>,
) -> Vec<Expression> {
    let mut parts = Vec::new();
    for element in template {
        match element {
            hcl::Element::Literal(literal) => {
                let text: String = texts.by_ref().take(lines.next().unwrap_or(0)).collect();
                if !text.is_empty() {
                    parts.push(Expression::value(Value::from(text), lower.span(literal)));
                }
            }
            hcl::Element::Interpolation(one) => parts.push(lower.expression(&one.expr)),
            hcl::Element::Directive(directive) => {
                let span = element.span().map_or_else(Span::nowhere, |range| lower.span_of(range));
                parts.push(build_directive(lower, directive, span, lines, texts));
            }
        }
    }
    parts
}

fn build_directive(
    lower: &mut Lower<'_>,
    directive: &hcl::Directive,
    span: Span,
    lines: &mut std::vec::IntoIter<usize>,
    texts: &mut std::vec::IntoIter<String>,
) -> Expression {
    let whole = |parts: Vec<Expression>| Expression::new(ExpressionKind::Template(parts), span.clone());
    match directive {
        hcl::Directive::If(one) => {
            let condition = Box::new(lower.expression(&one.if_expr.cond_expr));
            let then = Box::new(whole(build(lower, &one.if_expr.template, lines, texts)));
            let otherwise = match &one.else_expr {
                Some(other) => build(lower, &other.template, lines, texts),
                None => Vec::new(),
            };
            let kind = ExpressionKind::Conditional {
                condition,
                then,
                otherwise: Box::new(whole(otherwise)),
            };
            Expression::new(kind, span)
        }
        hcl::Directive::For(one) => {
            let collection = lower.expression(&one.for_expr.collection_expr);
            let output = whole(build(lower, &one.for_expr.template, lines, texts));
            let each = For {
                key: one.for_expr.key_var.as_ref().map(|name| name.as_str().to_owned()),
                value: one.for_expr.value_var.as_str().to_owned(),
                collection,
                output_key: None,
                output,
                condition: None,
                group: false,
            };
            let each = Expression::new(ExpressionKind::For(Box::new(each)), span.clone());
            Expression::new(ExpressionKind::Join(Box::new(each)), span)
        }
    }
}

/// The text that a literal stands for.
pub(super) fn unescape(lower: &mut Lower<'_>, raw: &str, span: &Span, notation: Notation) -> String {
    let quoted = notation == Notation::Quoted;
    if !raw.contains(['\\', '$', '%', '\n', '"']) {
        return raw.to_owned();
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '$' if rest.starts_with("$${") => push(&mut text, "${", 3),
            '%' if rest.starts_with("%%{") => push(&mut text, "%{", 3),
            '\\' if quoted => escape(lower, rest, span, &mut text),
            '\n' if quoted => {
                refuse(
                    lower,
                    span,
                    "a line break in a quoted text",
                    "write \\n, or use a heredoc: <<-EOT",
                );
                return text;
            }
            '"' if quoted => {
                refuse(lower, span, "a quote in a quoted text", "write \\\"");
                return text;
            }
            c => {
                text.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    text
}

fn push(text: &mut String, what: &str, taken: usize) -> usize {
    text.push_str(what);
    taken
}

fn escape(lower: &mut Lower<'_>, rest: &str, span: &Span, text: &mut String) -> usize {
    let digits = |count: usize| {
        let code = rest.get(2..2 + count).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        code.and_then(char::from_u32).map(|c| (c, 2 + count))
    };
    let found = match rest.as_bytes().get(1) {
        Some(b'n') => Some(('\n', 2)),
        Some(b'r') => Some(('\r', 2)),
        Some(b't') => Some(('\t', 2)),
        Some(b'"') => Some(('"', 2)),
        Some(b'\\') => Some(('\\', 2)),
        Some(b'u') => digits(4),
        Some(b'U') => digits(8),
        _ => None,
    };
    let Some((c, taken)) = found else {
        refuse(
            lower,
            span,
            "an unknown escape in a quoted text",
            super::faults::ESCAPES,
        );
        return 1;
    };
    text.push(c);
    taken
}

fn refuse(lower: &mut Lower<'_>, span: &Span, summary: &str, help: &str) {
    lower.errors.push(Diagnostic::error(summary).at(span).help(help));
}
