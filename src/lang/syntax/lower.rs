//! From what hcl-edit parses to our own syntax tree, and what hcl-edit reads otherwise than Terraform put right.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr as hcl;
use hcl_edit::structure;

use super::{Attribute, Block, Body, Expression, ExpressionKind, For, Operator, faults, template};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::number::Number;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::source::{Source, Span, Spanned};

/// How deep expressions may be nested, so that walking them never ends the stack.
const DEEPEST: usize = 200;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a file.
///
/// # Errors
/// Of a file that is no HCL, the first place where it is not; else everything that HCL allows and we do not (a
/// heredoc that hcl-edit misreads, a line break in a quoted text).
pub fn parse(source: &Arc<Source>) -> Result<Body, Diagnostics> {
    let (text, offset) = without_mark(source);
    let body = hcl_edit::parser::parse_body(text).map_err(|error| faults::explain(source, offset, &error))?;
    let mut lower = Lower::new(source, offset);
    let lowered = lower.body(&body, 0..source.text().len());
    lower.finish(lowered)
}

/// Reads one expression, as it stands behind an `=`.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(source: &Arc<Source>) -> Result<Expression, Diagnostics> {
    let (_, offset) = without_mark(source);
    expression_in(source, offset..source.text().len())
}

/// Reads one expression that stands within a file.
pub(super) fn expression_in(source: &Arc<Source>, range: Range<usize>) -> Result<Expression, Diagnostics> {
    let text = &source.text()[range.clone()];
    let trimmed = text.trim();
    let offset = range.start + (text.len() - text.trim_start().len());
    let expression = hcl_edit::parser::parse_expr(trimmed).map_err(|error| faults::explain(source, offset, &error))?;
    let mut lower = Lower::new(source, offset);
    let lowered = lower.expression(&expression);
    lower.finish(lowered)
}

/// Reads a whole text as a template, as `templatefile` does: there are no quotes and no escapes but `$${` and `%%{`.
///
/// # Errors
/// As [`parse`].
pub fn parse_template(source: &Arc<Source>) -> Result<Expression, Diagnostics> {
    let (_, offset) = without_mark(source);
    template_in(source, offset..source.text().len())
}

/// Reads a template that stands within a file.
pub(super) fn template_in(source: &Arc<Source>, range: Range<usize>) -> Result<Expression, Diagnostics> {
    let (text, offset) = (&source.text()[range.clone()], range.start);
    let parsed = hcl_edit::parser::parse_template(text).map_err(|error| faults::explain(source, offset, &error))?;
    let mut lower = Lower::new(source, offset);
    let span = lower.span_of(0..text.len());
    let lowered = template::lower(&mut lower, &parsed, template::Notation::File, span);
    lower.finish(lowered)
}

pub(super) fn without_mark(source: &Arc<Source>) -> (&str, usize) {
    match source.text().strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (rest, BYTE_ORDER_MARK.len()),
        None => (source.text(), 0),
    }
}

/// One walk over a parsed file.
pub(super) struct Lower<'a> {
    source: &'a Arc<Source>,
    /// What was cut off before hcl-edit saw the text.
    offset: usize,
    depth: usize,
    pub(super) errors: Diagnostics,
}

