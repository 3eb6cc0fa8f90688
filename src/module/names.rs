//! What the references of a module mean. Locals and `for_each` are computed when they are first asked for, and once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use super::blocks::Declared;
use super::cycle::{self, Edge};
use super::instances::{self, Instances, Sources};
use super::variables::Variable;
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Expression, Part};
use crate::lang::{FilesRead, Nothing, Reference, Resolver, Scope, Term, Type, Value, evaluate};
use crate::schema::{Evaluate, foreign, suggest};
use crate::source::Span;
use crate::spec::ProviderKey;

/// How deeply locals may be built on locals.
const DEEPEST: usize = 100;

/// First words that may begin a reference.
const ROOTS: &[&str] = &[
    "var", "local", "data", "image", "provider", "path", "each", "self", "build",
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

/// The names of a module.
pub(super) struct Names<'a> {
    /// The blocks.
    pub declared: &'a Declared,
    /// Values of variables; in the names that stand for secrets, what stands for them.
    pub variables: BTreeMap<String, Result<Value, Diagnostic>>,
    /// What data sources have found, by address; in the names that stand for secrets, what stands for them.
    pub data: BTreeMap<String, Result<Value, Diagnostic>>,
    /// Variables that may not stand where these names are asked: in what is kept.
    pub ephemeral: BTreeSet<String>,
    /// Declared providers.
    pub providers: Vec<ProviderKey>,
    /// The directory of the module, absolute.
    pub directory: &'a Path,
    /// What `file` and its like have read.
    pub read: &'a FilesRead,
    /// The first error of a file that could not be read whole: what is not declared may stand there.
    pub unreadable: Option<Diagnostic>,
    done: RefCell<BTreeMap<Item, Result<Value, Diagnostic>>>,
    instances: RefCell<BTreeMap<String, Asked<Instances>>>,
    sources: RefCell<BTreeMap<(String, String), Asked<Sources>>>,
    /// What is being computed, with the reference that asked for it.
    stack: RefCell<Vec<(Item, Span)>>,
    found: RefCell<Diagnostics>,
}

/// What a block stands for, or the first thing that is wrong with it.
type Asked<T> = Result<Rc<T>, Diagnostic>;

/// Something that is computed when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Local(String),
    ForEach(String),
    Data(String, String),
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Item::Local(name) => write!(f, "local.{name}"),
            Item::ForEach(name) => write!(f, "for_each of image.{name}"),
            Item::Data(kind, name) => write!(f, "data.{kind}.{name}"),
        }
    }
}

impl<'a> Names<'a> {
    /// The names of these blocks.
    pub fn new(declared: &'a Declared, directory: &'a Path, read: &'a FilesRead) -> Names<'a> {
        Names {
            declared,
            variables: BTreeMap::new(),
            data: BTreeMap::new(),
            ephemeral: BTreeSet::new(),
            sources: RefCell::default(),
            providers: Vec::new(),
            directory,
            read,
            unreadable: None,
            done: RefCell::default(),
            instances: RefCell::default(),
            stack: RefCell::default(),
            found: RefCell::default(),
        }
    }

    /// The same with what stands for each secret in its place.
    pub fn with_identities(&self, variables: &BTreeMap<String, Variable>) -> Names<'a> {
        Names {
            variables: variables
                .iter()
                .map(|(name, one)| (name.clone(), one.identity(name)))
                .collect(),
            providers: self.providers.clone(),
            unreadable: self.unreadable.clone(),
            ..Names::new(self.declared, self.directory, self.read)
        }
    }

