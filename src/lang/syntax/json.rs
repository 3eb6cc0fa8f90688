//! The JSON notation of a module: `*.bake.json` to the same bodies, blocks and expressions as HCL's own notation.
//!
//! JSON does not say what is a block and what an argument, so the caller does ([`Shape`]). A text is a template; where an
//! argument takes the name of something (`provider.aws`, a type), it is that expression itself.
//!
//! Source: HCL JSON Syntax Specification (hashicorp/hcl, json/spec.md).

use std::ops::Range;
use std::sync::Arc;

use super::lower::{self, without_mark};
use super::{Attribute, Block, Body, Expression, ExpressionKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::json_text::{self, Json, Key, Kind};
use crate::source::{Source, Span, Spanned};

/// A member of this name says nothing: a comment.
const COMMENT: &str = "//";

/// What the members of a body are.
pub trait Shape {
    /// What a member of this name is.
    fn member(&self, name: &str) -> Member<'_>;
}

/// What a member of a body is.
pub enum Member<'a> {
    /// An argument whose texts are templates.
    Argument,
    /// An argument whose texts are expressions: `"image.base"`, `"list(string)"`.
    Expression,
    /// One or more blocks.
    Blocks(Box<dyn Blocks + 'a>),
    /// Nobody knows: an object is taken for a block, anything else for an argument.
    Unknown,
}

/// The blocks of one name.
pub trait Blocks {
    /// How many labels such a block has, of which these are the first.
    fn labels(&self, so_far: &[&str]) -> usize;
    /// What the body of the block with these labels holds.
    fn body(&self, labels: &[&str]) -> Box<dyn Shape + '_>;
}

/// Reads a file.
///
/// # Errors
/// Of a file that is no JSON, the first place where it is not; else every template that is none, and every block that
/// is no object.
pub fn parse_json(source: &Arc<Source>, shape: &dyn Shape) -> Result<Body, Diagnostics> {
    let (text, offset) = without_mark(source);
    let mut lower = Lower {
        source,
        offset,
        errors: Diagnostics::new(),
    };
    let json = json_text::read(text).map_err(|error| {
        let at = lower.span(error.at..error.at + 1);
        Diagnostic::error(format!("not JSON: {} was expected", error.what)).at(&at)
    })?;
    let mut body = Body::empty(lower.span(json.place.clone()));
    lower.members(json, shape, &mut body);
    lower.errors.into_result(body).map(|(body, _)| body)
}

struct Lower<'a> {
    source: &'a Arc<Source>,
    offset: usize,
    errors: Diagnostics,
}

