//! What an apply came to, in its last lines.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{Address, ImageAddress};
use crate::apply::Report;
use crate::nodes::{Lifetime, NodeData, NodeKind};
use crate::plan::steps::Fate;
use crate::plan::{Action, Plan};
use crate::units::Duration;

/// The kinds of node whose teardown is worth counting, in the order in which they are told.
const TOLD: &[(NodeKind, &str)] = &[
    (NodeKind::Mount, "mount"),
    (NodeKind::Attachment, "attachment"),
    (NodeKind::Volume, "volume"),
];

/// What became of each image and of what stood meanwhile.
#[derive(Debug, Default)]
pub struct Summary {
    images: Vec<Outcome>,
    /// Releases that went because newer ones stand.
    retired: usize,
    /// Of images that did not come to be: what had been opened and is closed again.
    torn: BTreeMap<NodeKind, usize>,
    stuck: Vec<Address>,
    kept: BTreeSet<ImageAddress>,
    resumable: Vec<Address>,
}

/// What became of an image.
#[derive(Debug)]
struct Outcome {
    image: ImageAddress,
    action: Action,
    done: bool,
    /// Of the new image.
    id: Option<String>,
}

impl Summary {
    /// Of a plan and what came of it.
    pub fn new(plan: &Plan, report: &Report) -> Summary {
        let fates: BTreeMap<_, _> = report.nodes.iter().map(|node| (&node.address, node.fate)).collect();
        let changed = plan.images.iter().filter(|image| image.action != Action::None);
        let images: Vec<Outcome> = changed
            .map(|image| Outcome {
                image: image.address.clone(),
                action: image.action,
                done: wanted(plan, &image.address).all(|node| fates.get(node) == Some(&Fate::Done)),
                id: report
                    .images
                    .get(&image.address.itself())
                    .map(|made| made.id.to_string()),
            })
            .collect();
        let whole = |address: &Address| images.iter().any(|one| one.done && one.image == address.image);
        let destroyed = |address: &Address| {
            images
                .iter()
                .any(|one| one.action == Action::Destroy && one.image == address.image)
        };
        let mut summary = Summary::default();
        for node in &report.nodes {
            match (node.fate, node.kind) {
                (Fate::Done, NodeKind::Retire) if is_release(&node.address) && !destroyed(&node.address) => {
                    summary.retired += 1;
                }
                (Fate::Done, kind) if !whole(&node.address) => *summary.torn.entry(kind).or_default() += 1,
                (Fate::Stuck, _) => summary.stuck.push(node.address.clone()),
                (Fate::Kept, _) => drop(summary.kept.insert(node.address.image.clone())),
                (Fate::Resumable, _) => summary.resumable.push(node.address.clone()),
                _ => {}
            }
        }
        Summary { images, ..summary }
    }

    /// `Applied in 3m 31s: 2 built. Nothing is left running.`
    pub fn success(&self, took: Duration) -> String {
        let counts = self.counts();
        let what = if counts.is_empty() {
            "nothing to do".to_owned()
        } else {
            counts.join(", ")
        };
        format!("Applied in {took}: {what}. Nothing is left running.")
    }

    /// What was torn down, what is left, and what became of each image.
    pub fn failure(&self, exit_code: u8) -> String {
        let mut lines = vec![self.teardown()];
        lines.extend(
            self.resumable
                .iter()
                .map(|at| format!("Kept: {at}, whole; the next apply goes on from it.")),
        );
        let each: Vec<String> = self.images.iter().map(Outcome::sentence).collect();
        lines.push(format!("{}. Exit code {exit_code}.", each.join("; ")));
        lines.join("\n")
    }

    /// `Torn down: 3 mounts, 1 attachment, 1 volume. Nothing is left.`
    fn teardown(&self) -> String {
        let number = |kind| self.torn.get(kind).copied().filter(|number| *number > 0);
        let told = TOLD
            .iter()
            .filter_map(|(kind, noun)| number(kind).map(|number| counted(number, noun)));
        let told: Vec<_> = told.collect();
        let torn = match told.is_empty() {
            true => "Nothing had to be torn down.".to_owned(),
            false => format!("Torn down: {}.", told.join(", ")),
        };
        let left = [
            (!self.stuck.is_empty())
                .then(|| format!("Left standing: {}; bake recover tries again.", joined(&self.stuck))),
            (!self.kept.is_empty()).then(|| format!("Kept as asked: {}; bake recover ends it.", joined(&self.kept))),
        ];
        let left: Vec<_> = left.into_iter().flatten().collect();
        match left.is_empty() {
            true => format!("{torn} Nothing is left."),
            false => format!("{torn} {}", left.join(" ")),
        }
    }

