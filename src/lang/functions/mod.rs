//! The functions: their families, what they take, and how they say that something is wrong.
//!
//! A new one is a row in the table of its family's file, and a function there. One that reads the clock or makes random
//! values ([`Function::is_volatile`]) stays unknown while planning: a plan compares the call, and apply computes it.

mod ciphers;
mod collections;
mod combine;
mod conversion;
mod csv;
mod dates;
mod encoding;
mod environment;
pub(super) mod files;
pub mod fileset;
mod format;
mod hashes;
mod lazy;
mod networks;
mod numbers;
mod paths;
mod patterns;
mod sets;
mod strings;
mod time;
mod volatile;
mod yaml;
mod yaml_read;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::eval::Evaluator;
use super::syntax::Expression;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// A function of the language.
#[derive(Clone, Copy)]
pub struct Function {
    /// As it is called.
    pub name: &'static str,
    /// What it gives, in a sentence.
    pub doc: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// What it takes any number of behind those.
    pub variadic: Option<Parameter>,
    /// The type of its result, as far as that is always the same.
    pub returns: Wanted,
    /// How far it looks into its arguments.
    pub(super) looks: Looks,
    /// Whether it reads files, and so must be computed when planning.
    pub reads_files: bool,
    /// Whether what it is given must not be seen.
    pub(super) hides: bool,
    pub(super) run: Run,
}

/// A parameter of a function.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// As the documentation calls it.
    pub name: &'static str,
    /// What the argument is converted to.
    pub ty: Wanted,
    /// Whether it may be null.
    pub nullable: bool,
}

/// A type in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever it is.
    Any,
    /// A bool.
    Bool,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list of whatever.
    List,
    /// A list of texts.
    Strings,
    /// A list of numbers.
    Numbers,
    /// A list of bools.
    Bools,
    /// A set of whatever.
    Set,
    /// A list of lists of whatever.
    Lists,
    /// A map of lists of texts.
    StringLists,
}

impl Wanted {
    /// The type itself.
    pub fn to_type(self) -> Type {
        match self {
            Wanted::Any => Type::Any,
            Wanted::Bool => Type::Bool,
            Wanted::Number => Type::Number,
            Wanted::String => Type::String,
            Wanted::List => Type::list(Type::Any),
            Wanted::Strings => Type::list(Type::String),
            Wanted::Numbers => Type::list(Type::Number),
            Wanted::Bools => Type::list(Type::Bool),
            Wanted::Set => Type::set(Type::Any),
            Wanted::Lists => Type::list(Type::list(Type::Any)),
            Wanted::StringLists => Type::map(Type::list(Type::String)),
        }
    }
}

/// How far a function looks into its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// Through everything: anything unknown makes the result unknown, any mark marks it.
    Through,
    /// It moves elements about as they are: unknown ones and their marks stay with them.
    AtTheTop,
}

type Answer = Result<Value, Fault>;

/// How a function is computed.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// From its arguments alone.
    Pure(fn(&[Value]) -> Answer),
    /// With the files of the scope.
    Scoped(fn(&mut Evaluator<'_>, &[Value]) -> Answer),
    /// From the bytes of the file that its argument names.
    File(fn(&[u8]) -> String),
    /// From its arguments and the clock or chance: at apply only, but what is wrong with arguments is said before.
    Volatile {
        check: fn(&[Value]) -> Result<(), Fault>,
        run: fn(&[Value]) -> Answer,
    },
    /// From the expressions of its arguments.
    Lazy(fn(&mut Evaluator<'_>, &[Expression], &Span) -> Result<Value, Diagnostics>),
}

impl Function {
    const fn new(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        returns: Wanted,
        run: Run,
    ) -> Function {
        Function {
            name,
            doc,
            parameters,
            variadic: None,
            returns,
            looks: Looks::Through,
            reads_files: false,
            hides: false,
            run,
        }
    }

    const fn pure(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        returns: Wanted,
        run: fn(&[Value]) -> Answer,
    ) -> Function {
        Function::new(name, doc, parameters, returns, Run::Pure(run))
    }

    const fn reading(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        returns: Wanted,
        run: fn(&mut Evaluator<'_>, &[Value]) -> Answer,
    ) -> Function {
        Function {
            reads_files: true,
            ..Function::new(name, doc, parameters, returns, Run::Scoped(run))
        }
    }

    const fn of_file(name: &'static str, doc: &'static str, run: fn(&[u8]) -> String) -> Function {
        Function {
            reads_files: true,
            ..Function::new(name, doc, PATH, STRING, Run::File(run))
        }
    }

    const fn volatile(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        check: fn(&[Value]) -> Result<(), Fault>,
        run: fn(&[Value]) -> Answer,
    ) -> Function {
        Function::new(name, doc, parameters, STRING, Run::Volatile { check, run })
    }

    /// Whether it gives another value each time, so that only apply can say which.
    pub fn is_volatile(&self) -> bool {
        matches!(self.run, Run::Volatile { .. })
    }

    const fn variadic(self, parameter: Parameter) -> Function {
        Function {
            variadic: Some(parameter),
            ..self
        }
    }

    const fn hiding(self) -> Function {
        Function { hides: true, ..self }
    }

    const fn at_the_top(self) -> Function {
        Function {
            looks: Looks::AtTheTop,
            ..self
        }
    }

    /// Its parameters as they are written: `separator, lists...`.
    pub fn signature(&self) -> String {
        let mut all: Vec<String> = self.parameters.iter().map(|one| one.name.to_owned()).collect();
        all.extend(self.variadic.iter().map(|one| format!("{}...", one.name)));
        all.join(", ")
    }
}

const fn takes(name: &'static str, ty: Wanted) -> Parameter {
    Parameter {
        name,
        ty,
        nullable: false,
    }
}

const fn takes_null(name: &'static str, ty: Wanted) -> Parameter {
    Parameter {
        name,
        ty,
        nullable: true,
    }
}

const PATH: &[Parameter] = &[takes("path", STRING)];
const ANY: Wanted = Wanted::Any;
const BOOL: Wanted = Wanted::Bool;
const NUMBER: Wanted = Wanted::Number;
const STRING: Wanted = Wanted::String;
const LIST: Wanted = Wanted::List;
const STRINGS: Wanted = Wanted::Strings;
const SET: Wanted = Wanted::Set;

/// Functions of one kind.
pub struct Family {
    /// `Texts`
    pub title: &'static str,
    tables: &'static [&'static [Function]],
}

impl Family {
    /// Its functions, by name.
    pub fn functions(&self) -> Vec<&'static Function> {
        let mut all: Vec<&Function> = self.tables.iter().copied().flatten().collect();
        all.sort_by_key(|one| one.name);
        all
    }
}

/// All functions, by family.
pub const FAMILIES: &[Family] = &[
    Family {
        title: "Texts",
        tables: &[strings::TABLE, patterns::TABLE, format::TABLE],
    },
    Family {
        title: "Numbers",
        tables: &[numbers::TABLE],
    },
    Family {
        title: "Collections",
        tables: &[collections::TABLE, combine::TABLE, sets::TABLE],
    },
    Family {
        title: "Conversion, errors and secrets",
        tables: &[conversion::TABLE, lazy::TABLE],
    },
    Family {
        title: "Encoding",
        tables: &[encoding::TABLE, csv::TABLE, yaml::TABLE, yaml_read::TABLE],
    },
    Family {
        title: "Hashes and ciphers",
        tables: &[hashes::TABLE, ciphers::TABLE],
    },
    Family {
        title: "Files, paths and environment",
        tables: &[files::TABLE, fileset::TABLE, paths::TABLE, environment::TABLE],
    },
    Family {
        title: "Dates and times",
        tables: &[dates::TABLE],
    },
    Family {
        title: "Networks",
        tables: &[networks::TABLE],
    },
    Family {
        title: "Clock and chance",
        tables: &[volatile::TABLE],
    },
];

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let all = FAMILIES.iter().flat_map(Family::functions);
    all.map(|one| (one.name, one)).collect()
});

