//! What becomes of one image: its block with signs in the gutter, and the releases that go.

use std::collections::BTreeMap;

use super::page::{Block, Gone, Line};
use super::values;
use super::words::{self, counted};
use crate::address::ImageAddress;
use crate::plan::causes::block_of;
use crate::plan::compare::{flatten, unchanged};
use crate::plan::{Action, Change, ImagePlan, StepChange, StepPlan};
use crate::schema::{Class, RecordedFile};
use crate::ui::diff;

/// The block of an image; `all` are those of the plan, among which causes are followed.
pub fn block(image: &ImagePlan, all: &BTreeMap<&ImageAddress, &ImagePlan>) -> Block {
    let mut body = Body::default();
    match image.action {
        Action::None | Action::Destroy => {}
        Action::Import => body.imported(image),
        Action::Build => body.built(image),
        _ if image.before.is_none() => body.built(image),
        _ => body.changed(image),
    }
    let shown = !matches!(image.action, Action::None | Action::Destroy);
    Block {
        address: image.address.clone(),
        action: image.action,
        sign: words::sign(image),
        title: if shown { words::title(image) } else { String::new() },
        causes: if shown { words::chain(image, all) } else { Vec::new() },
        label: label(image),
        lines: body.lines,
        gone: image.retire.iter().map(|gone| retired(image, gone)).collect(),
    }
}

/// What was changed outside of bake.
pub fn drifted(image: &ImagePlan) -> Block {
    let mut body = Body::default();
    body.nested(&image.drift.iter().collect::<Vec<_>>());
    Block {
        address: image.address.clone(),
        action: Action::Update,
        sign: "~",
        title: format!("{} was changed outside of bake", image.address),
        causes: Vec::new(),
        label: label(image),
        lines: body.lines,
        gone: Vec::new(),
    }
}

/// `image "web"`, `image "web" ["arm64"]`.
fn label(image: &ImagePlan) -> String {
    let key = image
        .address
        .key
        .iter()
        .map(|key| format!(" [{key:?}]"))
        .collect::<String>();
    format!("image {:?}{key}", image.address.name)
}

fn retired(image: &ImagePlan, gone: &crate::plan::Retirement) -> Gone {
    let fate = match image.action {
        Action::Destroy => "will be destroyed".to_owned(),
        _ => format!("will be retired ({})", gone.reason),
    };
    let snapshots = counted(gone.snapshots, "snapshot");
    Gone {
        title: format!("{} release {} {fate}", image.address, gone.release),
        what: format!("{} {}, {snapshots}", gone.id, gone.name),
    }
}

/// Lines within the braces.
#[derive(Default)]
struct Body {
    lines: Vec<Line>,
    /// Whether the image is built again, so that its steps are shown one by one.
    rebuilds: bool,
}

impl Body {
    fn line(&mut self, depth: usize, sign: &'static str, text: impl Into<String>) {
        self.lines.push(Line::new(depth, sign, text));
    }

    /// A first build: what it will be, and its steps by number.
    fn built(&mut self, image: &ImagePlan) {
        let Some(after) = &image.after else { return };
        let mut rows: Vec<(String, String)> = Vec::new();
        let name = after.name.as_ref().map(|name| format!("{name:?}"));
        rows.push(("name".into(), name.unwrap_or_else(|| "(known after apply)".into())));
        rows.extend(words::source(image.after.as_ref()).map(|(_, text)| ("source".into(), text)));
        let own = after.spec.arguments.iter();
        for (name, argument) in own.filter(|(name, _)| !matches!(name.as_str(), "name" | "provider")) {
            match (name.as_str(), argument.by_default) {
                ("architecture", true) if words::base(image).is_none() => {
                    rows.push((name.clone(), format!("{}  # this host's", values::argument(argument))));
                }
                (_, true) => {}
                _ => rows.push((name.clone(), values::argument(argument))),
            }
        }
        rows.extend(
            after
                .digest
                .map(|digest| ("digest".into(), format!("{:?}", digest.short()))),
        );
        self.rows(0, "+", &rows);
        self.numbered(&image.steps);
        self.published(image);
    }

    /// An image that bake did not make: what it says of itself, and that this is all that is known.
    fn imported(&mut self, image: &ImagePlan) {
        let Some(after) = &image.after else { return };
        let mut rows = vec![("release".to_owned(), after.number.to_string())];
        rows.extend(after.id.as_ref().map(|id| ("id".to_owned(), format!("{:?}", id.0))));
        rows.extend(after.name.as_ref().map(|name| ("name".to_owned(), format!("{name:?}"))));
        let known = flatten(&after.spec);
        rows.extend(known.iter().map(|(path, one)| (path.clone(), values::argument(one))));
        self.rows(0, "", &rows);
        let note = format!(
            "# what is on its disk is not known: the next plan builds release {} as the module says",
            after.number + 1
        );
        self.lines.push(Line::new(0, "", note).dimmed());
    }