impl<'a> Lower<'a> {
    fn new(source: &'a Arc<Source>, offset: usize) -> Lower<'a> {
        Lower {
            source,
            offset,
            depth: 0,
            errors: Diagnostics::new(),
        }
    }

    fn finish<T>(self, value: T) -> Result<T, Diagnostics> {
        self.errors.into_result(value).map(|(value, _)| value)
    }

    pub(super) fn span_of(&self, range: Range<usize>) -> Span {
        Span::new(self.source, range.start + self.offset..range.end + self.offset)
    }

    pub(super) fn span(&self, of: &impl hcl_edit::Span) -> Span {
        of.span().map_or_else(Span::nowhere, |range| self.span_of(range))
    }

    fn body(&mut self, body: &structure::Body, range: Range<usize>) -> Body {
        let span = body
            .span()
            .map_or_else(|| Span::new(self.source, range), |range| self.span_of(range));
        let mut lowered = Body::empty(span);
        for one in body {
            match one {
                structure::Structure::Attribute(one) => {
                    let attribute = self.attribute(one);
                    lowered.attributes.push(attribute);
                }
                structure::Structure::Block(one) => {
                    let block = self.block(one);
                    lowered.blocks.push(block);
                }
            }
        }
        lowered
    }

    fn attribute(&mut self, attribute: &structure::Attribute) -> Attribute {
        Attribute {
            name: self.name(&attribute.key),
            value: self.expression(&attribute.value),
            span: self.span(attribute),
        }
    }

    fn block(&mut self, block: &structure::Block) -> Block {
        let kind = self.name(&block.ident);
        let labels: Vec<Spanned<String>> = block.labels.iter().map(|label| self.label(label)).collect();
        let span = labels
            .last()
            .map_or_else(|| kind.span.clone(), |last| kind.span.to(&last.span));
        let whole = self.span(block);
        let end = span.bytes().end;
        Block {
            body: self.body(&block.body, end..end),
            kind,
            labels,
            span,
            whole,
        }
    }

    fn label(&mut self, label: &structure::BlockLabel) -> Spanned<String> {
        match label {
            structure::BlockLabel::Ident(name) => self.name(name),
            structure::BlockLabel::String(_) => {
                let span = self.span(label);
                let text = self.quoted(&span);
                Spanned::new(text, span)
            }
        }
    }

    fn name(&self, name: &hcl_edit::Decorated<hcl_edit::Ident>) -> Spanned<String> {
        Spanned::new(name.as_str().to_owned(), self.span(name))
    }

    /// The text of a quoted literal without interpolation, at a place that includes the quotes.
    fn quoted(&mut self, span: &Span) -> String {
        let raw = span.text();
        let inside = raw
            .strip_prefix('"')
            .and_then(|raw| raw.strip_suffix('"'))
            .unwrap_or(raw);
        template::unescape(self, inside, span, template::Notation::Quoted)
    }

    pub(super) fn expression(&mut self, expression: &hcl::Expression) -> Expression {
        let span = self.span(expression);
        if self.depth >= DEEPEST {
            return self.refuse(
                Diagnostic::error("this expression is nested too deeply").at(&span),
                span,
            );
        }
        self.depth += 1;
        let kind = self.kind(expression, &span);
        self.depth -= 1;
        Expression::new(kind, span)
    }

    fn refuse(&mut self, error: Diagnostic, span: Span) -> Expression {
        self.errors.push(error);
        Expression::value(Value::null(Type::Any), span)
    }

    fn boxed(&mut self, expression: &hcl::Expression) -> Box<Expression> {
        Box::new(self.expression(expression))
    }

    fn kind(&mut self, expression: &hcl::Expression, span: &Span) -> ExpressionKind {
        match expression {
            hcl::Expression::Null(_) => ExpressionKind::Value(Value::null(Type::Any)),
            hcl::Expression::Bool(answer) => ExpressionKind::Value((**answer).into()),
            hcl::Expression::Number(_) => self.number(span),
            hcl::Expression::String(_) => ExpressionKind::Value(self.quoted(span).into()),
            hcl::Expression::StringTemplate(all) => {
                template::lower(self, all, template::Notation::Quoted, span.clone()).kind
            }
            hcl::Expression::HeredocTemplate(heredoc) => template::heredoc(self, heredoc, span),
            hcl::Expression::Array(all) => ExpressionKind::Tuple(all.iter().map(|one| self.expression(one)).collect()),
            hcl::Expression::Object(all) => {
                let pairs: Vec<_> = all.iter().map(|pair| self.pair(pair)).collect();
                self.refuse_second_keys(&pairs);
                ExpressionKind::Object(pairs)
            }
            hcl::Expression::Parenthesis(inner) => ExpressionKind::Parentheses(self.boxed(inner.inner())),
            hcl::Expression::Variable(name) => ExpressionKind::Variable(name.as_str().to_owned()),
            hcl::Expression::Conditional(one) => ExpressionKind::Conditional {
                condition: self.boxed(&one.cond_expr),
                then: self.boxed(&one.true_expr),
                otherwise: self.boxed(&one.false_expr),
            },
            hcl::Expression::FuncCall(call) => self.call(call),
            hcl::Expression::Traversal(traversal) => self.traversal(traversal, span),
            hcl::Expression::UnaryOp(one) => match *one.operator {
                hcl::UnaryOperator::Neg => ExpressionKind::Negate(self.boxed(&one.expr)),
                hcl::UnaryOperator::Not => ExpressionKind::Not(self.boxed(&one.expr)),
            },
            hcl::Expression::BinaryOp(one) => ExpressionKind::Binary {
                operator: operator(*one.operator.value()),
                left: self.boxed(&one.lhs_expr),
                right: self.boxed(&one.rhs_expr),
            },
            hcl::Expression::ForExpr(one) => self.for_expression(one),
        }
    }

    /// hcl-edit reads numbers as doubles; the digits themselves stand in the text.
    fn number(&mut self, span: &Span) -> ExpressionKind {
        let digits: String = span.text().chars().filter(|c| !c.is_whitespace()).collect();
        match digits.parse::<Number>() {
            Ok(number) => ExpressionKind::Value(number.into()),
            Err(_) => {
                let error = Diagnostic::error(format!("{digits} is too large or too small for a number")).at(span);
                self.refuse(error, span.clone()).kind
            }
        }
    }

    /// The parser compares keys as they are written, and takes `a` and `"a"` for two.
    fn refuse_second_keys(&mut self, pairs: &[(Expression, Expression)]) {
        let mut seen = HashSet::new();
        for (key, _) in pairs {
            let ExpressionKind::Value(value) = &key.kind else {
                continue;
            };
            let Some(text) = value.as_str() else { continue };
            if !seen.insert(text) {
                let error = Diagnostic::error(format!("key {text:?} is written twice"));
                self.errors.push(error.label(&key.span, "again here"));
            }
        }
    }

    fn pair(&mut self, (key, value): (&hcl::ObjectKey, &hcl::ObjectValue)) -> (Expression, Expression) {
        let key = match key {
            hcl::ObjectKey::Ident(name) => Expression::value(name.as_str().into(), self.span(name)),
            hcl::ObjectKey::Expression(key) => self.key(key),
        };
        (key, self.expression(value.expr()))
    }

    fn key(&mut self, key: &hcl::Expression) -> Expression {
        let span = self.span(key);
        let word = match key {
            hcl::Expression::Null(_) => "null".to_owned(),
            hcl::Expression::Bool(answer) => answer.to_string(),
            hcl::Expression::Variable(name) => name.as_str().to_owned(),
            hcl::Expression::Traversal(_) => {
                let error = Diagnostic::error("it is not clear what this key means")
                    .at(&span)
                    .help(format!(
                        "for the value as the key, write ({0}); for the text, write \"{0}\"",
                        span.text()
                    ));
                return self.refuse(error, span);
            }
            _ => return self.expression(key),
        };
        Expression::value(word.into(), span)
    }

    fn call(&mut self, call: &hcl::FuncCall) -> ExpressionKind {
        let mut name: String = call
            .name
            .namespace
            .iter()
            .map(|part| format!("{}::", part.as_str()))
            .collect();
        name.push_str(call.name.name.as_str());
        ExpressionKind::Call {
            name: name.strip_prefix("core::").map(str::to_owned).unwrap_or(name),
            arguments: call.args.iter().map(|one| self.expression(one)).collect(),
            expand: call.args.expand_final(),
        }
    }

    fn for_expression(&mut self, one: &hcl::ForExpr) -> ExpressionKind {
        ExpressionKind::For(Box::new(For {
            key: one.intro.key_var.as_ref().map(|name| name.as_str().to_owned()),
            value: one.intro.value_var.as_str().to_owned(),
            collection: self.expression(&one.intro.collection_expr),
            output_key: one.key_expr.as_ref().map(|key| self.expression(key)),
            output: self.expression(&one.value_expr),
            condition: one.cond.as_ref().map(|condition| self.expression(&condition.expr)),
            group: one.grouping,
        }))
    }

    fn traversal(&mut self, traversal: &hcl::Traversal, span: &Span) -> ExpressionKind {
        let root = self.expression(&traversal.expr);
        if self.depth + traversal.operators.len() > DEEPEST {
            let error = Diagnostic::error("this expression is nested too deeply").at(span);
            return self.refuse(error, span.clone()).kind;
        }
        self.depth += traversal.operators.len();
        let lowered = self.operators(root, &traversal.operators, span);
        self.depth -= traversal.operators.len();
        lowered.kind
    }

    fn operators(
        &mut self,
        root: Expression,
        operators: &[hcl_edit::Decorated<hcl::TraversalOperator>],
        span: &Span,
    ) -> Expression {
        let mut so_far = root;
        let mut rest = operators;
        while let Some((first, others)) = rest.split_first() {
            rest = others;
            let here = span.to(&self.span(first));
            let of = Box::new(so_far);
            let kind = match first.value() {
                hcl::TraversalOperator::GetAttr(name) => ExpressionKind::Attribute {
                    of,
                    name: name.as_str().to_owned(),
                },
                hcl::TraversalOperator::Index(key) => {
                    let key = self.boxed(key);
                    self.refuse_two_lists(&of, &key);
                    ExpressionKind::Index { of, key }
                }
                hcl::TraversalOperator::LegacyIndex(at) => {
                    self.refuse_version(&of, &here);
                    self.refuse_legacy_pair(others.first(), &here);
                    let at = Value::from(Number::from(*at.value()));
                    ExpressionKind::Index {
                        of,
                        key: Box::new(Expression::value(at, self.span(first))),
                    }
                }
                splat @ (hcl::TraversalOperator::AttrSplat(_) | hcl::TraversalOperator::FullSplat(_)) => {
                    let full = matches!(splat, hcl::TraversalOperator::FullSplat(_));
                    let inside = if full { others.len() } else { attributes_only(others) };
                    let (inside, behind) = others.split_at(inside);
                    rest = behind;
                    let each = Expression::new(ExpressionKind::Each, here.clone());
                    ExpressionKind::Splat {
                        of,
                        each: Box::new(self.operators(each, inside, span)),
                    }
                }
            };
            let end = operators[..operators.len() - rest.len()]
                .last()
                .map_or(here, |last| span.to(&self.span(last)));
            so_far = Expression::new(kind, end);
        }
        so_far
    }

    /// `x.0.1` would be the number 0.1 to Terraform.
    /// `1.2.3`: an index into a number can never be meant.
    fn refuse_version(&mut self, of: &Expression, here: &Span) {
        if matches!(&of.kind, ExpressionKind::Value(value) if value.as_number().is_some()) {
            let error = Diagnostic::error(format!("{} is no number", here.text())).at(here);
            self.errors
                .push(error.help(format!("write \"{}\" if a version or an address is meant", here.text())));
        }
    }

    /// `["a"] ["b"]`: an element of a list is not chosen by a text.
    fn refuse_two_lists(&mut self, of: &Expression, key: &Expression) {
        let is_text = matches!(&key.kind, ExpressionKind::Value(value) if value.as_str().is_some());
        if is_text && matches!(of.kind, ExpressionKind::Tuple(_)) {
            let error = Diagnostic::error("a comma is missing between two lists");
            let error = error.label(&key.span, "this would choose an element of the list before it");
            self.errors.push(error.help("write [...], [...]"));
        }
    }

    fn refuse_legacy_pair(&mut self, next: Option<&hcl_edit::Decorated<hcl::TraversalOperator>>, here: &Span) {
        if matches!(
            next.map(|next| next.value()),
            Some(hcl::TraversalOperator::LegacyIndex(_))
        ) {
            self.errors.push(
                Diagnostic::error("two indexes without brackets in a row")
                    .at(here)
                    .help("write [0][1] instead of .0.1"),
            );
        }
    }
}

/// How many of these operators belong to a `.*`: those behind the first index are applied to its whole result.
fn attributes_only(operators: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> usize {
    let belongs = |one: &&hcl_edit::Decorated<hcl::TraversalOperator>| {
        matches!(
            one.value(),
            hcl::TraversalOperator::GetAttr(_) | hcl::TraversalOperator::LegacyIndex(_)
        )
    };
    operators.iter().take_while(belongs).count()
}

fn operator(operator: hcl::BinaryOperator) -> Operator {
    match operator {
        hcl::BinaryOperator::Plus => Operator::Add,
        hcl::BinaryOperator::Minus => Operator::Subtract,
        hcl::BinaryOperator::Mul => Operator::Multiply,
        hcl::BinaryOperator::Div => Operator::Divide,
        hcl::BinaryOperator::Mod => Operator::Modulo,
        hcl::BinaryOperator::Eq => Operator::Equal,
        hcl::BinaryOperator::NotEq => Operator::NotEqual,
        hcl::BinaryOperator::Less => Operator::Less,
        hcl::BinaryOperator::LessEq => Operator::LessOrEqual,
        hcl::BinaryOperator::Greater => Operator::Greater,
        hcl::BinaryOperator::GreaterEq => Operator::GreaterOrEqual,
        hcl::BinaryOperator::And => Operator::And,
        hcl::BinaryOperator::Or => Operator::Or,
    }
}