impl Lower<'_> {
    fn span(&self, place: Range<usize>) -> Span {
        Span::new(self.source, place.start + self.offset..place.end + self.offset)
    }

    fn name(&self, key: &Key) -> Spanned<String> {
        Spanned::new(key.text.clone(), self.span(key.place.clone()))
    }

    /// The members of an object, or of several in an array, into one body.
    fn members(&mut self, json: Json, shape: &dyn Shape, body: &mut Body) {
        let place = json.place;
        match json.kind {
            Kind::Object(members) => {
                for (key, value) in members.into_iter().filter(|(key, _)| key.text != COMMENT) {
                    self.member(key, value, shape, body);
                }
            }
            Kind::Array(all) => all.into_iter().for_each(|one| self.members(one, shape, body)),
            _ => self.refuse(place),
        }
    }

    fn member(&mut self, key: Key, value: Json, shape: &dyn Shape, body: &mut Body) {
        let name = self.name(&key);
        match shape.member(&key.text) {
            Member::Blocks(blocks) => self.blocks(&name, &mut Vec::new(), value, &*blocks, body),
            Member::Unknown if matches!(value.kind, Kind::Object(_) | Kind::Array(_)) => {
                let whole = self.span(value.place);
                body.blocks.push(Block {
                    labels: Vec::new(),
                    body: Body::empty(whole.clone()),
                    span: name.span.clone(),
                    whole: name.span.to(&whole),
                    kind: name,
                });
            }
            kind => {
                if body.attribute(&name.value).is_some() {
                    let error = Diagnostic::error(format!("argument {:?} is written twice", name.value));
                    self.errors.push(error.label(&name.span, "again here"));
                    return;
                }
                let span = self.span(key.place.start..value.place.end);
                let value = self.expression(value, matches!(kind, Member::Expression));
                body.attributes.push(Attribute { name, value, span });
            }
        }
    }

    /// Blocks of one name: objects, or arrays of them, under as many labels as the block has.
    fn blocks(
        &mut self,
        name: &Spanned<String>,
        labels: &mut Vec<Spanned<String>>,
        json: Json,
        blocks: &dyn Blocks,
        body: &mut Body,
    ) {
        let place = json.place.clone();
        match json.kind {
            Kind::Array(all) => {
                for one in all {
                    self.blocks(name, labels, one, blocks, body);
                }
            }
            // Terraform takes a null for a block that is left out.
            Kind::Null => {}
            Kind::Object(_) if blocks.labels(&texts(labels)) == labels.len() => {
                let block = self.block(name, labels, json, blocks);
                body.blocks.push(block);
            }
            Kind::Object(members) => {
                for (key, value) in members.into_iter().filter(|(key, _)| key.text != COMMENT) {
                    labels.push(self.name(&key));
                    self.blocks(name, labels, value, blocks, body);
                    labels.pop();
                }
            }
            _ => self.refuse(place),
        }
    }

    fn block(&mut self, name: &Spanned<String>, labels: &[Spanned<String>], json: Json, blocks: &dyn Blocks) -> Block {
        let whole = self.span(json.place.clone());
        let mut body = Body::empty(whole.clone());
        self.members(json, &*blocks.body(&texts(labels)), &mut body);
        // Blocks of one name share the word: the place of a block is that of its own last label.
        let header = labels.last().map_or(&name.span, |label| &label.span).clone();
        Block {
            kind: name.clone(),
            labels: labels.to_vec(),
            body,
            whole: header.to(&whole),
            span: header,
        }
    }

    fn refuse(&mut self, place: Range<usize>) {
        let error = Diagnostic::error("a block is an object").at(&self.span(place));
        self.errors
            .push(error.help("write { ... }, or [{ ... }, { ... }] for several"));
    }

    fn expression(&mut self, json: Json, is_expression: bool) -> Expression {
        let span = self.span(json.place.clone());
        match json.kind {
            Kind::Text(text) => self.text(text, json.place, is_expression),
            Kind::Array(all) => {
                let all = all.into_iter().map(|one| self.expression(one, is_expression));
                Expression::new(ExpressionKind::Tuple(all.collect()), span)
            }
            Kind::Object(all) => {
                let members = all.into_iter().map(|(key, value)| {
                    let key = self.text(key.text, key.place, false);
                    (key, self.expression(value, is_expression))
                });
                Expression::new(ExpressionKind::Object(members.collect()), span)
            }
            _ => Expression::value(json.into_value(), span),
        }
    }

    /// A text: a template, or an expression that names something.
    fn text(&mut self, text: String, place: Range<usize>, is_expression: bool) -> Expression {
        let span = self.span(place.clone());
        let is_template = text.contains("${") || text.contains("%{");
        if !is_template && !is_expression {
            return Expression::value(text.into(), span);
        }
        let inner = place.start + 1..place.end - 1;
        let exact = self
            .source
            .text()
            .get(inner.start + self.offset..inner.end + self.offset)
            == Some(&text);
        let read = |source: &Arc<Source>, range: Range<usize>| match is_template {
            true => lower::template_in(source, range),
            false => lower::expression_in(source, range),
        };
        let found = match exact {
            true => read(self.source, inner.start + self.offset..inner.end + self.offset),
            // With escapes resolved the text stands nowhere: what is in it is at the place of the whole.
            false => {
                let length = text.len();
                let apart = Source::new(self.source.path(), text);
                let placed = |errors: Diagnostics| errors.into_iter().map(|error| error.placed(&span)).collect();
                read(&apart, 0..length)
                    .map(|expression| expression.placed(&span))
                    .map_err(placed)
            }
        };
        match self.errors.take(found) {
            // A lone interpolation is how JSON writes an expression.
            Some(Expression {
                kind: ExpressionKind::Parentheses(inner),
                ..
            }) if is_template => *inner,
            Some(expression) => expression,
            None => Expression::value("".into(), span),
        }
    }
}

