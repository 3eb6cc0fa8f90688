//! What becomes of the outputs of a module.

use super::page::Line;
use super::values;
use crate::lang::Value;
use crate::plan::{Mode, Plan, PlannedOutput};

/// A line per output that has another value afterwards, or none yet.
pub fn lines(plan: &Plan) -> Vec<Line> {
    if plan.is_empty() || plan.mode != Mode::Normal {
        return Vec::new();
    }
    let shown: Vec<(&String, &PlannedOutput)> = plan.outputs.iter().filter(|(_, output)| changes(output)).collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, output): &(&String, &PlannedOutput)| {
        let after = text(&output.value);
        match &output.before {
            None => Line::new(0, "+", format!("{name:width$} = {after}")),
            Some(before) => Line::new(0, "~", format!("{name:width$} = {} -> {after}", text(before))),
        }
    };
    shown.iter().map(line).collect()
}

/// An output that is known and was the same before says nothing about the plan.
fn changes(output: &PlannedOutput) -> bool {
    output.before.is_some() || !output.value.is_wholly_known()
}

fn text(value: &Value) -> String {
    if value.contains_sensitive() {
        return "(sensitive value)".to_owned();
    }
    match value.leaves().iter().next() {
        Some((of, _)) => format!("(known after {of})"),
        None => values::json(&value.to_json()),
    }
}
