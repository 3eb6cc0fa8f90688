//! What references mean in one place of a module: under `each`, in the block of an image.

use std::collections::BTreeMap;

use super::instances;
use super::names::Names;
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Expression, Part};
use crate::lang::{Nothing, Reference, Resolver, Scope, Term, Type, Value, evaluate};
use crate::schema::{Evaluate, foreign, suggest};
use crate::source::Span;
use crate::spec::ProviderKey;

/// First words that may begin a reference.
const ROOTS: &[&str] = &[
    "var", "local", "data", "image", "module", "provider", "path", "each", "self", "build",
];

/// What `build.*` can tell: name and type.
const BUILD: &[(&str, Shape)] = &[
    ("device", Shape::Text),
    ("image", Shape::Text),
    ("mount_path", Shape::Text),
    ("partitions", Shape::Texts),
    ("root_device", Shape::Text),
    ("run_id", Shape::Text),
    ("volumes", Shape::Texts),
];

/// What a `build.*` value will be.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// A text.
    Text,
    /// Texts by name: devices by the labels of partitions or volumes.
    Texts,
}

/// What `self.*` can tell.
const OWN: &[&str] = &["digest", "release"];

/// The names as one place of a module sees them.
#[derive(Clone, Copy)]
pub(super) struct Within<'n, 'a> {
    /// Those of the module.
    pub names: &'n Names<'a>,
    /// The image in whose block it stands.
    pub image: Option<&'n ImageAddress>,
    /// Key and value under `for_each`.
    pub each: Option<&'n (String, Value)>,
    /// What `self` is in the postcondition of a data source.
    pub own: Option<&'n Value>,
}

impl Within<'_, '_> {
    /// Computes an expression here.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value, Diagnostics> {
        self.evaluate_with(expression, &[])
    }

    /// Computes an expression here, where these names stand for something, too.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn evaluate_with(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        let scope = Scope::new(self)
            .in_directory(self.names.directory)
            .recording(self.names.read)
            .binding(names);
        evaluate(expression, &scope)
    }

    fn variable(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let name = member(reference)?;
        if self.names.ephemeral.contains(name) {
            let error = Diagnostic::error(format!("var.{name} is ephemeral: it may not stand here"));
            let error = error.label(&reference.span, "a digest, a file or an output would hold it");
            return Err(error.help(
                "it may go into data sources, conditions and locals; write sensitive = true instead of ephemeral",
            ));
        }
        if self.names.declared.variables.contains_key(name) {
            return Ok((self.names.variable(name, &reference.span)?, 2));
        }
        let known: Vec<&str> = self.names.declared.variables.keys().map(String::as_str).collect();
        Err(self.names.undeclared(reference, "variable", name, &known))
    }

    fn local(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let name = member(reference)?;
        if self.names.declared.locals.contains_key(name) {
            return Ok((self.names.local(name, &reference.span)?, 2));
        }
        let known: Vec<&str> = self.names.declared.locals.keys().map(String::as_str).collect();
        Err(self.names.undeclared(reference, "local", name, &known))
    }

    fn data(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let kind = member(reference)?;
        let Some(name) = reference.name(2) else {
            let error = Diagnostic::error(format!("data.{kind} is no value: write data.{kind}.NAME.ATTRIBUTE"));
            return Err(error.at(&reference.span));
        };
        let all = &self.names.declared.data;
        if !all.contains_key(&(kind.to_owned(), name.to_owned())) {
            let known = all.keys().filter(|(one, _)| one == kind);
            let known: Vec<&str> = known.map(|(_, name)| name.as_str()).collect();
            return Err(self
                .names
                .undeclared(reference, &format!("data \"{kind}\""), name, &known));
        }
        let sources = self.names.sources(kind, name, &reference.span)?;
        Ok((sources.value(reference)?, 3))
    }

    fn image(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let name = member(reference)?;
        if !self.names.declared.images.contains_key(name) {
            let known: Vec<&str> = self.names.declared.images.keys().map(String::as_str).collect();
            return Err(self.names.undeclared(reference, "image", name, &known));
        }
        let all = self.names.instances(name, &reference.span)?;
        instances::check(&all, name, reference)?;
        Ok((all.value.clone(), 2))
    }

    fn module(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let name = member(reference)?;
        if !self.names.declared.modules.contains_key(name) {
            let known: Vec<&str> = self.names.declared.modules.keys().map(String::as_str).collect();
            return Err(self.names.undeclared(reference, "module", name, &known));
        }
        self.names.calls(name, &reference.span)?.value(name, reference)
    }

    fn provider(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let kind = member(reference)?.to_owned();
        let alias = reference.name(2).map(str::to_owned);
        let taken = reference.parts.len().min(3);
        let key = ProviderKey { kind, alias };
        if self.names.providers.contains(&key) {
            let value = BTreeMap::from([("provider".to_owned(), Value::from(key.to_string()))]);
            return Ok((value.into(), taken));
        }
        let known: Vec<String> = self.names.providers.iter().map(ProviderKey::to_string).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Err(self.names.undeclared(reference, "provider", &key.to_string(), &known))
    }

    fn path(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        match member(reference)? {
            // Paths are taken from the directory of the module in which they stand, so that is where it is.
            "module" => Ok((".".into(), 2)),
            "root" => Ok((self.names.way_up().into(), 2)),
            "cwd" => {
                let directory = std::env::current_dir().unwrap_or_default();
                Ok((directory.to_string_lossy().into_owned().into(), 2))
            }
            other => Err(no_member(reference, "path", other, &["module", "root", "cwd"])),
        }
    }

    fn each(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let Some((key, value)) = self.each else {
            let error = Diagnostic::error(format!("{reference} stands outside of a block with for_each"));
            return Err(error
                .at(&reference.span)
                .help("write for_each = toset([...]) in the block"));
        };
        match member(reference)? {
            "key" => Ok((key.as_str().into(), 2)),
            "value" => Ok((value.clone(), 2)),
            other => Err(no_member(reference, "each", other, &["key", "value"])),
        }
    }

    /// `self.*` and `build.*`, which only an apply knows.
    fn later(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let root = reference.root();
        if let (Some(own), "self") = (self.own, root) {
            return Ok((own.clone(), 1));
        }
        let Some(image) = self.image else {
            return Err(Diagnostic::error(format!("{reference} stands outside of an image")).at(&reference.span));
        };
        let name = member(reference)?;
        let known: Vec<&str> = match root {
            "self" => OWN.to_vec(),
            _ => BUILD.iter().map(|(name, _)| *name).collect(),
        };
        if !known.contains(&name) {
            return Err(no_member(reference, root, name, &known));
        }
        let texts = root == "build" && BUILD.contains(&(name, Shape::Texts));
        let ty = if texts { Type::map(Type::String) } else { Type::String };
        let of = if root == "build" {
            image.only("build")
        } else {
            image.itself()
        };
        Ok((
            Value::unknown(
                ty,
                Term::Output {
                    of,
                    attribute: name.to_owned(),
                },
            ),
            2,
        ))
    }
}