fn texts(labels: &[Spanned<String>]) -> Vec<&str> {
    labels.iter().map(|label| label.value.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Value;

    /// `block` has two labels and holds arguments; `name` takes an expression.
    struct Top;
    struct Two;
    struct Inner;

    impl Shape for Top {
        fn member(&self, name: &str) -> Member<'_> {
            match name {
                "block" => Member::Blocks(Box::new(Two)),
                "name" => Member::Expression,
                _ => Member::Argument,
            }
        }
    }

    impl Blocks for Two {
        fn labels(&self, _: &[&str]) -> usize {
            2
        }
        fn body(&self, _: &[&str]) -> Box<dyn Shape + '_> {
            Box::new(Inner)
        }
    }

    impl Shape for Inner {
        fn member(&self, _: &str) -> Member<'_> {
            Member::Argument
        }
    }

    fn read(text: &str) -> Result<Body, Diagnostics> {
        parse_json(&Source::new("x.bake.json", text), &Top)
    }

    fn hcl(text: &str) -> Body {
        super::super::parse_text("x.bake.hcl", text).unwrap()
    }

    #[test]
    fn members_are_arguments_and_blocks() {
        let json = r#"{
            "//": "a comment",
            "a": 1.10, "b": ["x", null, true], "c": {"k": "v ${var.x}"}, "name": "image.base",
            "block": {"one": {"x": {"a": "${var.y}"}, "y": [{}, {"b": "\"${upper("z")}\""}]}, "two": [{"x": {}}]}
        }"#;
        let native = r#"
            a = 1.10
            b = ["x", null, true]
            c = {"k" = "v ${var.x}"}
            name = image.base
            block "one" "x" {
              a = var.y
            }
            block "one" "y" {}
            block "one" "y" {
              b = "\"${upper("z")}\""
            }
            block "two" "x" {}
        "#;
        let (found, wanted) = (read(&json.replace("upper(\"z\")", "upper(var.z)")).unwrap(), native);
        let wanted = hcl(&wanted.replace("upper(\"z\")", "upper(var.z)"));
        type Arguments = Vec<(String, ExpressionKind)>;
        let plain = |body: &Body| -> Arguments {
            let all = body.attributes.iter();
            all.map(|one| (one.name.value.clone(), one.value.kind.clone()))
                .collect()
        };
        assert_eq!(plain(&found), plain(&wanted));
        let blocks = |body: &Body| -> Vec<(Vec<String>, Arguments)> {
            let labels = |block: &Block| block.labels.iter().map(|label| label.value.clone()).collect();
            body.blocks
                .iter()
                .map(|block| (labels(block), plain(&block.body)))
                .collect()
        };
        assert_eq!(blocks(&found), blocks(&wanted));
    }

    #[test]
    fn places_are_those_of_the_file() {
        let body = read(r#"{ "a": "x ${var.yes}", "b": "\n${var.no}" }"#).unwrap();
        let reference = |name: &str| body.attribute(name).unwrap().value.references().remove(0).span;
        assert_eq!((reference("a").text(), reference("a").start().column), ("var.yes", 13));
        assert_eq!(reference("b").text(), r#""\n${var.no}""#, "escapes: the whole text");
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let said = |text: &str| {
            let error = read(text).unwrap_err().into_iter().next().unwrap();
            let place = error.labels.first().map(|label| label.span.to_string());
            (error.summary, place.unwrap_or_default())
        };
        let cases = [
            ("{\n \"a\": ,}", "not JSON: a value was expected", "x.bake.json:2:7"),
            (
                "{\"a\": 1, \"a\": 2}",
                "argument \"a\" is written twice",
                "x.bake.json:1:10",
            ),
            (
                "{\"block\": {\"x\": {\"y\": 1}}}",
                "a block is an object",
                "x.bake.json:1:23",
            ),
            ("{\"block\": 1}", "a block is an object", "x.bake.json:1:11"),
            ("3", "a block is an object", "x.bake.json:1:1"),
        ];
        for (text, summary, place) in cases {
            assert_eq!(said(text), (summary.to_owned(), place.to_owned()), "{text}");
        }
        assert!(said(r#"{"a": "${var."}"#).1.starts_with("x.bake.json:1:"));
    }

    #[test]
    fn a_text_without_marks_is_itself() {
        let body = read(r#"{ "a": "100% $x %% $${no}" }"#).unwrap();
        let ExpressionKind::Value(value) = &body.attributes[0].value.kind else {
            panic!("{body:?}");
        };
        assert_eq!(value, &Value::from("100% $x %% ${no}"));
    }
}
