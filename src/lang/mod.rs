//! HCL: from text to values.
//!
//! [`parse`] reads a file into a [`Body`]. Types and conversion are Terraform's.

pub mod convert;
mod json;
pub mod number;
pub mod syntax;
pub mod term;
pub mod types;
pub mod value;

pub use self::convert::{ConvertError, Step};
pub use self::number::{NotANumber, Number};
pub use self::syntax::{
    Attribute, Block, Body, Expression, ExpressionKind, Part, Reference, parse, parse_expression, parse_template,
};
pub use self::term::{Leaves, Term};
pub use self::types::Type;
pub use self::value::Value;
