//! What may be written: one table per block, from which decoding, errors, suggestions, digests, the plan's consequences
//! and the reference pages all come.

pub mod conditions;
mod convert;
pub mod decode;
pub mod dynamic;
pub mod files;
mod foreign;
mod given;
mod json_schema;
pub mod object;
mod record;
pub mod recorded;
mod shape;
mod suggest;

pub use decode::{Decoder, Evaluate};
pub use files::{Files, InputFile, InputKind};
pub use foreign::foreign;
pub use given::{Given, GivenArgument, GivenFile};
pub use json_schema::json_schema;
pub use object::{Object, Resolved};
pub use record::identity;
pub use recorded::{Recorded, RecordedArgument, RecordedBlock, RecordedFile};
pub use shape::{Named, Within};
pub use suggest::suggest;

use serde::{Deserialize, Serialize};

/// What a change of an argument costs (design: "Classes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Selects the source; its resolved value counts. A change means a rebuild.
    #[serde(rename = "S")]
    Source,
    /// Shapes the bytes of the disk: rebuild from the first step that it reaches.
    #[serde(rename = "B")]
    Bytes,
    /// Registration only: register again from the snapshot that exists.
    #[serde(rename = "G")]
    Registration,
    /// Selects keys, encryption, regions: copy where needed, no build.
    #[serde(rename = "K")]
    Keys,
    /// Can be changed on the image that exists.
    #[serde(rename = "M")]
    Mutable,
    /// How the build runs: a change means nothing.
    #[serde(rename = "R")]
    Run,
    /// Policy: order and number of replacements.
    #[serde(rename = "L")]
    Lifecycle,
}

impl Class {
    /// Whether it is part of the content digest.
    pub const fn is_content(self) -> bool {
        matches!(self, Class::Source | Class::Bytes)
    }
}

/// What an argument takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number within these bounds, both included.
    Integer(i64, i64),
    /// A string with a binary unit: `"8GiB"`.
    Size,
    /// `"8GiB"`, or `"100%"` for all that is left.
    SizeOrRest,
    /// A string such as `"10m"`.
    Duration,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A list of some of these strings.
    Choices(&'static [&'static str]),
    /// An octal file mode in a string: `"0644"`; or `"keep"`, for that of the file on the builder host.
    Mode,
    /// A list of strings.
    TextList,
    /// A map of strings; numbers and booleans are converted.
    TextMap,
    /// A list of whole numbers.
    IntegerList,
    /// A path on the builder host to a file that bake reads: its content counts, its name does not.
    File,
    /// A list of such paths.
    FileList,
    /// A path on the builder host to a file or directory tree that bake copies: content, names and executable bits count.
    Tree,
    /// Glob patterns over files on the builder host: names and contents count.
    Globs,
    /// A path that is not read (in the image, or of a device).
    Path,
    /// A SHA-256 in hex, with or without `sha256:` in front.
    Sha256,
    /// A reference to an image of this module: `image.base`.
    Image,
    /// A reference to a provider: `provider.aws`, `provider.aws.west`.
    Provider,
    /// A list of references to images.
    Addresses,
    /// A list of argument names of this image (`ignore_changes`).
    Names,
    /// Any value.
    Any,
    /// An expression that is evaluated later (`condition`, `for_each`): decoding only counts it.
    Expression,
    /// An expression that is never evaluated but read by its own rules: a type, the address of an image.
    Syntax,
}

/// What stands where an argument is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// Nothing: the argument is simply absent.
    Absent,
    /// It must be written.
    Required,
    /// A string.
    Text(&'static str),
    /// A boolean.
    Bool(bool),
    /// A number.
    Integer(i64),
    /// A list of strings.
    List(&'static [&'static str]),
    /// A list of whole numbers.
    Integers(&'static [i64]),
}

/// One argument of a block.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: Type,
    /// What a change costs.
    pub class: Class,
    /// What stands where it is left out.
    pub default: Default,
    /// One sentence or two for the reference, with units and defaults.
    pub doc: &'static str,
    /// Another argument and a value of it with which this names no file of the builder host (`direction = "download"`).
    pub unless: Option<(&'static str, &'static str)>,
    /// Set where this is known but not supported yet: the sentence that says so.
    pub unsupported: Option<&'static str>,
}

/// An optional argument; the rest is set by the methods.
pub const fn argument(name: &'static str, ty: Type, class: Class) -> Argument {
    Argument {
        name,
        ty,
        class,
        default: Default::Absent,
        doc: "",
        unless: None,
        unsupported: None,
    }
}

impl Argument {
    /// Sets the sentence for the reference.
    pub const fn doc(mut self, doc: &'static str) -> Argument {
        self.doc = doc;
        self
    }

    /// It must be written.
    pub const fn required(mut self) -> Argument {
        self.default = Default::Required;
        self
    }

    /// Sets what stands where it is left out.
    pub const fn default(mut self, default: Default) -> Argument {
        self.default = default;
        self
    }

