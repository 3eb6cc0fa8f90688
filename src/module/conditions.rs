//! What must hold beside what the tables say: `check`, `precondition`, `postcondition`. What is known already is judged at
//! once; what waits for images is judged by the plan, as far as that can tell.

use super::names::Names;
use super::within::Within;
use crate::data;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lang::Value;
use crate::lang::syntax::{Block as Written, Body};
use crate::schema::conditions::{ASSERT, POSTCONDITION, PRECONDITION};
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

/// A condition that waits for what a plan settles.
#[derive(Debug, Clone)]
pub struct Condition {
    /// True if all is well.
    value: Value,
    /// What is said if not.
    message: Option<Value>,
    /// `the check "reachable" does not hold`
    summary: String,
    /// Where the condition stands.
    span: Span,
    severity: Severity,
}

impl Condition {
    /// What is to be said about it, once what is known is put in.
    pub fn judge(&self, settle: &dyn Fn(&Value) -> Value) -> Option<Diagnostic> {
        let value = settle(&self.value);
        if value.as_bool() == Some(true) {
            return None;
        }
        let said = |summary: &str| match self.severity {
            Severity::Error => Diagnostic::error(summary),
            Severity::Warning => Diagnostic::warning(summary),
        };
        if !value.is_known() {
            let when = value
                .term()
                .map_or_else(String::new, |term| format!("{term} is known only after apply"));
            let error = Diagnostic::warning("a condition could not be looked at yet").label(&self.span, when);
            return Some(error.help("bake plan looks at it again when the image stands"));
        }
        let message = self.message.as_ref().map(settle);
        let message = message.filter(|text| !text.contains_sensitive());
        let error = message.as_ref().and_then(Value::as_str).into_iter();
        let error = error.fold(said(&self.summary), Diagnostic::note);
        Some(error.label(&self.span, "this must hold"))
    }
}

/// The conditions of a module.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Those that a plan must look at.
    pub waiting: Vec<Condition>,
}

impl Conditions {
    /// Looks at one. Answers whether it may go on: it holds, or nobody knows yet.
    pub fn look(
        &mut self,
        within: &Within<'_, '_>,
        written: &Written,
        summary: String,
        severity: Severity,
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
        let one = Condition {
            message: found.take(within.evaluate(message)),
            value,
            summary,
            span: condition.span.clone(),
            severity,
        };
        match one.value.is_known() {
            true => {
                found.extend(one.judge(&Value::clone));
                false
            }
            false => {
                self.waiting.push(one);
                true
            }
        }
    }

    /// All of one kind in a body.
    pub fn of(
        &mut self,
        within: &Within<'_, '_>,
        body: &Body,
        kind: &str,
        about: &str,
        found: &mut Diagnostics,
    ) -> bool {
        let mut all_hold = true;
        for written in body.blocks_of(kind) {
            let summary = format!("a {kind} of {about} does not hold");
            all_hold &= self.look(within, written, summary, Severity::Error, found);
        }
        all_hold
    }

    /// All of one kind in the `lifecycle` of a block.
    pub fn of_lifecycle(
        &mut self,
        within: &Within<'_, '_>,
        written: &Written,
        kind: &str,
        about: &str,
        found: &mut Diagnostics,
    ) -> bool {
        let mut all_hold = true;
        for lifecycle in written.body.blocks_of("lifecycle") {
            all_hold &= self.of(within, &lifecycle.body, kind, about, found);
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
                self.look(&names.at_top(), assert, summary, Severity::Warning, found);
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
                self.of_lifecycle(&within, written, POSTCONDITION.name, address, found);
            }
        }
    }
}

/// Whether the preconditions of a data source let it be read.
pub(super) fn may_be_read(within: &Within<'_, '_>, written: &Written, address: &str, found: &mut Diagnostics) -> bool {
    Conditions::default().of_lifecycle(within, written, PRECONDITION.name, address, found)
}
