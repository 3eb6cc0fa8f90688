//! The functions: their table, what they take, and how they say that something is wrong.
//!
//! A new one is a row in [`FUNCTIONS`] and a function in the file of its family. Functions that read the clock or make
//! random values will need a place in the scope where a plan pins what they gave; there are none yet.

mod collections;
mod combine;
mod conversion;
mod encoding;
mod files;
mod format;
mod lazy;
mod numbers;
mod patterns;
mod strings;
mod yaml;

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
    /// From the expressions of its arguments.
    Lazy(fn(&mut Evaluator<'_>, &[Expression], &Span) -> Result<Value, Diagnostics>),
}

impl Function {
    const fn new(name: &'static str, parameters: &'static [Parameter], returns: Wanted, run: Run) -> Function {
        Function {
            name,
            parameters,
            variadic: None,
            returns,
            looks: Looks::Through,
            reads_files: false,
            run,
        }
    }

    const fn pure(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Wanted,
        run: fn(&[Value]) -> Answer,
    ) -> Function {
        Function::new(name, parameters, returns, Run::Pure(run))
    }

    const fn reading(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Wanted,
        run: fn(&mut Evaluator<'_>, &[Value]) -> Answer,
    ) -> Function {
        Function {
            reads_files: true,
            ..Function::new(name, parameters, returns, Run::Scoped(run))
        }
    }

    const fn variadic(self, parameter: Parameter) -> Function {
        Function {
            variadic: Some(parameter),
            ..self
        }
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

const ANY: Wanted = Wanted::Any;
const BOOL: Wanted = Wanted::Bool;
const NUMBER: Wanted = Wanted::Number;
const STRING: Wanted = Wanted::String;
const LIST: Wanted = Wanted::List;
const STRINGS: Wanted = Wanted::Strings;

/// All functions, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::pure("abs", &[takes("num", NUMBER)], NUMBER, numbers::abs),
    Function::new("can", &[takes("expression", ANY)], BOOL, Run::Lazy(lazy::can)),
    Function::pure("ceil", &[takes("num", NUMBER)], NUMBER, numbers::ceil),
    Function::pure("chomp", &[takes("str", STRING)], STRING, strings::chomp),
    Function::pure("coalesce", &[], ANY, combine::coalesce)
        .variadic(takes_null("vals", ANY))
        .at_the_top(),
    Function::pure("compact", &[takes("list", STRINGS)], STRINGS, collections::compact),
    Function::pure("concat", &[], ANY, combine::concat)
        .variadic(takes("seqs", ANY))
        .at_the_top(),
    Function::pure(
        "contains",
        &[takes("list", ANY), takes("value", ANY)],
        BOOL,
        collections::contains,
    )
    .at_the_top(),
    Function::pure("distinct", &[takes("list", LIST)], LIST, collections::distinct),
    Function::pure(
        "element",
        &[takes("list", ANY), takes("index", NUMBER)],
        ANY,
        collections::element,
    )
    .at_the_top(),
    Function::pure(
        "endswith",
        &[takes("str", STRING), takes("suffix", STRING)],
        BOOL,
        strings::endswith,
    ),
    Function::reading("file", &[takes("path", STRING)], STRING, files::file),
    Function::reading("fileexists", &[takes("path", STRING)], BOOL, files::fileexists),
    Function::reading("filesha256", &[takes("path", STRING)], STRING, files::filesha256),
    Function::pure("flatten", &[takes("list", ANY)], ANY, collections::flatten).at_the_top(),
    Function::pure("floor", &[takes("num", NUMBER)], NUMBER, numbers::floor),
    Function::pure("format", &[takes("format", STRING)], STRING, format::format).variadic(takes_null("args", ANY)),
    Function::pure(
        "indent",
        &[takes("spaces", NUMBER), takes("str", STRING)],
        STRING,
        strings::indent,
    ),
    Function::pure("join", &[takes("separator", STRING)], STRING, strings::join).variadic(takes("lists", STRINGS)),
    Function::pure("jsondecode", &[takes("str", STRING)], ANY, encoding::jsondecode),
    Function::pure("jsonencode", &[takes_null("val", ANY)], STRING, encoding::jsonencode),
    Function::pure("keys", &[takes("inputMap", ANY)], ANY, collections::keys).at_the_top(),
    Function::pure("length", &[takes("value", ANY)], NUMBER, collections::length).at_the_top(),
    Function::pure(
        "lookup",
        &[takes("inputMap", ANY), takes("key", STRING)],
        ANY,
        collections::lookup,
    )
    .variadic(takes_null("default", ANY))
    .at_the_top(),
    Function::pure("lower", &[takes("str", STRING)], STRING, strings::lower),
    Function::pure("max", &[], NUMBER, numbers::max).variadic(takes("numbers", NUMBER)),
    Function::pure("merge", &[], ANY, combine::merge)
        .variadic(takes_null("maps", ANY))
        .at_the_top(),
    Function::pure("min", &[], NUMBER, numbers::min).variadic(takes("numbers", NUMBER)),
    Function::new(
        "nonsensitive",
        &[takes_null("value", ANY)],
        ANY,
        Run::Lazy(lazy::nonsensitive),
    ),
    Function::pure("one", &[takes("list", ANY)], ANY, collections::one).at_the_top(),
    Function::pure("range", &[], Wanted::Numbers, numbers::range).variadic(takes("params", NUMBER)),
    Function::pure(
        "regex",
        &[takes("pattern", STRING), takes("string", STRING)],
        ANY,
        patterns::regex,
    ),
    Function::pure(
        "replace",
        &[takes("str", STRING), takes("substr", STRING), takes("replace", STRING)],
        STRING,
        patterns::replace,
    ),
    Function::pure("sensitive", &[takes_null("value", ANY)], ANY, conversion::sensitive).at_the_top(),
    Function::pure("setproduct", &[], ANY, combine::setproduct)
        .variadic(takes("sets", ANY))
        .at_the_top(),
    Function::pure("sha256", &[takes("str", STRING)], STRING, encoding::sha256),
    Function::pure(
        "slice",
        &[
            takes("list", ANY),
            takes("start_index", NUMBER),
            takes("end_index", NUMBER),
        ],
        ANY,
        collections::slice,
    )
    .at_the_top(),
    Function::pure("sort", &[takes("list", STRINGS)], STRINGS, collections::sort),
    Function::pure(
        "split",
        &[takes("separator", STRING), takes("str", STRING)],
        STRINGS,
        strings::split,
    ),
    Function::pure(
        "startswith",
        &[takes("str", STRING), takes("prefix", STRING)],
        BOOL,
        strings::startswith,
    ),
    Function::pure(
        "substr",
        &[takes("str", STRING), takes("offset", NUMBER), takes("length", NUMBER)],
        STRING,
        strings::substr,
    ),
    Function::reading(
        "templatefile",
        &[takes("path", STRING), takes("vars", ANY)],
        ANY,
        files::templatefile,
    )
    .at_the_top(),
    Function::pure("tobool", &[takes_null("v", ANY)], BOOL, conversion::tobool).at_the_top(),
    Function::pure("tolist", &[takes_null("v", ANY)], LIST, conversion::tolist).at_the_top(),
    Function::pure("tomap", &[takes_null("v", ANY)], ANY, conversion::tomap).at_the_top(),
    Function::pure("tonumber", &[takes_null("v", ANY)], NUMBER, conversion::tonumber).at_the_top(),
    Function::pure("toset", &[takes_null("v", ANY)], ANY, conversion::toset).at_the_top(),
    Function::pure("tostring", &[takes_null("v", ANY)], STRING, conversion::tostring).at_the_top(),
    Function::pure(
        "trim",
        &[takes("str", STRING), takes("cutset", STRING)],
        STRING,
        strings::trim,
    ),
    Function::pure(
        "trimprefix",
        &[takes("str", STRING), takes("prefix", STRING)],
        STRING,
        strings::trimprefix,
    ),
    Function::pure("trimspace", &[takes("str", STRING)], STRING, strings::trimspace),
    Function::pure(
        "trimsuffix",
        &[takes("str", STRING), takes("suffix", STRING)],
        STRING,
        strings::trimsuffix,
    ),
    Function::new("try", &[], ANY, Run::Lazy(lazy::try_each)).variadic(takes_null("expressions", ANY)),
    Function::pure("upper", &[takes("str", STRING)], STRING, strings::upper),
    Function::pure("values", &[takes("mapping", ANY)], ANY, collections::values).at_the_top(),
    Function::pure("yamlencode", &[takes_null("value", ANY)], STRING, yaml::yamlencode),
    Function::pure(
        "zipmap",
        &[takes("keys", STRINGS), takes("values", ANY)],
        ANY,
        combine::zipmap,
    )
    .at_the_top(),
];

/// The function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|one| one.name == name)
}

/// The names of all functions, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|one| one.name)
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
