//! What must hold beside what the tables say: `check`, `precondition`, `postcondition`. What is known already is judged at
//! once; what waits for images is judged by the plan, as far as that can tell.

use super::names::Names;
use super::within::Within;
use crate::address::{ImageAddress, ModulePath};
use crate::data;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lang::Value;
use crate::lang::syntax::{Block as Written, Body};
use crate::nodes::Condition;
use crate::schema::conditions::{ASSERT, POSTCONDITION, PRECONDITION, VALIDATION};
use crate::schema::{Block, Decoder, Files, block, many};
use crate::source::Span;

use super::within::Literals;

/// The table of `check`.
pub static CHECK: Block = block("check")
    .labels(&["name"])
    .doc("What should hold of the module as a whole; looked at by every plan.")
    .blocks(&[many(&ASSERT), many(&DATA)]);

static DATA: Block =
    block("data").unsupported("a data source inside of a check is not supported yet: write it beside the check");

/// A condition that waits for what a plan or an apply settles.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What must hold.
    pub condition: Condition,
    /// What may not happen before it is known to hold.
    pub guards: Guards,
}

/// What a condition stands in front of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guards {
    /// Nothing of this image is begun.
    Image(ImageAddress),
    /// Nothing is built on this image.
    On(ImageAddress),
    /// Nothing of any image of this module is begun.
    Module(ModulePath),
    /// It only says whether all is well.
    Nothing,
}

/// The conditions of a module.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Those that a plan must look at.
    pub waiting: Vec<Waiting>,
}

impl Conditions {
    /// The images that must stand before it can be said whether this one may be begun.
    pub fn needs_of<'c>(&'c self, image: &'c ImageAddress) -> impl Iterator<Item = (ImageAddress, Span)> + 'c {
        let before = move |one: &&Waiting| match &one.guards {
            Guards::Image(guarded) => guarded == image,
            Guards::Module(module) => module.holds(&image.module),
            Guards::On(_) | Guards::Nothing => false,
        };
        self.waiting.iter().filter(before).flat_map(move |one| {
            let leaves = one.condition.value.leaves().into_iter();
            let others = leaves.filter(move |(of, _)| of.image != *image);
            others.map(|(of, _)| (of.image, one.condition.span.clone()))
        })
    }

    /// Looks at one. Answers whether it may go on: it holds, or nobody knows yet.
    pub fn look(
        &mut self,
        within: &Within<'_, '_>,
        written: &Written,
        summary: String,
        about: (Severity, Guards),
        found: &mut Diagnostics,
    ) -> bool {
        let of = |name| written.body.attribute(name).map(|attribute| &attribute.value);
        let (Some(condition), Some(message)) = (of("condition"), of("error_message")) else {
            return true;
        };
        let Some(value) = found.take(within.evaluate(condition)) else {
            return false;
        };
        if value.unread().is_some() {
            return true;
        }
        if value.is_known() && value.as_bool().is_none() {
            found.push(Diagnostic::error("a condition is true or false").label(&condition.span, "this is not"));
            return false;
        }
        if value.as_bool() == Some(true) {
            return true;
        }
        let message = found.take(within.evaluate(message));
        let (severity, guards) = about;
        let condition = Condition {
            message: message.map(showable),
            value,
            summary,
            span: condition.span.clone(),
            severity,
            after: Vec::new(),
        };
        if condition.value.is_known() {
            let message = condition.message.as_ref().and_then(Value::as_str);
            found.extend(condition.judge(&condition.value, message).err());
            return false;
        }
        self.waiting.push(Waiting { condition, guards });
        true
    }

    /// All of one kind in a body.
    pub fn of(
        &mut self,
        within: &Within<'_, '_>,
        body: &Body,
        kind: &str,
        about: (&str, Guards),
        found: &mut Diagnostics,
    ) -> bool {
        let mut all_hold = true;
        for written in body.blocks_of(kind) {
            let summary = format!("a {kind} of {} does not hold", about.0);
            all_hold &= self.look(within, written, summary, (Severity::Error, about.1.clone()), found);
        }
        all_hold
    }

    /// All of one kind in the `lifecycle` of a block.
    pub fn of_lifecycle(
        &mut self,
        within: &Within<'_, '_>,
        written: &Written,
        kind: &str,
        about: (&str, Guards),
        found: &mut Diagnostics,
    ) -> bool {
        let mut all_hold = true;
        for lifecycle in written.body.blocks_of("lifecycle") {
            all_hold &= self.of(within, &lifecycle.body, kind, about.clone(), found);
        }
        all_hold
    }

    /// The checks of the module.
    pub fn checks(&mut self, names: &Names<'_>, files: &Files, found: &mut Diagnostics) {
        for (name, written) in &names.declared.checks {
            let mut decoder = Decoder::new(&Literals, files, None);
            decoder.block(written, &CHECK);
            if decoder.found.iter().next().is_none() && written.body.blocks_of("assert").next().is_none() {
                let error = Diagnostic::error(format!("check {name:?} asserts nothing")).at(&written.span);
                decoder.found.push(
                    error.help("write assert { condition = ..., error_message = ... } in it, over several lines"),
                );
            }
            found.extend(decoder.found);
            for assert in written.body.blocks_of("assert") {
                let summary = format!("check {name:?} does not hold");
                self.look(
                    &names.at_top(),
                    assert,
                    summary,
                    (Severity::Warning, Guards::Nothing),
                    found,
                );
            }
        }
    }

    /// The postconditions of data sources, of which `self` is what was found.
    pub fn of_data(&mut self, names: &Names<'_>, found: &mut Diagnostics) {
        for ((kind, name), written) in &names.declared.data {
            let Ok(sources) = names.sources(kind, name, &written.span) else {
                continue;
            };
            debug_assert!(data::kind(kind).is_some());
            for (address, each) in &sources.all {
                let Some(Ok(own)) = names.data.get(address) else {
                    continue;
                };
                let within = Within {
                    each: each.as_ref(),
                    own: Some(own),
                    ..names.at_top()
                };
                self.of_lifecycle(&within, written, POSTCONDITION.name, (address, Guards::Nothing), found);
            }
        }
    }

    /// Those that variables of a module that is called ask of values which wait for images.
    pub fn of_inputs(&mut self, names: &Names<'_>, found: &mut Diagnostics) {
        for (name, written) in &names.declared.variables {
            let value = names.variable(name, &written.span);
            if value.map_or(true, |value| value.is_wholly_known()) {
                continue;
            }
            let about = (Severity::Error, Guards::Module(names.path.clone()));
            for written in written.body.blocks_of(VALIDATION.name) {
                self.look(&names.at_top(), written, bad_value(name), about.clone(), found);
            }
        }
    }
}

/// The message of a condition, or in place of one that holds a secret that there is one.
pub fn showable(message: Value) -> Value {
    match message.contains_sensitive() {
        true => "its message is not shown: it holds a sensitive value".into(),
        false => message,
    }
}

/// Whether the preconditions of a data source let it be read.
pub(super) fn may_be_read(within: &Within<'_, '_>, written: &Written, address: &str, found: &mut Diagnostics) -> bool {
    Conditions::default().of_lifecycle(within, written, PRECONDITION.name, (address, Guards::Nothing), found)
}

/// What is said of a value that does not hold what its variable asks.
pub(super) fn bad_value(variable: &str) -> String {
    format!("variable \"{variable}\" has a bad value")
}