    /// Says with which value of another argument this names no file of the builder host.
    pub const fn unless(mut self, argument: &'static str, value: &'static str) -> Argument {
        self.unless = Some((argument, value));
        self
    }

    /// Whether its value may be known only when the image is registered or later: a text, list or map of texts of class
    /// G, K or M, or any value that is policy.
    pub const fn may_wait(&self) -> bool {
        match self.ty {
            Type::Text | Type::TextList | Type::TextMap => {
                matches!(self.class, Class::Registration | Class::Keys | Class::Mutable)
            }
            Type::Any => true,
            _ => false,
        }
    }

    /// Says that writing it is an error for now.
    pub const fn unsupported(mut self, sentence: &'static str) -> Argument {
        self.unsupported = Some(sentence);
        self
    }
}

/// How often a nested block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    /// At most once.
    Once,
    /// Any number of times, with different labels.
    Many,
}

/// A block within a block.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    /// Its table.
    pub block: &'static Block,
    /// How often.
    pub occurs: Occurs,
}

/// At most one such block.
pub const fn once(block: &'static Block) -> Nested {
    Nested {
        block,
        occurs: Occurs::Once,
    }
}

/// Any number of such blocks.
pub const fn many(block: &'static Block) -> Nested {
    Nested {
        block,
        occurs: Occurs::Many,
    }
}

/// What the texts in a block may be beside plain values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Nothing else (but see [`Argument::may_wait`]).
    Plain,
    /// Secrets.
    Secrets,
    /// Secrets, and `build.*`, which is known when the block's work is done.
    SecretsAndBuild,
}

/// The table of one block.
///
/// A block whose first label selects a kind (`provision "shell" "x"`) has a table per kind: `name` is `provision`,
/// `kind` is `Some("shell")`, and the first label must be that kind.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// The word in front: `volume`.
    pub name: &'static str,
    /// The first label, where it selects the table: `shell` of `provision "shell" "nginx"`.
    pub kind: Option<&'static str>,
    /// What the (further) labels say: `&["name"]`.
    pub labels: &'static [&'static str],
    /// One or two sentences for the reference.
    pub doc: &'static str,
    /// What may be written in it.
    pub arguments: &'static [Argument],
    /// Blocks in it.
    pub blocks: &'static [Nested],
    /// What its texts may be beside plain values.
    pub holds: Holds,
    /// Arguments of which exactly one must be written.
    pub exactly_one: &'static [&'static str],
    /// Arguments of which no two may be written together.
    pub at_most_one: &'static [&'static str],
    /// Whether other arguments may stand in it, whose names somebody else knows.
    pub open: bool,
    /// Set where the block is known but not supported yet: the sentence that says so.
    pub unsupported: Option<&'static str>,
}

/// A block with nothing in it; the rest is set by the methods.
pub const fn block(name: &'static str) -> Block {
    Block {
        name,
        kind: None,
        labels: &[],
        doc: "",
        arguments: &[],
        blocks: &[],
        holds: Holds::Plain,
        exactly_one: &[],
        at_most_one: &[],
        open: false,
        unsupported: None,
    }
}

impl Block {
    /// Sets the first label that selects this table.
    pub const fn kind(mut self, kind: &'static str) -> Block {
        self.kind = Some(kind);
        self
    }

    /// Names the (further) labels.
    pub const fn labels(mut self, labels: &'static [&'static str]) -> Block {
        self.labels = labels;
        self
    }

    /// Sets the sentences for the reference.
    pub const fn doc(mut self, doc: &'static str) -> Block {
        self.doc = doc;
        self
    }

    /// Sets what may be written in it.
    pub const fn arguments(mut self, arguments: &'static [Argument]) -> Block {
        self.arguments = arguments;
        self
    }

    /// Sets the blocks in it.
    pub const fn blocks(mut self, blocks: &'static [Nested]) -> Block {
        self.blocks = blocks;
        self
    }

    /// Says what its texts may be beside plain values.
    pub const fn holds(mut self, holds: Holds) -> Block {
        self.holds = holds;
        self
    }

    /// Says that exactly one of these arguments must be written.
    pub const fn exactly_one(mut self, names: &'static [&'static str]) -> Block {
        self.exactly_one = names;
        self
    }

    /// Says that no two of these arguments may be written together.
    pub const fn at_most_one(mut self, names: &'static [&'static str]) -> Block {
        self.at_most_one = names;
        self
    }

    /// Says that other arguments may stand in it.
    pub const fn open(mut self) -> Block {
        self.open = true;
        self
    }

    /// Says that writing it is an error for now.
    pub const fn unsupported(mut self, sentence: &'static str) -> Block {
        self.unsupported = Some(sentence);
        self
    }

    /// The row of an argument.
    pub fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// `volume`, or `provision "shell"`.
    pub fn title(&self) -> String {
        match self.kind {
            Some(kind) => format!("{} \"{kind}\"", self.name),
            None => self.name.to_owned(),
        }
    }
}
