//! Images, actions and causes in words.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::address::ImageAddress;
use crate::plan::{Action, Cause, ImagePlan, Release};
use crate::source::Span;

/// `1 image`, `2 images`.
pub fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}

/// So many names, and how many more there are.
pub fn listed(names: &[String], most: usize) -> String {
    match names.len() {
        few if few <= most => names.join(", "),
        many => format!("{} and {} more", names[..most].join(", "), many - most),
    }
}

/// `web.bake.hcl:12`
pub fn place(span: &Span) -> Option<String> {
    (!span.is_nowhere()).then(|| format!("{}:{}", span.path().display(), span.start().line))
}

/// The address without its first word: `web`, `member["alpha"]`.
pub fn short(image: &ImagePlan) -> String {
    let address = image.address.to_string();
    address.strip_prefix("image.").unwrap_or(&address).to_owned()
}

/// A node of an image as it is spoken of: `provision.nginx` for `provision["nginx"]`.
pub fn dotted(node: &str) -> String {
    match node
        .split_once("[\"")
        .and_then(|(kind, rest)| Some((kind, rest.strip_suffix("\"]")?)))
    {
        Some((kind, label)) => format!("{kind}.{label}"),
        None => node.to_owned(),
    }
}

/// Where an image comes from: `from scratch`, `on base`, `from disk.raw`.
pub fn origin(image: &ImagePlan) -> String {
    match source(image.after.as_ref()) {
        None => "from scratch".into(),
        Some((_, text)) => match text.strip_prefix("image.") {
            Some(base) => format!("on {base}"),
            None => format!("from {text}"),
        },
    }
}

/// The image that it is built on: `image.base`.
pub fn base(image: &ImagePlan) -> Option<String> {
    source(image.after.as_ref())
        .map(|(_, text)| text)
        .filter(|text| text.starts_with("image."))
}

/// What its source block says: argument and text.
pub fn source(release: Option<&Release>) -> Option<(String, String)> {
    let source = release?.spec.blocks.iter().find(|block| block.name == "source")?;
    let (name, argument) = source
        .content
        .arguments
        .iter()
        .find(|(_, argument)| !argument.by_default)?;
    let text = argument
        .value
        .as_ref()
        .and_then(Json::as_str)
        .unwrap_or("(known after apply)");
    Some((name.clone(), text.to_owned()))
}

/// `because scripts/nginx.sh changed (line 12)`, `as requested`; further causes are counted.
pub fn because(image: &ImagePlan) -> String {
    let Some(first) = image.causes.first() else {
        return "as wanted".into();
    };
    let more = match image.causes.len() - 1 {
        0 => String::new(),
        more => format!(", and {}", counted(more, "other cause")),
    };
    reason(first) + &more
}

/// `because scripts/nginx.sh changed (line 12)`, `older than 30d`.
fn reason(cause: &Cause) -> String {
    match cause {
        Cause::New => "because none stands".into(),
        Cause::Content { node, what, .. } if is_verb(what) => format!("because {} was {what}", dotted(node)),
        Cause::Content { node, what, .. } if *what == "changed" => format!("because {} changed", dotted(node)),
        Cause::Content { what, .. } if names_file(what) => format!("because {what}"),
        Cause::Content { node, what, .. } => match what.strip_prefix(node.as_str()) {
            Some(_) => format!("because {what}"),
            None => format!("because of {}: {what}", dotted(node)),
        },
        Cause::Base { image } => format!("because {image} was built again"),
        Cause::Registration { argument, .. }
        | Cause::Encryption { argument, .. }
        | Cause::Argument { argument, .. } => {
            format!("because {argument} changed")
        }
        Cause::Drift { argument } => format!("because {argument} was changed outside of bake"),
        Cause::Requested => "as requested by -replace".into(),
        Cause::TooOld { limit } => format!("because it is older than {limit}"),
        Cause::Imported { from } => format!("because it was imported ({from}), and what is on its disk is not known"),
        Cause::Damaged => "because its snapshot is damaged".into(),
        Cause::Triggered => "because a value of replace_triggered_by changed".into(),
        Cause::Recipe { node } => format!("because this bake makes other bytes of {}", dotted(node)),
        Cause::SnapshotStands => "because a snapshot of the wanted content stands without an image".into(),
        Cause::ReleaseStands { release } => format!("because release {release} has the wanted content"),
        Cause::NotInModule => "not in the module".into(),
        Cause::DestroyRequested => "as requested".into(),
        Cause::BaseGoes { image } => format!("because {image}, on which it is built, goes"),
        Cause::Moved { from } => format!("because it was {from}"),
    }
}

