//! The first lines of a plan: what changes and why, what of it runs, what it costs; and the line that counts.

use super::words::{self, counted, listed, short};
use crate::plan::{Action, Cause, ImagePlan, Mode, Plan, StepChange};
use crate::units::Duration;

/// How many images are named for one reason, and how many reasons are given; the rest is counted.
const NAMED: usize = 6;

/// What changes and why; what of it runs; what it costs.
pub fn lines(plan: &Plan) -> Vec<String> {
    if plan.is_empty() {
        return vec![nothing(plan)];
    }
    let of = |action: Action| -> Vec<&ImagePlan> { images(plan, action) };
    let groups = [
        (Action::Replace, "rebuilt"),
        (Action::Register, "registered from what stands"),
        (Action::Promote, "promoted"),
        (Action::Update, "updated in place"),
        (Action::Destroy, "destroyed"),
    ];
    let mut what = Vec::from_iter(imported(&of(Action::Import)));
    what.extend(built(&of(Action::Build)));
    what.extend(groups.iter().filter_map(|(action, verb)| group(&of(*action), verb)));
    what.extend(retired(plan));
    let mut lines = vec![what.join(". ")];
    lines.extend(runs(plan));
    lines.push(cost(plan));
    lines
}

/// `2 to build, 0 to replace, ...`
pub fn count(plan: &Plan) -> String {
    let counts = plan.summary();
    let import = match counts.import {
        0 => String::new(),
        some => format!("{some} to import, "),
    };
    format!(
        "{import}{} to build, {} to replace, {} to register, {} to update, {} to retire, {} to destroy.",
        counts.build, counts.replace, counts.register, counts.update, counts.retire, counts.destroy
    )
}

/// Of `-refresh-only`.
pub fn drift(images: usize) -> String {
    match images {
        0 => "No drift. What stands is as bake left it.".to_owned(),
        some => format!("{} changed outside of bake.", counted(some, "image")),
    }
}

/// `during apply: 1 volume, 1 attachment, 1 mount come and go`
pub fn temporary(plan: &Plan) -> Option<String> {
    let temporary = plan.temporary();
    let count = |kind: &&str| Some(counted(*temporary.counts.get(*kind)?, kind));
    let each: Vec<String> = ["volume", "attachment", "mount"].iter().filter_map(count).collect();
    (!each.is_empty()).then(|| format!("during apply: {} come and go", each.join(", ")))
}

fn images(plan: &Plan, action: Action) -> Vec<&ImagePlan> {
    plan.images.iter().filter(|image| image.action == action).collect()
}

fn nothing(plan: &Plan) -> String {
    let number = plan.images.len();
    let verb = if number == 1 { "matches" } else { "match" };
    match (plan.mode, number) {
        (Mode::Import, _) => already(plan),
        (Mode::Destroy, _) => "No changes. There is no image to destroy.".to_owned(),
        (_, 0) => "No changes. The configuration has no images, and none stand.".to_owned(),
        _ => format!("No changes. {} {verb} the configuration.", counted(number, "image")),
    }
}

/// Of an image that need not be imported.
fn already(plan: &Plan) -> String {
    let releases = plan.images.iter().filter_map(|image| {
        let release = image.before.as_ref()?;
        let id = release.id.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(format!(
            " {id} is release {} of {} already.",
            release.number, image.address
        ))
    });
    format!("No changes.{}", releases.collect::<String>())
}

/// `1 image imported: web, from ami-0a1...`
fn imported(images: &[&ImagePlan]) -> Option<String> {
    let each: Vec<String> = images
        .iter()
        .map(|image| format!("{}{}", short(image), words::imported_from(image)))
        .collect();
    (!each.is_empty()).then(|| format!("{} to import: {}", counted(each.len(), "image"), listed(&each, NAMED)))
}

/// `2 images to build: base (from scratch), web (on base)`
fn built(images: &[&ImagePlan]) -> Option<String> {
    let each = images
        .iter()
        .map(|image| format!("{} ({})", short(image), words::origin(image)));
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| format!("{} to build: {}", counted(each.len(), "image"), listed(&each, NAMED)))
}

/// `1 image rebuilt: web, because scripts/nginx.sh changed (line 12)`; what has one reason stands together.
fn group(images: &[&ImagePlan], verb: &str) -> Option<String> {
    let each = together(images.iter().map(|image| (words::because(image), short(image))));
    let each: Vec<String> = each
        .iter()
        .map(|(reason, names)| format!("{}, {reason}", listed(names, NAMED)))
        .collect();
    let reasons = match each.len() {
        few if few <= NAMED => each.join("; "),
        many => format!(
            "{}; and {}",
            each[..NAMED].join("; "),
            counted(many - NAMED, "other reason")
        ),
    };
    (!images.is_empty()).then(|| format!("{} {verb}: {reasons}", counted(images.len(), "image")))
}

