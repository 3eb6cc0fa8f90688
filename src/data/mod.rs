//! Data sources: what a module reads of the world outside. One file per kind, with its table and how it is read.

pub mod aws;
pub mod external;
pub mod http;
pub mod image;
pub mod packages;
mod provided;

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;

pub use provided::OfProvider;

use crate::diagnostic::Diagnostic;
use crate::lang::{Type, Value};
use crate::providers::{Owner, Provider};
use crate::schema::conditions::{POSTCONDITION, PRECONDITION};
use crate::schema::{Argument, Block, Class, Object, Type as Takes, argument, block, many};

/// All kinds of data sources, in the order of the reference.
pub const KINDS: &[&dyn Kind] = &[
    &image::Image,
    &http::Http,
    &packages::PackageSet,
    &external::External,
    &aws::AMI,
    &aws::CALLER_IDENTITY,
    &aws::REGION,
    &aws::PARAMETER,
    &aws::SECRET,
];

/// The row that every kind has: one source for each element.
pub const FOR_EACH: Argument = argument("for_each", Takes::Expression, Class::Run)
    .doc("A map or a set of strings: one source for each, read as data.KIND.NAME[\"KEY\"].");

/// The row that says why there is no `depends_on`.
pub const DEPENDS_ON: Argument = argument("depends_on", Takes::Addresses, Class::Run)
    .unsupported("a data source takes no depends_on: it is read when all that its arguments refer to is known");

/// The row of every kind that asks a provider.
pub const PROVIDER: Argument = argument("provider", Takes::Provider, Class::Run)
    .doc("Which provider is asked: provider.local. May be left out if one of the fitting kind is declared.");

/// What must hold before a source is read, and of what it found; every kind has it.
pub static LIFECYCLE: Block = block("lifecycle")
    .doc("What must hold of a data source.")
    .blocks(&[many(&PRECONDITION), many(&POSTCONDITION)]);

/// A kind of data source.
#[async_trait]
pub trait Kind: Sync {
    /// What may be written. Its `kind` is the first label of the block.
    fn block(&self) -> &'static Block;

    /// What can be read of it, in the order of the reference.
    fn attributes(&self) -> &'static [Attribute];

    /// Whom it asks.
    fn asks(&self) -> Asks;

    /// What of it the lock file pins.
    fn pins(&self) -> Pins {
        Pins::Everything
    }

    /// Whether its arguments alone say what it must find, so that no lock file has to.
    fn is_fixed(&self, arguments: &Object) -> bool {
        let _ = arguments;
        false
    }

    /// What `bake update` says of an attribute that has moved, a line each; none: both values.
    fn moved(&self, attribute: &str, before: &Value, after: &Value) -> Option<Vec<String>> {
        let _ = (attribute, before, after);
        None
    }

    /// Reads it. What an attribute is left out of the answer is `null`.
    ///
    /// # Errors
    /// Why it cannot be read, in words; the place of the block is added by who asks.
    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic>;
}

/// What was found: attributes by name.
pub type Found = BTreeMap<String, Value>;

/// Whom a data source asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The builder host, or the network.
    Host,
    /// A provider of any kind.
    AnyProvider,
    /// A provider of this kind.
    Provider(&'static str),
}

/// What the lock file pins of a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pins {
    /// Every attribute: a pinned source is not read at all.
    Everything,
    /// One attribute that says which version it is. The source is read each time, and told the version
    /// ([`Request::pinned`]); nothing else of it is written down.
    Version(&'static str),
    /// Nothing: it is read each time.
    Nothing,
}

/// What can be read of a data source.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub is: Yields,
    /// One sentence for the reference.
    pub doc: &'static str,
    /// Whether it is secret: marked, and written down nowhere.
    pub sensitive: bool,
}

/// What an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yields {
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list of texts.
    Texts,
    /// A map of texts.
    TextMap,
    /// Anything.
    Any,
}

impl Yields {
    /// Its type in the language.
    pub fn shape(self) -> Type {
        match self {
            Yields::Text => Type::String,
            Yields::Number => Type::Number,
            Yields::Bool => Type::Bool,
            Yields::Texts => Type::list(Type::String),
            Yields::TextMap => Type::map(Type::String),
            Yields::Any => Type::Any,
        }
    }
}

/// An attribute that is no secret.
pub const fn yields(name: &'static str, is: Yields, doc: &'static str) -> Attribute {
    Attribute {
        name,
        is,
        doc,
        sensitive: false,
    }
}

impl Attribute {
    /// Says that it is secret.
    pub const fn sensitive(mut self) -> Attribute {
        self.sensitive = true;
        self
    }
}

/// What a data source is read with.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its block; every value in it is known.
    pub arguments: &'a Object,
    /// The directory of the module, absolute.
    pub directory: &'a Path,
    /// Whose module it is.
    pub owner: &'a Owner,
    /// The provider that it asks, if it asks one.
    pub provider: Option<&'a dyn Provider>,
    /// The version in the lock file, of a kind that pins no more than that.
    pub pinned: Option<&'a Value>,
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().find(|kind| kind.block().kind == Some(name)).copied()
}

/// What was found as the object that references see: every attribute of its type, secrets marked.
///
/// # Errors
/// An attribute that is not what the table says, which is a mistake of whoever answered.
pub fn object(kind: &dyn Kind, mut found: Found) -> Result<Value, Diagnostic> {
    let mut all = BTreeMap::new();
    for attribute in kind.attributes() {
        let ty = attribute.is.shape();
        let value = match found.remove(attribute.name) {
            None => Value::null(ty),
            Some(value) => value.convert(&ty).map_err(|error| {
                let what = format!("attribute {:?} is not what it should be", attribute.name);
                Diagnostic::error(what).note(error.to_string())
            })?,
        };
        all.insert(attribute.name.to_owned(), value.marked(attribute.sensitive));
    }
    Ok(Value::object(all))
}
