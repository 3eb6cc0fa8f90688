//! `module` blocks: the modules that one block stands for, each with names of its own.

use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::caller::Caller;
use super::instances::{pairs, unread_value};
use super::names::Names;
use super::tree::Read;
use crate::address::ModulePath;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Block as Written, Part};
use crate::lang::{Reference, Value};
use crate::schema::suggest;

/// Modules at most, counted with those that they call: a few that call each other twice are millions.
const MOST: usize = 10_000;

/// The modules for which one block stands.
pub(super) struct Calls<'a> {
    /// Each with its key under `for_each`.
    pub all: Vec<Call<'a>>,
    several: bool,
    /// Set where `for_each` waits for a data source.
    waits: Option<Value>,
}

/// One module.
pub(super) struct Call<'a> {
    key: Option<String>,
    pub names: Rc<Names<'a>>,
}

impl<'a> Calls<'a> {
    /// Of a declared block.
    pub fn of(names: &Names<'a>, name: &str) -> Result<Calls<'a>, Diagnostics> {
        let module = names.module.expect("a module with a block was read");
        let written = &module.declared.modules[name];
        let read = module
            .called
            .get(name)
            .expect("every block was read")
            .as_ref()
            .map_err(|error| Diagnostics::from(error.clone()))?;
        let Some(for_each) = written.body.attribute("for_each") else {
            let one = Call::of(names, name, written, read, None)?;
            return Ok(Calls {
                all: vec![one],
                several: false,
                waits: None,
            });
        };
        let keys = names.evaluate(&for_each.value)?;
        if let Some(unread) = keys.unread() {
            return Ok(Calls {
                all: Vec::new(),
                several: true,
                waits: Some(unread_value(&unread)),
            });
        }
        let mut all = Vec::new();
        for each in pairs(&keys, &for_each.value.span)? {
            all.push(Call::of(names, name, written, read, Some(each))?);
        }
        Ok(Calls {
            all,
            several: true,
            waits: None,
        })
    }

    /// What a reference to the block yields, and how many of its parts it takes.
    pub fn value(&self, name: &str, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        if let Some(waits) = &self.waits {
            return Ok((waits.clone(), reference.parts.len()));
        }
        let keys = || self.all.iter().filter_map(|one| one.key.as_deref());
        let Some(part) = reference.parts.get(2) else {
            return Ok((self.everything(reference)?, 2));
        };
        match (&part.value, self.several) {
            (Part::Name(output) | Part::Key(output), false) => Ok((self.all[0].output(name, output, 2, reference)?, 3)),
            (Part::Key(key), true) => {
                let Some(one) = self.all.iter().find(|one| one.key.as_ref() == Some(key)) else {
                    let meant = suggest(key, keys()).map(|meant| format!("did you mean \"{meant}\"?"));
                    let error = Diagnostic::error(format!("module.{name} has no key \"{key}\""));
                    return Err(error.label(&part.span, meant.unwrap_or_default()));
                };
                match reference.parts.get(3).map(|part| &part.value) {
                    Some(Part::Name(output) | Part::Key(output)) => Ok((one.output(name, output, 3, reference)?, 4)),
                    _ => Ok((one.everything(reference)?, 3)),
                }
            }
            (Part::Name(output), true) => {
                let key = keys().next().unwrap_or("KEY");
                let error = Diagnostic::error(format!("module.{name} has for_each: there are several"));
                Err(error
                    .at(&reference.span)
                    .help(format!("choose one: module.{name}[\"{key}\"].{output}")))
            }
            (Part::At(_), false) => {
                let error = Diagnostic::error(format!("module.{name} has no for_each: there is one")).at(&part.span);
                Err(error.help(format!("write module.{name}.OUTPUT")))
            }
            _ => Ok((self.everything(reference)?, 2)),
        }
    }

    /// All outputs of one, or by key those of all.
    fn everything(&self, reference: &Reference) -> Result<Value, Diagnostic> {
        if !self.several {
            return self.all[0].everything(reference);
        }
        let each = |one: &Call<'a>| Ok((one.key.clone().unwrap_or_default(), one.everything(reference)?));
        let all: Result<BTreeMap<String, Value>, Diagnostic> = self.all.iter().map(each).collect();
        Ok(Value::object(all?))
    }
}

/// Says in which of several modules something is wrong: its place is the same in all of them.
pub(super) fn of_instance(path: &ModulePath, one: Diagnostic) -> Diagnostic {
    let said = one.notes.iter().any(|note| note.starts_with("in module."));
    match path.has_keys() && !said {
        true => one.note(format!("in {path}")),
        false => one,
    }
}

/// Whether this says of which of several modules or images something is said.
pub(super) fn names_instance(note: &str) -> bool {
    note.starts_with("in module.") || note.starts_with("in image.")
}

impl<'a> Call<'a> {
    fn of(
        names: &Names<'a>,
        name: &str,
        written: &'a Written,
        read: &'a Read,
        each: Option<(String, Value)>,
    ) -> Result<Call<'a>, Diagnostic> {
        names.count.set(names.count.get() + 1);
        if names.count.get() > MOST {
            return Err(Diagnostic::error(format!("more than {MOST} modules are called")).at(&written.span));
        }
        let key = each.as_ref().map(|(key, _)| key.clone());
        let path = names.path.below(name, key.as_deref());
        let mut below = read.names(&path, names.read, &names.data, &names.providers);
        (below.count, below.stack) = (Rc::clone(&names.count), Rc::clone(&names.stack));
        below.stand_in = names.stand_in;
        let caller = Caller {
            names: Weak::clone(&names.own),
            written,
            read,
            each,
        };
        match names.stand_in {
            true => below.ephemeral = read.ephemeral(),
            false => below.add_found(caller.undeclared()),
        }
        below.caller = Some(caller);
        Ok(Call {
            key,
            names: below.shared(),
        })
    }

    fn output(&self, name: &str, output: &str, at: usize, reference: &Reference) -> Result<Value, Diagnostic> {
        let declared = &self.names.declared.outputs;
        if declared.contains_key(output) {
            return self.names.output(output, &reference.span);
        }
        if let Some(unreadable) = &self.names.unreadable {
            return Err(unreadable.clone());
        }
        let meant =
            suggest(output, declared.keys().map(String::as_str)).map(|meant| format!("did you mean \"{meant}\"?"));
        let span = reference.parts.get(at).map_or(&reference.span, |part| &part.span);
        let error = Diagnostic::error(format!("module.{name} has no output \"{output}\""));
        let error = error.label(span, meant.clone().unwrap_or_default());
        let all: Vec<&str> = declared.keys().map(String::as_str).collect();
        Err(match (meant, all.is_empty()) {
            (Some(_), _) => error,
            (None, true) => error.help("it has none: write output blocks in that module"),
            (None, false) => error.help(format!("it has {}", all.join(", "))),
        })
    }

    fn everything(&self, reference: &Reference) -> Result<Value, Diagnostic> {
        let each = |output: &String| Ok((output.clone(), self.names.output(output, &reference.span)?));
        let all: Result<BTreeMap<String, Value>, Diagnostic> = self.names.declared.outputs.keys().map(each).collect();
        Ok(Value::object(all?))
    }
}