/// Names under what they have in common, in the order of their first.
fn together(all: impl Iterator<Item = (String, String)>) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for (common, name) in all {
        let index = *at.entry(common.clone()).or_insert_with(|| {
            groups.push((common, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(name);
    }
    groups
}

/// `1 release retired: web 6 (keep_releases = 2)`
fn retired(plan: &Plan) -> Option<String> {
    let kept = plan.images.iter().filter(|image| image.action != Action::Destroy);
    let gone = kept.flat_map(|image| {
        let name = short(image);
        image
            .retire
            .iter()
            .map(move |gone| format!("{name} {} ({})", gone.release, gone.reason))
    });
    let each: Vec<String> = gone.collect();
    (!each.is_empty()).then(|| format!("{} retired: {}", counted(each.len(), "release"), listed(&each, NAMED)))
}

/// `Of web 1 of 2 steps changed; all run; image.base is not touched.`; that nothing stands yet.
fn runs(plan: &Plan) -> Option<String> {
    let each = together(
        images(plan, Action::Replace)
            .into_iter()
            .map(|image| (again(image), short(image))),
    );
    let each: Vec<String> = each
        .iter()
        .map(|(what, names)| what.replace("{}", &listed(names, NAMED)))
        .collect();
    let first = plan.world.is_empty().then(|| {
        let owner = &plan.owner;
        format!(
            "Nothing exists yet in project {}, workspace {}.",
            owner.project, owner.workspace
        )
    });
    let shown = each.iter().take(NAMED).cloned().chain(first);
    let more = (each.len() > NAMED).then(|| format!("So for {} more.", counted(each.len() - NAMED, "image")));
    let all: Vec<String> = shown.chain(more).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What of an image runs; `{}` stands for its name.
fn again(image: &ImagePlan) -> String {
    let steps: Vec<_> = image
        .steps
        .iter()
        .filter(|step| step.change != StepChange::Removed)
        .collect();
    let own: Vec<StepChange> = steps
        .iter()
        .map(|step| step.change)
        .filter(|change| is_own(*change))
        .collect();
    let base_changes = image.causes.iter().any(|cause| matches!(cause, Cause::Base { .. }));
    let from = match words::base(image) {
        Some(base) if base_changes => format!(" on the new {base}"),
        Some(base) => format!("; {base} is not touched"),
        None => String::new(),
    };
    let count = counted(steps.len(), "step");
    match (own.len(), steps.len()) {
        (0, 1) => format!("Of {{}} the step runs again{from}."),
        (0, _) => format!("Of {{}} the {count} run again{from}."),
        (number, _) => format!("Of {{}} {number} of {count} {}; all run{from}.", fate(&own)),
    }
}

fn is_own(change: StepChange) -> bool {
    matches!(change, StepChange::Added | StepChange::Changed | StepChange::Moved)
}

/// What became of steps that are not as they were.
fn fate(own: &[StepChange]) -> &'static str {
    let all = |change| own.iter().all(|one| *one == change);
    match own.len() {
        _ if all(StepChange::Changed) => "changed",
        _ if all(StepChange::Moved) => "moved",
        1 => "is new",
        _ if all(StepChange::Added) => "are new",
        _ => "are new, changed or moved",
    }
}

/// `About 3m 40s (as the last builds took), 2 snapshots of at most 8 GiB.`
fn cost(plan: &Plan) -> String {
    let built = |image: &&ImagePlan| matches!(image.action, Action::Build | Action::Replace);
    let images: Vec<&ImagePlan> = plan.images.iter().filter(built).collect();
    if images.is_empty() && plan.mode == Mode::Import {
        return match plan.temporary().counts.contains_key("volume") {
            true => "The disk is copied into the store; no step runs.".to_owned(),
            false => "Tags are written on the image and its snapshots; no step runs.".to_owned(),
        };
    }
    if images.is_empty() {
        return "Nothing is built: no step runs, no snapshot is made.".to_owned();
    }
    let known: std::time::Duration = images
        .iter()
        .filter_map(|image| image.estimate)
        .map(Duration::as_std)
        .sum();
    let all_known = images.iter().all(|image| image.estimate.is_some());
    let time = match (known.is_zero(), all_known) {
        (true, _) => "No earlier build to learn the time from".to_owned(),
        (_, true) => format!("About {} (as the last builds took)", Duration::from(known)),
        _ => format!(
            "More than {} (some are built for the first time)",
            Duration::from(known)
        ),
    };
    let temporary = plan.temporary();
    let snapshots = temporary.counts.get("volume").copied().unwrap_or(0);
    let size = temporary
        .size
        .map(|size| format!(" of at most {size}"))
        .unwrap_or_default();
    format!("{time}; {}{size}.", counted(snapshots, "snapshot"))
}