    fn rows(&mut self, depth: usize, sign: &'static str, rows: &[(String, String)]) {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in rows {
            self.line(depth, sign, format!("{name:width$} = {value}"));
        }
    }

    fn numbered(&mut self, steps: &[StepPlan]) {
        let places = steps.len().to_string().len();
        let width = steps.iter().map(|step| heading(step).len()).max().unwrap_or(0);
        for (index, step) in steps.iter().enumerate() {
            let line = format!("{:>places$}  {:width$}  {}", index + 1, heading(step), step.summary);
            self.line(0, "", line);
        }
    }

    /// Registration and publication, block by block.
    fn published(&mut self, image: &ImagePlan) {
        let Some(after) = &image.after else { return };
        let outward = |class: Class| matches!(class, Class::Registration | Class::Keys | Class::Mutable);
        let all = flatten(&after.spec);
        let shown = all
            .iter()
            .filter(|(_, argument)| outward(argument.class) && !argument.by_default);
        let split = shown.filter_map(|(path, argument)| {
            let (block, name) = path.rsplit_once('.')?;
            Some((block, (name.to_owned(), values::argument(argument))))
        });
        for (block, rows) in grouped(split) {
            self.line(0, "+", format!("{block} {{"));
            self.rows(1, "+", &rows);
            self.line(0, "", "}");
        }
    }

    /// A release in the place of another: what differs, and what of it runs.
    fn changed(&mut self, image: &ImagePlan) {
        let (Some(before), Some(after)) = (&image.before, &image.after) else {
            return;
        };
        let mut rows = Vec::new();
        if let (Some(old), Some(new)) = (&before.name, &after.name)
            && old != new
        {
            rows.push(("name".to_owned(), format!("{old:?} -> {new:?}")));
        }
        if before.number != after.number {
            rows.push(("release".to_owned(), format!("{} -> {}", before.number, after.number)));
        }
        if let Some(from) = &image.moved_from {
            rows.push(("address".to_owned(), format!("{from} -> {}", image.address)));
        }
        self.rows(0, "~", &rows);
        self.rebuilds = image.action == Action::Replace;
        let elsewhere = |change: &&Change| self.rebuilds && in_step(image, change);
        let own = image
            .changes
            .iter()
            .filter(|change| !elsewhere(change) && change.path != "name");
        let own: Vec<&Change> = own.collect();
        self.nested(&own);
        if self.rebuilds {
            let width = image.steps.iter().map(|step| heading(step).len()).max().unwrap_or(0);
            image.steps.iter().for_each(|step| self.step(image, step, width));
        }
        let hidden = unchanged(&after.spec, &image.changes);
        if hidden > 0 {
            let text = format!("# ({} hidden)", counted(hidden, "unchanged argument"));
            self.lines.push(Line::new(0, "", text).dimmed());
        }
    }

    /// Changed arguments under the blocks in which they lie.
    fn nested(&mut self, changes: &[&Change]) {
        let split = changes.iter().map(|change| match change.path.rsplit_once('.') {
            None => ("", (change.path.as_str(), *change)),
            Some((block, name)) => (block, (name, *change)),
        });
        for (block, all) in grouped(split) {
            if block.is_empty() {
                self.aligned(&all, 0);
                continue;
            }
            self.line(0, "~", format!("{block} {{"));
            self.aligned(&all, 1);
            self.line(0, "", "}");
        }
    }

    fn aligned(&mut self, changes: &[(&str, &Change)], depth: usize) {
        let width = changes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        changes
            .iter()
            .for_each(|(name, change)| self.change(change, name, width, depth));
    }

    fn step(&mut self, image: &ImagePlan, step: &StepPlan, width: usize) {
        let title = heading(step);
        let took = step.took.map(|took| format!(" ({took})")).unwrap_or_default();
        match step.change {
            StepChange::Same => self.line(0, "", format!("{title:width$}  same{took}")),
            StepChange::Again => self.line(0, "", format!("{title:width$}  same, after what changed{took}")),
            StepChange::Moved => self.line(
                0,
                "~",
                format!("{title:width$}  moved {}{took}", neighbour(image, step)),
            ),
            StepChange::Removed => self.own_block(image, step, "-", &title),
            StepChange::Added => self.own_block(image, step, "+", &format!("{title:width$}  {}", step.summary)),
            StepChange::Changed => self.own_block(image, step, "~", &format!("{title}  # forces rebuild{took}")),
        }
    }

    /// A step with its arguments that differ.
    fn own_block(&mut self, image: &ImagePlan, step: &StepPlan, sign: &'static str, title: &str) {
        let block = block_of(&step.name);
        let own = image.changes.iter();
        let own = own.filter(|change| change.class.is_content() && change.lies_in(&block));
        let named = own.map(|change| {
            let name = change.path.strip_prefix(&block).unwrap_or(&change.path);
            (name.trim_start_matches('.'), change)
        });
        let named: Vec<(&str, &Change)> = named.collect();
        if named.is_empty() {
            return self.line(0, sign, title);
        }
        let opened = match title.split_once("  ") {
            Some((title, rest)) if rest.starts_with('#') => format!("{title} {{  {rest}"),
            Some((title, rest)) => format!("{title} {{  # {}", rest.trim_start()),
            None => format!("{title} {{"),
        };
        self.line(0, sign, opened);
        self.aligned(&named, 1);
        self.line(0, "", "}");
    }

    /// One argument: files and long texts as line diffs, maps by their keys, others on one line.
    fn change(&mut self, change: &Change, name: &str, width: usize, depth: usize) {
        let files = change.files();
        if !files.is_empty() {
            files
                .into_iter()
                .for_each(|(before, after)| self.file(before, after, depth));
        } else if let Some((before, after)) = values::texts(change) {
            self.line(depth, "~", name);
            self.lines.extend(diff::lines(&before, &after, depth + 1));
        } else if let Some(entries) = values::entries(change) {
            self.line(depth, "~", format!("{name} = {{"));
            let wide = entries.iter().map(|entry| entry.key.len()).max().unwrap_or(0);
            for entry in &entries {
                self.line(depth + 1, entry.sign, format!("{:wide$} = {}", entry.key, entry.value));
            }
            self.line(depth, "", "}");
        } else {
            let forces = if self.rebuilds && depth == 0 && change.class.is_content() {
                "  # forces rebuild"
            } else {
                ""
            };
            let value = values::change(change);
            self.line(depth, values::sign(change), format!("{name:width$} = {value}{forces}"));
        }
    }

    fn file(&mut self, before: Option<&RecordedFile>, after: Option<&RecordedFile>, depth: usize) {
        let sign = match (before, after) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "~",
        };
        let Some(file) = after.or(before) else { return };
        self.line(
            depth,
            sign,
            crate::ui::printable::clean(&file.path.display().to_string()),
        );
        let text = |file: Option<&RecordedFile>| file.map_or(Some(String::new()), |file| file.text.clone());
        match (sign, text(before), text(after)) {
            ("~", Some(before), Some(after)) if before != after => {
                self.lines.extend(diff::lines(&before, &after, depth + 1));
            }
            ("~", Some(_), Some(_)) => self.line(depth + 1, "", "# its executable bit changed"),
            ("~", ..) => self.line(depth + 1, "", "# text not recorded"),
            ("+", Some(before), Some(after)) => self.lines.extend(diff::lines(&before, &after, depth + 1)),
            _ => {}
        }
    }
}

