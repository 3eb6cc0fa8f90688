//! What becomes of one image: its block with signs in the gutter, and the releases that go.

use super::values;
use super::words::{self, counted};
use crate::plan::causes::block_of;
use crate::plan::compare::{flatten, unchanged};
use crate::plan::{Action, Change, ImagePlan, Plan, StepChange, StepPlan};
use crate::schema::Class;
use crate::ui::diff;
use crate::ui::paint::{self, BOLD, DIM};

/// The block of an image; empty for one that nothing happens to.
pub fn render(_plan: &Plan, image: &ImagePlan) -> String {
    let mut text = match image.action {
        Action::None => String::new(),
        Action::Destroy => String::new(),
        _ => block(image),
    };
    text.push_str(&retired(image));
    text
}

fn block(image: &ImagePlan) -> String {
    let mut body = Body::default();
    match image.action {
        Action::Build => body.built(image),
        _ if image.before.is_none() => body.built(image),
        _ => body.changed(image),
    }
    let title = paint::with(BOLD, &format!("# {}", words::title(image)));
    let label = image_label(image);
    format!(
        "\n  {title}\n{} image {label} {{\n{}    }}\n",
        gutter(words::sign(image)),
        body.text
    )
}

/// `"web"`, `"web" ["arm64"]`.
fn image_label(image: &ImagePlan) -> String {
    let key = image
        .address
        .key
        .iter()
        .map(|key| format!(" [{key:?}]"))
        .collect::<String>();
    format!("{:?}{key}", image.address.name)
}

/// A sign in three columns, right behind it a blank.
fn gutter(sign: &str) -> String {
    format!("{}{}", " ".repeat(3 - sign.len().min(3)), paint::sign(sign))
}

/// What was changed outside of bake.
pub fn drifted(image: &ImagePlan) -> String {
    let mut body = Body::default();
    image
        .changes
        .iter()
        .for_each(|change| body.change(change, &change.path, 0));
    let title = paint::with(BOLD, &format!("# {} was changed outside of bake", image.address));
    format!(
        "\n  {title}\n{} image {} {{\n{}    }}\n",
        gutter("~"),
        image_label(image),
        body.text
    )
}

/// Lines within the braces: signs begin in column 7.
#[derive(Default)]
struct Body {
    text: String,
}

const INDENT: usize = 6;

