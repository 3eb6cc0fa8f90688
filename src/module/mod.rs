//! A directory of `*.bake.hcl` files, read together and evaluated.

pub mod inputs;

use crate::address::ImageAddress;
use crate::diagnostic::Diagnostics;
use crate::lang::value::Value;
use crate::providers::Owner;
use crate::source::{Span, Spanned};
use crate::spec::{ImageSpec, ProviderSettings};

pub use inputs::Inputs;

/// A module after evaluation.
#[derive(Debug, Clone)]
pub struct Module {
    /// Project and workspace.
    pub owner: Owner,
    /// Declared providers; `local` with its default store if none is declared.
    pub providers: Vec<ProviderSettings>,
    /// Every image, `for_each` unfolded, in the order of their addresses.
    pub images: Vec<ImageSpec>,
    /// Outputs in the order of their names.
    pub outputs: Vec<OutputSpec>,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// What it was evaluated from.
    pub inputs: Inputs,
    /// What to know beside it.
    pub warnings: Diagnostics,
}

/// An `output` block.
#[derive(Debug, Clone)]
pub struct OutputSpec {
    /// Its label.
    pub name: String,
    /// Unknown where it reads what only an apply settles; `sensitive = true` marks it.
    pub value: Value,
    /// For people.
    pub description: Option<String>,
    /// Its header.
    pub span: Span,
}

/// A `moved` block.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Where the image was.
    pub from: Spanned<ImageAddress>,
    /// Where it is.
    pub to: Spanned<ImageAddress>,
}