/// Each cause with its place; below one that lies in another image what caused that, down to the first.
///
/// A single cause that the title says already, and that has no place, is left out.
pub fn chain(image: &ImagePlan, all: &BTreeMap<&ImageAddress, &ImagePlan>) -> Vec<String> {
    let mut lines = Vec::new();
    for cause in image.causes.iter().filter(|cause| **cause != Cause::New) {
        lines.push(placed(cause));
        let mut next = cause;
        // A cycle of images is no plan, so that the chain ends.
        while let Cause::Base { image } = next {
            let Some(first) = all.get(image).and_then(|base| base.causes.first()) else {
                break;
            };
            lines.push(format!("  {image}: {}", placed(first)));
            next = first;
        }
    }
    let said = matches!(&image.causes[..], [only] if lines.len() == 1 && lines[0] == reason(only));
    if said { Vec::new() } else { lines }
}

fn placed(cause: &Cause) -> String {
    match cause {
        Cause::Content { span: Some(span), .. }
        | Cause::Registration { span: Some(span), .. }
        | Cause::Encryption { span: Some(span), .. }
        | Cause::Argument { span: Some(span), .. } => match place(span) {
            Some(at) => format!("{}, {at}", reason(cause)),
            None => reason(cause),
        },
        _ => reason(cause),
    }
}

/// Whether it begins with a path (`scripts/nginx.sh changed`), which says enough, rather than with an argument.
fn names_file(what: &str) -> bool {
    what.split(' ').next().is_some_and(|first| first.contains(['/', '.']))
}

fn is_verb(what: &str) -> bool {
    matches!(what, "added" | "removed" | "moved")
}

/// The line above the block of an image: `image.web must be replaced: provision.nginx changed`.
pub fn title(image: &ImagePlan) -> String {
    let what = match image.action {
        Action::Build => return format!("{} will be built", image.address),
        Action::Import => return format!("{} will be imported{}", image.address, imported_from(image)),
        Action::Replace => "must be replaced",
        Action::Register => "will be registered from what stands",
        Action::Update => "will be updated in place",
        Action::Promote => "will be promoted",
        Action::Destroy => "will be destroyed",
        Action::None => "stays as it is",
    };
    match image.causes.first() {
        None => format!("{} {what}", image.address),
        Some(cause) => format!("{} {what}: {}", image.address, short_cause(cause)),
    }
}

/// ` from ami-0a1...`
pub fn imported_from(image: &ImagePlan) -> String {
    let from = image.causes.iter().find_map(|cause| match cause {
        Cause::Imported { from } => Some(format!(" from {from}")),
        _ => None,
    });
    from.unwrap_or_default()
}

fn short_cause(cause: &Cause) -> String {
    match cause {
        Cause::New => "none stands".into(),
        Cause::Content { node, what, .. } if is_verb(what) => format!("{} {what}", dotted(node)),
        Cause::Content { node, .. } => format!("{} changed", dotted(node)),
        Cause::Base { image } => format!("{image} was built again"),
        Cause::Registration { argument, .. }
        | Cause::Encryption { argument, .. }
        | Cause::Argument { argument, .. } => {
            format!("{argument} changed")
        }
        Cause::Drift { argument } => format!("{argument} was changed outside of bake"),
        Cause::Requested => "as requested".into(),
        Cause::TooOld { limit } => format!("older than {limit}"),
        Cause::Imported { .. } => "imported, its content is not known".into(),
        Cause::Damaged => "its snapshot is damaged".into(),
        Cause::Triggered => "replace_triggered_by changed".into(),
        Cause::Recipe { node } => format!("this bake makes other bytes of {}", dotted(node)),
        Cause::SnapshotStands => "a snapshot of the wanted content stands".into(),
        Cause::ReleaseStands { release } => format!("release {release} has the wanted content"),
        Cause::NotInModule => "not in the module".into(),
        Cause::DestroyRequested => "as requested".into(),
        Cause::BaseGoes { image } => format!("{image} goes"),
        Cause::Moved { from } => format!("it was {from}"),
    }
}

/// The sign in front of the block.
pub fn sign(image: &ImagePlan) -> &'static str {
    match image.action {
        Action::Build => "+",
        Action::Replace | Action::Register if image.retire.iter().any(|one| one.first) => "-/+",
        Action::Replace => "+/-",
        Action::Register if image.before.is_none() => "+",
        Action::Register => "+/-",
        Action::Update | Action::Promote => "~",
        Action::Destroy => "-",
        Action::Import => "<-",
        Action::None => "",
    }
}