    /// `2 built`, `1 retired`.
    fn counts(&self) -> Vec<String> {
        let of = |word: &str| {
            self.images
                .iter()
                .filter(|one| one.done && participle(one.action) == word)
                .count()
        };
        let counts = [
            (of("imported"), "imported"),
            (of("built"), "built"),
            (of("registered"), "registered"),
            (of("updated"), "updated"),
            (of("promoted"), "promoted"),
            (self.retired, "retired"),
            (of("destroyed"), "destroyed"),
        ];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        counts.map(|(number, word)| format!("{number} {word}")).collect()
    }
}

/// Whether a release is removed, and not a copy of one.
fn is_release(removal: &Address) -> bool {
    removal.node.as_ref().is_some_and(|node| node.kind == "retire")
}

/// The nodes without which an image's action is not done.
fn wanted<'a>(plan: &'a Plan, image: &'a ImageAddress) -> impl Iterator<Item = &'a Address> {
    let own = plan.nodes.iter().filter(move |node| node.address.image == *image);
    let counts = own.filter(|node| {
        let lasting = node.data.kind().lifetime() == Lifetime::Lasting;
        lasting
            || matches!(
                node.data,
                NodeData::Adopt(_)
                    | NodeData::Update(_)
                    | NodeData::Share(_)
                    | NodeData::Parameter(_)
                    | NodeData::Retire(_)
            )
    });
    counts.map(|node| &node.address)
}

impl Outcome {
    /// `image.base was built (ami-0f1e...)`.
    fn sentence(&self) -> String {
        let id = self.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        match self.done {
            true => format!("{} was {}{id}", self.image, participle(self.action)),
            false => format!("{} was not {}", self.image, participle(self.action)),
        }
    }
}

fn participle(action: Action) -> &'static str {
    match action {
        Action::Build | Action::Replace => "built",
        Action::Register => "registered",
        Action::Update => "updated",
        Action::Promote => "promoted",
        Action::Destroy => "destroyed",
        Action::Import => "imported",
        Action::None => "kept",
    }
}

fn counted(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter()
        .map(|one| one.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, action: Action, id: Option<&str>) -> Outcome {
        let image = ImageAddress::new(name, None);
        Outcome {
            image,
            action,
            done: id.is_some(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn all_went_well() {
        let summary = Summary {
            images: vec![
                outcome("base", Action::Build, Some("1")),
                outcome("web", Action::Replace, Some("2")),
            ],
            retired: 1,
            ..Summary::default()
        };
        let text = summary.success(Duration::seconds(211));
        assert_eq!(text, "Applied in 3m 31s: 2 built, 1 retired. Nothing is left running.");
    }

    #[test]
    fn a_failure_tells_what_was_torn_down_and_what_became_of_each_image() {
        let summary = Summary {
            images: vec![
                outcome("base", Action::Build, Some("img-1")),
                outcome("web", Action::Build, None),
            ],
            torn: BTreeMap::from([(NodeKind::Mount, 2), (NodeKind::Volume, 1), (NodeKind::Provision, 4)]),
            ..Summary::default()
        };
        assert_eq!(
            summary.failure(1),
            "Torn down: 2 mounts, 1 volume. Nothing is left.\n\
             image.base was built (img-1); image.web was not built. Exit code 1."
        );
    }

    #[test]
    fn what_is_stuck_is_named() {
        let web = ImageAddress::new("web", None);
        let summary = Summary {
            images: vec![outcome("web", Action::Build, None)],
            stuck: vec![web.node("volume", "root")],
            ..Summary::default()
        };
        let text = summary.failure(1);
        assert!(
            text.contains("Left standing: image.web.volume[\"root\"]; bake recover"),
            "{text}"
        );
        assert!(!text.contains("Nothing is left"), "{text}");
    }
}