    /// The names as the top of a module sees them.
    pub fn at_top(&self) -> Within<'_> {
        Within {
            names: self,
            image: None,
            each: None,
            own: None,
        }
    }

    /// Computes every local, whether it is used or not.
    pub fn evaluate_locals(&self) {
        for (name, attribute) in &self.declared.locals {
            let _ = self.local(name, &attribute.name.span);
        }
    }

    /// What was wrong with locals and `for_each`.
    pub fn take_found(&self) -> Diagnostics {
        self.found.take()
    }

    /// The images that a block stands for.
    ///
    /// # Errors
    /// What is wrong with its `for_each`, which [`Names::take_found`] also has.
    pub fn instances(&self, name: &str, asked: &Span) -> Result<Rc<Instances>, Diagnostic> {
        if let Some(known) = self.instances.borrow().get(name) {
            return known.clone();
        }
        let computed = self.compute(Item::ForEach(name.to_owned()), asked, || {
            let written = self.declared.images.get(name);
            let for_each = written.and_then(|written| written.body.attribute("for_each"));
            let value = match for_each {
                Some(attribute) => Some((self.evaluate(&attribute.value)?, &attribute.value.span)),
                None => None,
            };
            Ok(Rc::new(Instances::of(name, value)?))
        });
        if let Some(computed) = &computed {
            self.instances.borrow_mut().insert(name.to_owned(), computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&Item::ForEach(name.to_owned()), asked)))
    }

    /// The data sources that a block stands for.
    ///
    /// # Errors
    /// What is wrong with its `for_each`, or that it needs itself; [`Names::take_found`] also has it.
    pub fn sources(&self, kind: &str, name: &str, asked: &Span) -> Result<Rc<Sources>, Diagnostic> {
        let key = (kind.to_owned(), name.to_owned());
        if let Some(known) = self.sources.borrow().get(&key) {
            return known.clone();
        }
        let item = Item::Data(key.0.clone(), key.1.clone());
        let computed = self.compute(item.clone(), asked, || Ok(Rc::new(Sources::of(self, kind, name)?)));
        if let Some(computed) = &computed {
            self.sources.borrow_mut().insert(key, computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&item, asked)))
    }

    fn local(&self, name: &str, asked: &Span) -> Result<Value, Diagnostic> {
        let item = Item::Local(name.to_owned());
        if let Some(known) = self.done.borrow().get(&item) {
            return known.clone();
        }
        let computed = self.compute(item.clone(), asked, || self.evaluate(&self.declared.locals[name].value));
        if let Some(computed) = &computed {
            self.done.borrow_mut().insert(item.clone(), computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&item, asked)))
    }

    /// Computes something, unless that is being done already. All errors are kept; the first is handed on.
    fn compute<T>(
        &self,
        item: Item,
        asked: &Span,
        with: impl FnOnce() -> Result<T, Diagnostics>,
    ) -> Option<Result<T, Diagnostic>> {
        let standing = self.stack.borrow();
        if standing.iter().any(|(one, _)| *one == item) {
            return None;
        }
        if standing.len() >= DEEPEST {
            let error = Diagnostic::error("locals are built on locals too deeply").at(asked);
            return Some(Err(error));
        }
        drop(standing);
        self.stack.borrow_mut().push((item, asked.clone()));
        let computed = with();
        self.stack.borrow_mut().pop();
        Some(computed.map_err(|errors| {
            let first = errors.iter().next().cloned();
            self.found.borrow_mut().extend(errors);
            first.unwrap_or_else(|| Diagnostic::error("a value could not be computed").at(asked))
        }))
    }

    /// The error that something needs itself, by way of what is being computed.
    fn circle(&self, item: &Item, asked: &Span) -> Diagnostic {
        let standing = self.stack.borrow();
        let first = standing.iter().position(|(one, _)| one == item).unwrap_or(0);
        let around = &standing[first..];
        let edges = around.iter().enumerate().map(|(at, (from, _))| {
            let (to, span) = around.get(at + 1).map_or((item, asked), |(to, span)| (to, span));
            Edge {
                from: from.to_string(),
                to: to.to_string(),
                span: span.clone(),
            }
        });
        cycle::error(&edges.collect::<Vec<_>>())
    }

    pub fn evaluate(&self, expression: &Expression) -> Result<Value, Diagnostics> {
        self.at_top().evaluate(expression)
    }

    pub fn undeclared(&self, reference: &Reference, what: &str, name: &str, known: &[&str]) -> Diagnostic {
        if let Some(unreadable) = &self.unreadable {
            return unreadable.clone();
        }
        let meant = suggest(name, known.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
        let named = reference
            .parts
            .iter()
            .skip(1)
            .rfind(|part| part.value == Part::Name(name.to_owned()));
        let part = named.or_else(|| reference.parts.get(1));
        let span = part.map_or(&reference.span, |part| &part.span);
        let error = Diagnostic::error(format!("{what} \"{name}\" is not declared"));
        error.label(span, meant.unwrap_or_default())
    }
}

/// The names as one place of a module sees them.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    /// Those of the module.
    pub names: &'a Names<'a>,
    /// The image in whose block it stands.
    pub image: Option<&'a ImageAddress>,
    /// Key and value under `for_each`.
    pub each: Option<&'a (String, Value)>,
    /// What `self` is in the postcondition of a data source.
    pub own: Option<&'a Value>,
}

impl Within<'_> {
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
        match self.names.variables.get(name) {
            Some(value) => Ok((value.clone()?, 2)),
            None => {
                let known: Vec<&str> = self.names.variables.keys().map(String::as_str).collect();
                Err(self.names.undeclared(reference, "variable", name, &known))
            }
        }
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
            "module" | "root" => Ok((".".into(), 2)),
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

impl Resolver for Within<'_> {
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
            "module" => {
                let error = Diagnostic::error(format!("{} blocks are not supported yet", reference.root()));
                Err(error.at(&reference.span))
            }
            other => Err(unknown_root(reference, other)),
        }
    }
}

/// Evaluates what stands in the block of an image: with secrets, and with what stands for them.
pub(super) struct InImage<'a> {
    /// The names.
    pub plain: Within<'a>,
    /// The names with what stands for secrets.
    pub identities: Within<'a>,
}

impl Evaluate for InImage<'_> {
    fn value(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        self.plain.evaluate_with(expression, names)
    }

    fn identity(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics> {
        self.identities.evaluate_with(expression, names)
    }
}

/// Evaluates what may not refer to anything.
pub(super) struct Literals;

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

fn unknown_root(reference: &Reference, root: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("unknown name {root}"));
    let span = &reference.parts.first().map_or(&reference.span, |part| &part.span);
    if let (Some(instead), 2..) = (foreign("reference", root), reference.parts.len()) {
        return error.at(span).help(instead);
    }
    match (suggest(root, ROOTS.iter().copied()), reference.parts.len()) {
        (Some(meant), 2..) => error.label(span, format!("did you mean {meant}?")),
        (_, 1) => error.at(span).help(format!("write \"{root}\" if a text is meant")),
        _ => error
            .at(span)
            .help(format!("a reference begins with {}", ROOTS.join(", "))),
    }
}