impl Resolver for Within<'_, '_> {
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        match reference.root() {
            "var" => self.variable(reference),
            "local" => self.local(reference),
            "data" => self.data(reference),
            "image" => self.image(reference),
            "provider" => self.provider(reference),
            "path" => self.path(reference),
            "each" => self.each(reference),
            "self" | "build" => self.later(reference),
            "module" => self.module(reference),
            other => Err(unknown_root(reference, other)),
        }
    }
}

/// Evaluates what stands in the block of an image: with secrets, and with what stands for them.
pub(super) struct InImage<'n, 'a> {
    /// The names.
    pub plain: Within<'n, 'a>,
    /// The names with what stands for secrets.
    pub identities: Within<'n, 'a>,
}

impl Evaluate for InImage<'_, '_> {
    fn value(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        self.plain.evaluate_with(expression, names)
    }

    fn identity(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        self.identities.evaluate_with(expression, names)
    }
}

/// Evaluates what may not refer to anything.
pub(super) struct Literals;

impl Literals {
    /// Whether an argument says `true`.
    pub fn is_true(expression: &Expression) -> bool {
        Literals.value(expression, &[]).is_ok_and(|value| {
            value
                .convert(&Type::Bool)
                .is_ok_and(|value| value.as_bool() == Some(true))
        })
    }
}

impl Evaluate for Literals {
    fn value(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        evaluate(expression, &Scope::new(&Nothing).binding(names))
    }

    fn identity(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        self.value(expression, names)
    }
}

/// The name behind the first word.
fn member(reference: &Reference) -> Result<&str, Diagnostic> {
    match reference.parts.get(1).map(|part| &part.value) {
        Some(Part::Name(name) | Part::Key(name)) => Ok(name),
        _ => {
            let root = reference.root();
            Err(Diagnostic::error(format!("{root} is no value: write {root}.NAME")).at(&reference.span))
        }
    }
}

fn no_member(reference: &Reference, root: &str, name: &str, known: &[&str]) -> Diagnostic {
    let meant = suggest(name, known.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
    let span = reference.parts.get(1).map_or(&reference.span, |part| &part.span);
    let error = Diagnostic::error(format!("there is no {root}.{name}")).label(span, meant.unwrap_or_default());
    let all: Vec<String> = known.iter().map(|name| format!("{root}.{name}")).collect();
    error.help(format!("there are {}", all.join(", ")))
}

/// Whether it stands alone in `${...}`.
fn is_interpolated(span: &Span) -> bool {
    let (text, place) = (span.source().text(), span.bytes());
    let (before, behind) = (text.get(..place.start), text.get(place.end..));
    before.is_some_and(|before| before.trim_end().ends_with("${"))
        && behind.is_some_and(|behind| behind.trim_start().starts_with('}'))
}

fn unknown_root(reference: &Reference, root: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("unknown name {root}"));
    let span = &reference.parts.first().map_or(&reference.span, |part| &part.span);
    if let (Some(instead), 2..) = (foreign("reference", root), reference.parts.len()) {
        return error.at(span).help(instead);
    }
    match (suggest(root, ROOTS.iter().copied()), reference.parts.len()) {
        (Some(meant), 2..) => error.label(span, format!("did you mean {meant}?")),
        (_, 1) if is_interpolated(span) => error.at(span).help(format!(
            "for a variable of a shell write $${{{root}}}, for one of the module ${{var.{root}}}"
        )),
        (_, 1) => match suggest(root, ["true", "false", "null"]) {
            Some(meant) => error.label(span, format!("did you mean {meant}?")),
            None => error.at(span).help(format!("write \"{root}\" if a text is meant")),
        },
        _ => error
            .at(span)
            .help(format!("a reference begins with {}", ROOTS.join(", "))),
    }
}
