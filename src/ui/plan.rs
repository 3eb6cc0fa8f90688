//! A plan as text: what changes, why, and what it costs; each image; what comes and goes; and the line that counts.

pub mod image;
mod json;
pub mod values;
pub mod words;

use super::paint::{self, BOLD, DIM};
use crate::plan::{Action, Cause, ImagePlan, Mode, Plan, StepChange};
pub use json::json;
use words::{counted, short};

/// How much is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// Everything.
    #[default]
    Whole,
    /// `-concise`: what changes and why, and the line that counts.
    Concise,
}

/// The text of a plan, with escape sequences for colours.
pub fn text(plan: &Plan, view: View) -> String {
    if plan.mode == Mode::RefreshOnly {
        return drift(plan);
    }
    if plan.is_empty() {
        return nothing(plan);
    }
    let mut text = header(plan);
    if view == View::Whole {
        for image in &plan.images {
            text.push_str(&image::render(plan, image));
        }
        text.push_str(&temporary(plan));
    }
    text.push_str(&format!("\n{}\n", summary(plan)));
    text
}

/// `Plan: 1 to build, 0 to replace, ...`
pub fn summary(plan: &Plan) -> String {
    let counts = plan.summary();
    let text = format!(
        "{} to build, {} to replace, {} to register, {} to update, {} to retire, {} to destroy.",
        counts.build, counts.replace, counts.register, counts.update, counts.retire, counts.destroy
    );
    format!("{} {text}", paint::with(BOLD, "Plan:"))
}

fn nothing(plan: &Plan) -> String {
    let number = plan.images.len();
    let verb = if number == 1 { "matches" } else { "match" };
    match (plan.mode, number) {
        (Mode::Destroy, _) => "No changes. There is no image to destroy.\n".to_owned(),
        (_, 0) => "No changes. The configuration has no images, and none stand.\n".to_owned(),
        _ => format!("No changes. {} {verb} the configuration.\n", counted(number, "image")),
    }
}

/// What was changed outside of bake.
fn drift(plan: &Plan) -> String {
    let moved: Vec<&ImagePlan> = plan.images.iter().filter(|image| !image.changes.is_empty()).collect();
    if moved.is_empty() {
        return "No drift. What stands is as bake left it.\n".to_owned();
    }
    let mut text = format!("{} changed outside of bake.\n", counted(moved.len(), "image"));
    moved.iter().for_each(|one| text.push_str(&image::drifted(one)));
    text
}

/// Causes before the list.
fn header(plan: &Plan) -> String {
    let mut lines = Vec::new();
    let of =
        |action: Action| -> Vec<&ImagePlan> { plan.images.iter().filter(|image| image.action == action).collect() };
    let built = of(Action::Build);
    if !built.is_empty() {
        let each: Vec<String> = built
            .iter()
            .map(|image| format!("{} ({})", short(image), words::origin(image)))
            .collect();
        lines.push(format!(
            "{} to build: {}",
            counted(built.len(), "image"),
            each.join(", ")
        ));
    }
    let groups = [
        (Action::Replace, "rebuilt"),
        (Action::Register, "registered from what stands"),
        (Action::Promote, "promoted"),
        (Action::Update, "updated in place"),
        (Action::Destroy, "destroyed"),
    ];
    for (action, verb) in groups {
        lines.extend(group(&of(action), verb));
    }
    lines.extend(retired(plan));
    lines.extend(of(Action::Replace).into_iter().map(again));
    if plan.world.is_empty() {
        let owner = &plan.owner;
        lines.push(format!(
            "Nothing exists yet in project {}, workspace {}.",
            owner.project, owner.workspace
        ));
    }
    lines.extend(cost(plan));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// `1 image rebuilt: web, because scripts/nginx.sh changed (line 12)`; what has one reason stands together.
fn group(images: &[&ImagePlan], verb: &str) -> Option<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for image in images {
        let reason = words::because(image);
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(short(image)),
            None => reasons.push((reason, vec![short(image)])),
        }
    }
    let each: Vec<String> = reasons
        .iter()
        .map(|(reason, names)| format!("{}, {reason}", names.join(", ")))
        .collect();
    (!images.is_empty()).then(|| format!("{} {verb}: {}", counted(images.len(), "image"), each.join("; ")))
}

/// `1 of 2 steps of web is new or changed; all run; image.base is not touched.`
fn again(image: &ImagePlan) -> String {
    let steps: Vec<_> = image
        .steps
        .iter()
        .filter(|step| step.change != StepChange::Removed)
        .collect();
    let own = steps
        .iter()
        .filter(|step| matches!(step.change, StepChange::Added | StepChange::Changed))
        .count();
    let base_changes = image.causes.iter().any(|cause| matches!(cause, Cause::Base { .. }));
    let from = match words::base(image) {
        Some(base) if base_changes => format!(" on the new {base}"),
        Some(base) => format!("; {base} is not touched"),
        None => String::new(),
    };
    let (count, name) = (counted(steps.len(), "step"), short(image));
    match (own, steps.len()) {
        (0, 1) => format!("The step of {name} runs again{from}."),
        (0, _) => format!("The {count} of {name} run again{from}."),
        (1, _) => format!("1 of {count} of {name} is new or changed; all run{from}."),
        _ => format!("{own} of {count} of {name} are new or changed; all run{from}."),
    }
}

/// `1 release retired: web 6 (keep_releases = 2)`
fn retired(plan: &Plan) -> Option<String> {
    let of = |image: &ImagePlan| -> Vec<String> {
        let name = short(image);
        image
            .retire
            .iter()
            .map(|gone| format!("{name} {} ({})", gone.release, gone.reason))
            .collect()
    };
    let kept = plan.images.iter().filter(|image| image.action != Action::Destroy);
    let each: Vec<String> = kept.flat_map(of).collect();
    (!each.is_empty()).then(|| format!("{} retired: {}", counted(each.len(), "release"), each.join(", ")))
}

/// `About 3m 40s (as long as the last build), 2 snapshots, at most 8 GiB.`
fn cost(plan: &Plan) -> Option<String> {
    let built = |image: &&ImagePlan| matches!(image.action, Action::Build | Action::Replace);
    let images: Vec<&ImagePlan> = plan.images.iter().filter(built).collect();
    if images.is_empty() {
        return None;
    }
    let known: std::time::Duration = images
        .iter()
        .filter_map(|image| image.estimate)
        .map(|took| took.as_std())
        .sum();
    let all_known = images.iter().all(|image| image.estimate.is_some());
    let time = match (known.is_zero(), all_known) {
        (true, _) => "No earlier build to learn the time from".to_owned(),
        (_, true) => format!(
            "About {} (as the last builds took)",
            crate::units::Duration::from(known)
        ),
        _ => format!(
            "More than {} (some are built for the first time)",
            crate::units::Duration::from(known)
        ),
    };
    let snapshots = plan.temporary().counts.get("volume").copied().unwrap_or(0);
    let size = plan
        .temporary()
        .size
        .map(|size| format!(" of at most {size}"))
        .unwrap_or_default();
    Some(format!("{time}; {}{size}.", counted(snapshots, "snapshot")))
}

fn temporary(plan: &Plan) -> String {
    let temporary = plan.temporary();
    let kinds = ["volume", "attachment", "mount"];
    let each: Vec<String> = kinds
        .iter()
        .filter_map(|kind| temporary.counts.get(*kind).map(|count| counted(*count, kind)))
        .collect();
    match each.is_empty() {
        true => String::new(),
        false => {
            let line = format!("  during apply: {} come and go", each.join(", "));
            format!("\n{}\n", paint::with(DIM, &line))
        }
    }
}
