//! The syntax of a file, apart from the notation: bodies of attributes and blocks, and expressions with their places.
//!
//! [`parse`] yields it from HCL's native notation, [`parse_json`] from JSON.

mod faults;
mod json;
mod lower;
mod rebuild;
mod references;
mod scan;
mod template;
mod usual;

use serde::{Deserialize, Serialize};

pub use self::json::{Blocks, Member, Shape, parse_json};
pub use self::lower::{parse, parse_expression, parse_template};
pub use self::references::{Part, Reference};
use super::types::Type;
use super::value::Value;
use crate::source::{Span, Spanned};

/// What stands in a file or between the braces of a block, in the order in which it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// `name = value`; no two of one body have the same name.
    pub attributes: Vec<Attribute>,
    /// Nested blocks.
    pub blocks: Vec<Block>,
    /// From the first to the last of them.
    pub span: Span,
}

impl Body {
    /// One with nothing in it yet.
    pub(super) fn empty(span: Span) -> Body {
        Body {
            attributes: Vec::new(),
            blocks: Vec::new(),
            span,
        }
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|one| one.name.value == name)
    }

    /// The blocks of this kind, in order.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |one| one.kind.value == kind)
    }
}

/// `name = value`
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name and its place.
    pub name: Spanned<String>,
    /// What is written behind the `=`.
    pub value: Expression,
    /// The whole.
    pub span: Span,
}

/// `kind "label" { ... }`
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The first word.
    pub kind: Spanned<String>,
    /// Labels, quoted or bare; the place of a quoted one includes its quotes.
    pub labels: Vec<Spanned<String>>,
    /// What stands between the braces.
    pub body: Body,
    /// The header: kind and labels.
    pub span: Span,
    /// From the kind to the closing brace.
    pub whole: Span,
}

/// An expression and its place. The place is no part of what it says: it is not compared and not written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Expression {
    /// What it says.
    pub kind: ExpressionKind,
    /// Where it stands.
    #[serde(skip, default = "Span::nowhere")]
    pub span: Span,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.kind == other.kind
    }
}

impl Expression {
    /// Puts an expression and its place together.
    pub fn new(kind: ExpressionKind, span: Span) -> Expression {
        Expression { kind, span }
    }

    /// A value that stands for itself.
    pub fn value(value: Value, span: Span) -> Expression {
        Expression::new(ExpressionKind::Value(value), span)
    }
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpressionKind {
    /// A literal, or what has been evaluated already.
    Value(Value),
    /// The first word of a reference: `var` of `var.name`, or a variable of a `for`.
    Variable(String),
    /// The element at hand in [`ExpressionKind::Splat`].
    Each,
    /// `of.name`
    Attribute {
        /// The object.
        of: Box<Expression>,
        /// The attribute.
        name: String,
    },
    /// `of[key]`
    Index {
        /// The collection.
        of: Box<Expression>,
        /// Which element.
        key: Box<Expression>,
    },
    /// `of[*]...`, `of.*...`
    Splat {
        /// The collection; a single value stands for a list of it, `null` for an empty one.
        of: Box<Expression>,
        /// What is done to each element, which is [`ExpressionKind::Each`] in it.
        each: Box<Expression>,
    },
    /// `!x`
    Not(Box<Expression>),
    /// `-x`
    Negate(Box<Expression>),
    /// `a + b` and the like.
    Binary {
        /// Which.
        operator: Operator,
        /// On the left.
        left: Box<Expression>,
        /// On the right.
        right: Box<Expression>,
    },
    /// `condition ? then : otherwise`, and `%{ if }`.
    Conditional {
        /// What decides.
        condition: Box<Expression>,
        /// If true.
        then: Box<Expression>,
        /// If false.
        otherwise: Box<Expression>,
    },
    /// `name(arguments...)`
    Call {
        /// The function.
        name: String,
        /// What it is given.
        arguments: Vec<Expression>,
        /// Whether the last argument is a list of further ones (`...`).
        expand: bool,
    },
    /// `[a, b]`
    Tuple(Vec<Expression>),
    /// `{ key = value }`; a bare word as key is a literal here.
    Object(Vec<(Expression, Expression)>),
    /// `[for ...]`, `{for ...}`, and `%{ for }` (inside [`ExpressionKind::Join`]).
    For(Box<For>),
    /// `"text ${x}"`: its parts, put together as text.
    Template(Vec<Expression>),
    /// The elements of a tuple of texts, put together.
    Join(Box<Expression>),
    /// `(x)`
    Parentheses(Box<Expression>),
    /// A conversion that nobody wrote down: of a value that is not known yet.
    Convert {
        /// What is converted.
        of: Box<Expression>,
        /// To which type.
        to: Type,
    },
}

/// `for key, value in collection : output_key => output... if condition`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct For {
    /// The variable for the key or index.
    pub key: Option<String>,
    /// The variable for the element.
    pub value: String,
    /// What is walked.
    pub collection: Expression,
    /// The key of the result, if that is an object.
    pub output_key: Option<Expression>,
    /// The element of the result.
    pub output: Expression,
    /// Which elements count.
    pub condition: Option<Expression>,
    /// Whether results of the same key are gathered (`...`).
    pub group: bool,
}

/// The operators with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `+`
    #[serde(rename = "+")]
    Add,
    /// `-`
    #[serde(rename = "-")]
    Subtract,
    /// `*`
    #[serde(rename = "*")]
    Multiply,
    /// `/`
    #[serde(rename = "/")]
    Divide,
    /// `%`
    #[serde(rename = "%")]
    Modulo,
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    LessOrEqual,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// `&&`
    #[serde(rename = "&&")]
    And,
    /// `||`
    #[serde(rename = "||")]
    Or,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::And => "&&",
            Operator::Or => "||",
        }
    }
}

/// Whether an expression goes on: a bracket, a heredoc or a comment is still open at its end.
pub fn is_incomplete(text: &str) -> bool {
    scan::is_incomplete(text)
}

/// Reads the text of a file under the path by which messages name it.
///
/// # Errors
/// As [`parse`].
pub fn parse_text(path: &str, text: &str) -> Result<Body, crate::diagnostic::Diagnostics> {
    parse(&crate::source::Source::new(path, text))
}

#[cfg(test)]
mod tests;
