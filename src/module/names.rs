//! What the references of a module mean. Locals and `for_each` are computed when they are first asked for, and once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::{Rc, Weak};

use super::blocks::Declared;
use super::caller::Caller;
use super::calls::{Calls, of_instance};
use super::cycle::{self, Edge};
use super::instances::{Instances, Sources};
use super::tree::Read;
use super::variables::Variable;
use super::within::{Literals, Within};
use crate::address::ModulePath;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::stack::roomy;
use crate::lang::syntax::{Expression, Part};
use crate::lang::{Noted, Reference, Value};
use crate::schema::{Files, suggest};
use crate::source::Span;
use crate::spec::ProviderKey;

/// How deeply locals may be built on locals, counted with the modules, variables and outputs that lead to them.
const DEEPEST: usize = 300;

/// The names of a module.
pub(super) struct Names<'a> {
    /// The blocks.
    pub declared: &'a Declared,
    /// Values of variables; in the names that stand for secrets, what stands for them. In a module that is called, those that
    /// were asked for.
    pub variables: RefCell<BTreeMap<String, Result<Value, Diagnostic>>>,
    /// What data sources have found, by address; in the names that stand for secrets, what stands for them.
    pub data: BTreeMap<String, Result<Value, Diagnostic>>,
    /// Variables that may not stand where these names are asked: in what is kept.
    pub ephemeral: BTreeSet<String>,
    /// Declared providers.
    pub providers: Vec<ProviderKey>,
    /// The directory of the module, absolute.
    pub directory: &'a Path,
    /// What `file` and its like have read.
    pub read: &'a Noted,
    /// The first error of a file that could not be read whole: what is not declared may stand there.
    pub unreadable: Option<Diagnostic>,
    /// Where in the tree of modules this one stands.
    pub path: ModulePath,
    /// The files of the module, with those of the modules that it calls; none where there is no module.
    pub module: Option<&'a Read>,
    /// By what it is called; none of that for which bake was started.
    pub caller: Option<Caller<'a>>,
    /// Values of the sensitive variables of a module that is called, by `module.NAME.VARIABLE`, with their revision.
    pub secrets: RefCell<BTreeMap<String, (Value, u64)>>,
    /// How many modules were called so far, in all of the tree.
    pub count: Rc<Cell<usize>>,
    /// What stands for secrets is meant, not they themselves.
    pub stand_in: bool,
    done: RefCell<BTreeMap<Item, Result<Value, Diagnostic>>>,
    instances: RefCell<BTreeMap<String, Asked<Instances>>>,
    sources: RefCell<BTreeMap<(String, String), Asked<Sources>>>,
    calls: RefCell<BTreeMap<String, Asked<Calls<'a>>>>,
    /// What is being computed for one another in all of the tree, with the reference that asked for it.
    pub stack: Rc<RefCell<Vec<(Step, Span)>>>,
    /// These names, for those of the modules that are called.
    pub own: Weak<Names<'a>>,
    found: RefCell<Diagnostics>,
}

/// What a block stands for, or the first thing that is wrong with it.
pub(super) type Asked<T> = Result<Rc<T>, Diagnostic>;

/// Something that is computed when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Variable(String),
    Local(String),
    ForEach(String),
    Data(String, String),
    Module(String),
    Output(String),
}

/// That in one module of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    path: ModulePath,
    item: Item,
}

impl Item {
    /// As people write it, in the module of this path.
    fn named(&self, path: &ModulePath) -> String {
        match self {
            Item::Variable(name) => path.of(format_args!("var.{name}")),
            Item::Local(name) => path.of(format_args!("local.{name}")),
            Item::ForEach(name) => format!("for_each of {}", path.of(format_args!("image.{name}"))),
            Item::Data(kind, name) => path.of(format_args!("data.{kind}.{name}")),
            Item::Module(name) => path.of(format_args!("module.{name}")),
            Item::Output(name) => path.of(format_args!("output.{name}")),
        }
    }
}

impl<'a> Names<'a> {
    /// The names of these blocks.
    pub fn new(declared: &'a Declared, directory: &'a Path, read: &'a Noted) -> Names<'a> {
        Names {
            declared,
            variables: RefCell::default(),
            data: BTreeMap::new(),
            ephemeral: BTreeSet::new(),
            sources: RefCell::default(),
            providers: Vec::new(),
            directory,
            read,
            unreadable: None,
            path: ModulePath::default(),
            module: None,
            caller: None,
            secrets: RefCell::default(),
            count: Rc::default(),
            stand_in: false,
            calls: RefCell::default(),
            done: RefCell::default(),
            instances: RefCell::default(),
            stack: Rc::default(),
            own: Weak::new(),
            found: RefCell::default(),
        }
    }

    /// The same with what stands for each secret in its place.
    pub fn with_identities(&self, variables: &BTreeMap<String, Variable>) -> Names<'a> {
        Names {
            variables: RefCell::new(
                variables
                    .iter()
                    .map(|(name, one)| (name.clone(), one.identity(&self.path.of(name))))
                    .collect(),
            ),
            providers: self.providers.clone(),
            unreadable: self.unreadable.clone(),
            module: self.module,
            path: self.path.clone(),
            stand_in: true,
            ..Names::new(self.declared, self.directory, self.read)
        }
    }