/// Whether a change is shown within the step that it belongs to.
fn in_step(image: &ImagePlan, change: &Change) -> bool {
    change.class.is_content() && image.steps.iter().any(|step| change.lies_in(&block_of(&step.name)))
}

/// Where a moved step stands now.
fn neighbour(image: &ImagePlan, step: &StepPlan) -> String {
    let at = image.steps.iter().position(|one| one.name == step.name).unwrap_or(0);
    match at.checked_sub(1).and_then(|before| image.steps.get(before)) {
        Some(before) => format!("behind {}", heading(before)),
        None => "to the front".to_owned(),
    }
}

/// What has one key stands together, in the order of the first of each.
fn grouped<'k, T>(all: impl Iterator<Item = (&'k str, T)>) -> Vec<(&'k str, Vec<T>)> {
    let mut groups: Vec<(&str, Vec<T>)> = Vec::new();
    for (key, one) in all {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}

/// `provision "nginx"`, `bootstrap`.
fn heading(step: &StepPlan) -> String {
    match parts(&step.name) {
        (kind, "") => kind.to_owned(),
        (kind, label) => format!("{kind} {label:?}"),
    }
}

/// Kind and label of a node.
fn parts(node: &str) -> (&str, &str) {
    let (kind, rest) = node.split_once("[\"").unwrap_or((node, ""));
    (kind, rest.strip_suffix("\"]").unwrap_or(rest))
}
