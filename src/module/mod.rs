//! A directory of `*.bake.hcl` files, read together and evaluated.

mod aws;
pub mod blocks;
mod caller;
mod calls;
pub mod conditions;
mod cycle;
pub mod data;
mod explore;
mod given;
mod images;
pub mod inputs;
mod instances;
mod load;
pub mod lock;
mod names;
mod outputs;
mod providers;
mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod variables;
mod version;
mod within;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::address::ImageAddress;
use crate::diagnostic::Diagnostics;
use crate::lang::value::Value;
use crate::providers::{Contact, Owner};
use crate::source::{Span, Spanned};
use crate::spec::{ImageSpec, ProviderSettings};

pub use self::explore::{Explorer, explore};
pub use inputs::Inputs;
pub use load::{Glance, glance, load, secrets};
pub use sources::check_output;

/// What a module is loaded from, beside its files.
#[derive(Default)]
pub struct LoadOptions<'a> {
    /// The directory of the module, as messages name it.
    pub directory: PathBuf,
    /// `-var` and `-var-file` in the order in which they were given.
    pub variables: Vec<Assignment>,
    /// The environment, of which `BAKE_VAR_*` counts.
    pub environment: BTreeMap<String, String>,
    /// `default`, unless chosen.
    pub workspace: String,
    /// How data sources are read.
    pub data: Data,
    /// Asks a person for a variable without a value.
    pub prompt: Option<&'a Prompt<'a>>,
    /// Whom the providers of data sources may ask and tell.
    pub contact: Contact,
}

/// How the data sources of a module are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Data {
    /// Not at all: what the lock file does not pin is unknown, and so is a variable without a value.
    #[default]
    Offline,
    /// What the lock file does not pin is read, with a warning.
    Follow,
    /// The same, and that is an error.
    Readonly,
    /// Read anew whatever the lock file says: these addresses, or all if none is named.
    Renew(Vec<String>),
}

/// Asks for a variable by its name, its description, and whether the answer is secret; none: there is no answer.
pub type Prompt<'a> = dyn Fn(&str, Option<&str>, bool) -> Option<String> + 'a;

/// A value of a variable, given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    /// `-var name=text`
    Value {
        /// The variable.
        name: String,
        /// A text, or an expression if the variable is no plain text.
        text: String,
    },
    /// `-var-file path`
    File(PathBuf),
}

/// A module after evaluation.
#[derive(Debug, Clone)]
pub struct Module {
    /// Project and workspace.
    pub owner: Owner,
    /// Declared providers; `local` with its default store if none is declared.
    pub providers: Vec<ProviderSettings>,
    /// Every image, `for_each` unfolded, in the order of their addresses.
    pub images: Vec<Arc<ImageSpec>>,
    /// Outputs in the order of their names.
    pub outputs: Vec<OutputSpec>,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// What must hold, as far as only a plan can tell.
    pub conditions: Vec<conditions::Waiting>,
    /// What the data sources found.
    pub data: Vec<data::Reading>,
    /// Images about which nothing can be said before data sources have been read ([`Data::Offline`]).
    pub waiting: Vec<ImageAddress>,
    /// The date in the lock file, RFC 3339: the default of `SOURCE_DATE_EPOCH`.
    pub date: Option<String>,
    /// What it was evaluated from.
    pub inputs: Inputs,
    /// The values of sensitive variables: what must be masked, and what a plan's secrets are computed from again. Never
    /// written down.
    pub secrets: BTreeMap<String, Value>,
    /// What `sensitive(...)` was given: what else must be masked. Never written down.
    pub hidden: Vec<Value>,
    /// What to know beside it.
    pub warnings: Diagnostics,
}

impl Module {
    /// Every value that must not be seen.
    pub fn hidden(&self) -> impl Iterator<Item = Value> {
        self.secrets.values().chain(&self.hidden).cloned()
    }
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
