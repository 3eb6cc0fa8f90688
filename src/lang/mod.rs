//! HCL: from text to values.
//!
//! [`parse`] reads a file into a [`Body`]; [`evaluate`] computes an [`Expression`] of it in a [`Scope`]. What a reference
//! means is decided by the caller's [`Resolver`]. Types, conversion, operators, templates and functions are Terraform's.

pub mod convert;
pub mod describe;
pub mod eval;
pub mod fmt;
pub mod functions;
mod json;
mod json_text;
pub mod number;
pub mod print;
pub mod resolve;
pub mod scope;
pub mod syntax;
pub mod term;
pub mod type_expression;
pub mod types;
pub mod value;

pub use self::convert::{ConvertError, Step};
pub use self::eval::evaluate;
pub use self::functions::fileset::Look;
pub use self::number::{NotANumber, Number};
pub use self::print::print;
pub use self::resolve::{Outputs, Variables};
pub use self::scope::{Noted, Nothing, Resolver, Scope};
pub use self::syntax::{
    Attribute, Block, Body, Expression, ExpressionKind, Part, Reference, parse, parse_expression, parse_template,
};
pub use self::term::{Leaves, Term};
pub use self::type_expression::Constraint;
pub use self::types::Type;
pub use self::value::Value;
