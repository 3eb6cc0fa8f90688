//! The last lines of an apply, and its exit code.

use serde_json::json;

use super::exit::Exit;
use super::output;
use crate::apply::Report;
use crate::diagnostic::Diagnostics;
use crate::plan::{Mode, Plan};
use crate::ui::summary::Summary;
use crate::ui::{Terminal, json};
use crate::units::Duration;

/// A plan that has been carried out, as far as it could be.
pub struct Ending<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// How long it took.
    pub took: Duration,
    /// Whether programs read it.
    pub json: bool,
}

impl Ending<'_> {
    /// Says what came of it.
    pub fn say(&self, report: &Report, terminal: &Terminal) -> Exit {
        let exit = exit(report);
        let failures: Diagnostics = report
            .failures
            .iter()
            .map(|failure| failure.diagnostic.clone())
            .collect();
        match self.json {
            true => self.say_to_programs(report, exit, &failures, terminal),
            false => self.say_to_people(report, exit, &failures, terminal),
        }
        exit
    }

    fn say_to_people(&self, report: &Report, exit: Exit, failures: &Diagnostics, terminal: &Terminal) {
        let summary = Summary::new(self.plan, report);
        if exit == Exit::Done {
            if !self.plan.is_empty() {
                terminal.say(&format!("\n{}", summary.success(self.took)));
            }
            // What was destroyed has no ids any more.
            if self.plan.mode != Mode::Destroy && !report.outputs.is_empty() {
                terminal.say("");
                terminal.data(&output::written(&report.outputs));
            }
            return;
        }
        if !failures.is_empty() {
            terminal.say("");
            terminal.diagnostics(failures);
        }
        terminal.say(&format!("\n{}", summary.failure(exit.number())));
    }

    fn say_to_programs(&self, report: &Report, exit: Exit, failures: &Diagnostics, terminal: &Terminal) {
        failures
            .iter()
            .for_each(|one| terminal.data(&json::diagnostic_line(one)));
        let images: serde_json::Map<_, _> = report
            .images
            .iter()
            .map(|(address, image)| (address.to_string(), json!({ "id": image.id, "name": image.name })))
            .collect();
        let fields = json!({
            "type": "apply_summary",
            "run": report.run,
            "outcome": report.outcome,
            "elapsed": self.took,
            "images": images,
            "outputs": output::as_json(&report.outputs, output::Secrets::Hidden),
            "exit_code": exit.number(),
        });
        let summary = Summary::new(self.plan, report);
        let (level, message) = match exit {
            Exit::Done => ("info", summary.success(self.took)),
            _ => ("error", summary.failure(exit.number())),
        };
        terminal.data(&json::line(level, &message, fields));
    }
}

fn exit(report: &Report) -> Exit {
    match report.interrupted {
        Some(status) => Exit::Signal(status),
        None if report.is_done() => Exit::Done,
        None => Exit::Failed,
    }
}