    /// The same, ready to be asked: those of a module that is called know them.
    pub fn shared(self) -> Rc<Names<'a>> {
        Rc::new_cyclic(|own| Names {
            own: Weak::clone(own),
            ..self
        })
    }

    /// The names as the top of a module sees them.
    pub fn at_top(&self) -> Within<'_, 'a> {
        Within {
            names: self,
            image: None,
            each: None,
            own: None,
        }
    }

    /// Computes every local, whether it is used or not, and every module that is called.
    pub fn evaluate_locals(&self) {
        for (name, attribute) in &self.declared.locals {
            let _ = self.local(name, &attribute.name.span);
        }
        self.called().iter().for_each(|below| below.evaluate_locals());
    }

    /// What was wrong with locals, `for_each`, and calls of modules, here and in those modules.
    pub fn take_found(&self) -> Diagnostics {
        let own = self.found.take().into_iter();
        let mut all: Diagnostics = own.map(|one| of_instance(&self.path, one)).collect();
        let calls: Vec<_> = self
            .calls
            .borrow()
            .values()
            .filter_map(|one| one.clone().ok())
            .collect();
        for below in calls.iter().flat_map(|calls| &calls.all) {
            all.extend(below.names.take_found());
        }
        all
    }

    /// The names of every module that is called here, in the order of the calls.
    pub fn called(&self) -> Vec<Rc<Names<'a>>> {
        let calls = self.declared.modules.iter();
        let calls = calls.filter_map(|(name, written)| self.calls(name, &written.span).ok());
        calls
            .flat_map(|calls| calls.all.iter().map(|one| Rc::clone(&one.names)).collect::<Vec<_>>())
            .collect()
    }

    /// The modules for which a `module` block stands.
    ///
    /// # Errors
    /// What is wrong with the call, or that it needs itself; [`Names::take_found`] also has it.
    pub fn calls(&self, name: &str, asked: &Span) -> Result<Rc<Calls<'a>>, Diagnostic> {
        if let Some(known) = self.calls.borrow().get(name) {
            return known.clone();
        }
        let item = Item::Module(name.to_owned());
        let computed = self.compute(item.clone(), asked, || Ok(Rc::new(Calls::of(self, name)?)));
        if let Some(computed) = &computed {
            self.calls.borrow_mut().insert(name.to_owned(), computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&item, asked)))
    }

    /// What an output of this module says to the module that calls it.
    ///
    /// # Errors
    /// What is wrong with it, or that it needs itself.
    pub fn output(&self, name: &str, asked: &Span) -> Result<Value, Diagnostic> {
        let item = Item::Output(name.to_owned());
        if let Some(known) = self.done.borrow().get(&item) {
            return known.clone();
        }
        let computed = self.compute(item.clone(), asked, || {
            let body = &self.declared.outputs[name].body;
            let value = match body.attribute("value") {
                Some(value) => self.evaluate(&value.value)?,
                None => Value::null(crate::lang::Type::Any),
            };
            let sensitive = body.attribute("sensitive").map(|one| &one.value);
            let sensitive = sensitive.is_some_and(Literals::is_true);
            if sensitive {
                self.read.hide(&value);
            }
            Ok(value.marked(sensitive))
        });
        if let Some(computed) = &computed {
            self.done.borrow_mut().insert(item.clone(), computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&item, asked)))
    }

    /// What is said of something in this module beside an error of its own.
    pub(super) fn add_found(&self, found: Diagnostics) {
        self.found.borrow_mut().extend(found);
    }

    /// The files of this module, if there is one.
    pub fn files(&self) -> Option<&'a Files> {
        self.module.map(|module| &module.files)
    }

    /// From the directory of this module to that for which bake was started: `../..`.
    pub fn way_up(&self) -> String {
        let up = self.module.map_or(Path::new("."), |module| module.way_up.as_path());
        up.to_string_lossy().into_owned()
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
            Ok(Rc::new(Instances::of(&self.path, name, value)?))
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

    pub(super) fn local(&self, name: &str, asked: &Span) -> Result<Value, Diagnostic> {
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
    pub(super) fn compute<T>(
        &self,
        item: Item,
        asked: &Span,
        with: impl FnOnce() -> Result<T, Diagnostics>,
    ) -> Option<Result<T, Diagnostic>> {
        let path = self.path.clone();
        let step = Step { path, item };
        let standing = self.stack.borrow();
        if standing.iter().any(|(one, _)| *one == step) {
            return None;
        }
        if standing.len() >= DEEPEST {
            let error = Diagnostic::error("locals are built on locals too deeply").at(asked);
            return Some(Err(error.note(format!("{DEEPEST} steps are followed"))));
        }
        drop(standing);
        self.stack.borrow_mut().push((step, asked.clone()));
        let computed = roomy(with);
        self.stack.borrow_mut().pop();
        Some(computed.map_err(|errors| {
            let first = errors.iter().next().cloned();
            self.found.borrow_mut().extend(errors);
            first.unwrap_or_else(|| Diagnostic::error("a value could not be computed").at(asked))
        }))
    }

    /// The error that something needs itself, by way of what is being computed. Several modules are told apart.
    pub(super) fn circle(&self, item: &Item, asked: &Span) -> Diagnostic {
        let standing = self.stack.borrow();
        let is_it = |(one, _): &(Step, Span)| one.item == *item && one.path == self.path;
        let around = &standing[standing.iter().position(is_it).unwrap_or(0)..];
        let apart = around.iter().any(|(one, _)| one.path != self.path);
        let named = |item: &Item, path: &ModulePath| match apart {
            true => item.named(path),
            false => item.named(&ModulePath::default()),
        };
        let edges = around.iter().enumerate().map(|(at, (from, _))| {
            let next = around.get(at + 1).map(|(to, span)| (&to.item, &to.path, span));
            let (to, path, span) = next.unwrap_or((item, &self.path, asked));
            Edge {
                from: named(&from.item, &from.path),
                to: named(to, path),
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
        let declared = self.declared;
        if let Some(error) = declared.misspelt.get(name).or_else(|| declared.nameless.get(what)) {
            return error.clone();
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