impl Body {
    fn line(&mut self, depth: usize, sign: &str, text: &str) {
        let sign = if sign.is_empty() { " ".into() } else { paint::sign(sign) };
        let line = format!("{:1$}{sign} {text}", "", INDENT + 4 * depth);
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A first build: what it will be, and its steps by number.
    fn built(&mut self, image: &ImagePlan) {
        let Some(after) = &image.after else { return };
        let mut rows: Vec<(String, String)> = Vec::new();
        let name = after.name.as_ref().map(|name| format!("{name:?}"));
        rows.push(("name".into(), name.unwrap_or_else(|| "(known after apply)".into())));
        rows.extend(words::source(image.after.as_ref()).map(|(_, text)| ("source".into(), text)));
        let own = after
            .spec
            .arguments
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "name" | "provider"));
        for (name, argument) in own {
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

    fn rows(&mut self, depth: usize, sign: &str, rows: &[(String, String)]) {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in rows {
            self.line(depth, sign, &format!("{name:width$} = {value}"));
        }
    }

    fn numbered(&mut self, steps: &[StepPlan]) {
        let places = steps.len().to_string().len();
        let width = steps.iter().map(|step| heading(step).len()).max().unwrap_or(0);
        for (index, step) in steps.iter().enumerate() {
            let line = format!("{:>places$}  {:width$}  {}", index + 1, heading(step), step.summary);
            self.line(0, "", &line);
        }
    }

    /// Registration and publication, block by block.
    fn published(&mut self, image: &ImagePlan) {
        let Some(after) = &image.after else { return };
        let outward = |class: Class| matches!(class, Class::Registration | Class::Keys | Class::Mutable);
        let all = flatten(&after.spec);
        let shown = all
            .iter()
            .filter(|(path, argument)| path.contains('.') && outward(argument.class) && !argument.by_default);
        let mut blocks: Vec<(&str, Vec<(String, String)>)> = Vec::new();
        for (path, argument) in shown {
            let Some((block, name)) = path.rsplit_once('.') else {
                continue;
            };
            let row = (name.to_owned(), values::argument(argument));
            match blocks.iter_mut().find(|(known, _)| *known == block) {
                Some((_, rows)) => rows.push(row),
                None => blocks.push((block, vec![row])),
            }
        }
        for (block, rows) in blocks {
            self.line(0, "+", &format!("{block} {{"));
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
        let in_step = |change: &&Change| {
            change.class.is_content() && image.steps.iter().any(|step| change.lies_in(&block_of(&step.name)))
        };
        let own = image
            .changes
            .iter()
            .filter(|change| !in_step(change) && change.path != "name");
        own.for_each(|change| self.change(change, &change.path, 0));
        if image.action == Action::Replace {
            let widths = image.steps.iter().map(|step| heading(step).len()).max().unwrap_or(0);
            image.steps.iter().for_each(|step| self.step(image, step, widths));
        }
        let hidden = unchanged(&after.spec, &image.changes);
        if hidden > 0 {
            let line = format!("# ({} hidden)", counted(hidden, "unchanged argument"));
            self.line(0, "", &paint::with(DIM, &line));
        }
    }

    fn step(&mut self, image: &ImagePlan, step: &StepPlan, width: usize) {
        let title = heading(step);
        let changes: Vec<&Change> = image
            .changes
            .iter()
            .filter(|change| change.class.is_content() && change.lies_in(&block_of(&step.name)))
            .collect();
        match step.change {
            StepChange::Same => self.line(0, "", &format!("{title:width$}  same")),
            StepChange::Again => self.line(0, "", &format!("{title:width$}  same, after what changed")),
            StepChange::Removed => self.line(0, "-", &title),
            StepChange::Added => self.line(0, "+", &format!("{title:width$}  {}", step.summary)),
            StepChange::Changed => {
                self.line(0, "~", &format!("{title} {{"));
                let block = block_of(&step.name);
                for change in changes {
                    let name = change
                        .path
                        .strip_prefix(&block)
                        .unwrap_or(&change.path)
                        .trim_start_matches('.');
                    self.change(change, name, 1);
                }
                self.line(0, "", "}");
            }
        }
    }

    /// One argument: files and long texts as line diffs, others on one line.
    fn change(&mut self, change: &Change, name: &str, depth: usize) {
        let files = change.files();
        if !files.is_empty() {
            for (before, after) in files {
                let sign = match (before, after) {
                    (None, _) => "+",
                    (_, None) => "-",
                    _ => "~",
                };
                let Some(path) = after.or(before).map(|file| file.path.display().to_string()) else {
                    continue;
                };
                self.line(depth, sign, &path);
                let text = |file: Option<&crate::schema::RecordedFile>| {
                    file.map_or(Some(String::new()), |file| file.text.clone())
                };
                match (sign, text(before), text(after)) {
                    ("~", Some(before), Some(after)) if before != after => self.diff(&before, &after, depth),
                    ("~", Some(_), Some(_)) => self.line(depth + 1, "", "# its executable bit changed"),
                    ("~", ..) => self.line(depth + 1, "", "# text not recorded"),
                    _ => {}
                }
            }
        } else if let Some((before, after)) = values::texts(change) {
            self.line(depth, "~", name);
            self.diff(&before, &after, depth);
        } else {
            self.line(
                depth,
                values::sign(change),
                &format!("{name} = {}", values::change(change)),
            );
        }
    }

    fn diff(&mut self, before: &str, after: &str, depth: usize) {
        self.text
            .push_str(&diff::lines(before, after, INDENT + 4 * (depth + 1)));
    }
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

fn retired(image: &ImagePlan) -> String {
    let mut text = String::new();
    for gone in &image.retire {
        let title = match image.action {
            Action::Destroy => format!("# {} release {} will be destroyed", image.address, gone.release),
            _ => format!(
                "# {} release {} will be retired ({})",
                image.address, gone.release, gone.reason
            ),
        };
        let snapshots = counted(gone.snapshots, "snapshot");
        text.push_str(&format!("\n  {}\n", paint::with(BOLD, &title)));
        text.push_str(&format!("{}   {} {}, {snapshots}\n", gutter("-"), gone.id, gone.name));
    }
    text
}