/// Functions of Terraform or Packer that are not here, and why.
pub const ABSENT: &[(&str, &str)] = &[
    (
        "plantimestamp",
        "a plan is the same however often it is made; timestamp() is the time of the apply",
    ),
    ("legacy_isotime", "write formatdate(\"YYYY-MM-DD\", timestamp())"),
    ("legacy_strftime", "write formatdate(\"YYYY-MM-DD\", timestamp())"),
    ("consul_key", "what lies outside of the module is read by data blocks"),
    ("vault", "what lies outside of the module is read by data blocks"),
    (
        "aws_secretsmanager",
        "what lies outside of the module is read by data blocks",
    ),
    (
        "aws_secretsmanager_raw",
        "what lies outside of the module is read by data blocks",
    ),
];

/// Why a function that is known elsewhere is not here.
pub fn reason_for_absence(name: &str) -> Option<&'static str> {
    if name.starts_with("provider::") {
        return Some("the providers of bake define no functions");
    }
    ABSENT.iter().find(|(absent, _)| *absent == name).map(|(_, why)| *why)
}

/// The function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

/// The names of all functions, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    BY_NAME.keys().copied()
}

/// Why a function has no result.
pub(super) enum Fault {
    /// Something is wrong with an argument (by its place, from 0) or with the call.
    Wrong(Option<usize>, String),
    /// What is wrong is said already.
    Said(Diagnostics),
    /// An element that decides the result is unknown.
    NotKnown,
}

impl Fault {
    fn of(argument: usize, why: impl Into<String>) -> Fault {
        Fault::Wrong(Some(argument), why.into())
    }

    fn call(why: impl Into<String>) -> Fault {
        Fault::Wrong(None, why.into())
    }

    /// As a diagnostic at the argument. What came of secret arguments is not repeated.
    pub(super) fn explain(self, function: &Function, places: &[Span], span: &Span, secret: bool) -> Diagnostics {
        match self {
            Fault::Said(errors) => errors,
            Fault::NotKnown => Diagnostics::new(),
            Fault::Wrong(at, why) => {
                let place = at.and_then(|at| places.get(at)).unwrap_or(span);
                let why = if secret {
                    "a sensitive argument does not fit".to_owned()
                } else {
                    why
                };
                let parameter = at.and_then(|at| function.parameters.get(at).or(function.variadic.as_ref()));
                let error = match parameter {
                    Some(one) => {
                        Diagnostic::error(format!("argument {:?} of {} does not fit", one.name, function.name))
                    }
                    None => Diagnostic::error(format!("{} has no result here", function.name)),
                };
                error.label(place, why).into()
            }
        }
    }
}

/// The text of an argument that has been converted to one.
fn text(arguments: &[Value], at: usize) -> &str {
    arguments.get(at).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number in an argument that has been converted to a number.
fn whole(arguments: &[Value], at: usize) -> Result<i64, Fault> {
    let number = arguments.get(at).and_then(Value::as_i64);
    number.ok_or_else(|| Fault::of(at, "a whole number is required"))
}
