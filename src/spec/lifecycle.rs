//! `lifecycle`: policy on releases.

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::schema::conditions::{POSTCONDITION, PRECONDITION};
use crate::schema::{Argument, Block, Class, Default, Object, Type, argument, block, many, suggest};
use crate::source::{Span, Spanned};
use crate::units::Duration;

/// The table of `lifecycle`.
pub static LIFECYCLE: Block = block("lifecycle")
    .doc("Order and number of releases, and what must hold of them.")
    .blocks(&[many(&PRECONDITION), many(&POSTCONDITION)])
    .arguments(&[
        argument("keep_releases", Type::Integer(1, 1000), Class::Lifecycle)
            .default(Default::Integer(2))
            .doc("How many releases stand, the current one counted."),
        argument(
            "on_name_conflict",
            Type::Choice(&["fail", "adopt", "replace"]),
            Class::Lifecycle,
        )
        .default(Default::Text("fail"))
        .doc("What is done when a fixed name is taken by a standing release of the image."),
        argument("delete_snapshots", Type::Bool, Class::Lifecycle)
            .default(Default::Bool(true))
            .doc("Whether snapshots go with the last image that uses them."),
        argument("prevent_destroy", Type::Bool, Class::Lifecycle)
            .default(Default::Bool(false))
            .doc("Whether a plan that destroys the image is an error."),
        argument("ignore_changes", Type::Names, Class::Lifecycle)
            .doc("Arguments whose changes do not count: [description, publish.tags]. Of class G, K and M only."),
        argument("replace_triggered_by", Type::Any, Class::Lifecycle)
            .doc("When this value changes, the image is built again."),
        argument("max_age", Type::Duration, Class::Lifecycle)
            .doc("How old the current release may become before the image is built again."),
    ]);

/// Policy.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// Standing releases, the current one counted; at least 1.
    pub keep_releases: u64,
    /// What is done when a fixed name is taken.
    pub on_name_conflict: NameConflict,
    /// Whether snapshots go with the last image that uses them.
    pub delete_snapshots: bool,
    /// Whether a plan that destroys the image is an error.
    pub prevent_destroy: Option<Span>,
    /// Arguments whose changes do not count (G, K, M only): `["description", "publish.tags"]`.
    pub ignore_changes: Vec<String>,
    /// Values whose change forces a build.
    pub replace_triggered_by: Option<Spanned<Value>>,
    /// How old the current release may become before it is built again.
    pub max_age: Option<Duration>,
}

/// What is done when a fixed name is taken by a standing release of the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameConflict {
    /// An error at plan.
    Fail,
    /// Ours with an equal digest is taken.
    Adopt,
    /// The old one is deregistered first.
    Replace,
}

impl std::default::Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            keep_releases: 2,
            on_name_conflict: NameConflict::Fail,
            delete_snapshots: true,
            prevent_destroy: None,
            ignore_changes: Vec::new(),
            replace_triggered_by: None,
            max_age: None,
        }
    }
}

/// Policy; the defaults if the block is left out.
pub(super) fn decode(image: &Object, found: &mut Diagnostics) -> Lifecycle {
    let Some(block) = image.child("lifecycle") else {
        return Lifecycle::default();
    };
    let ignore_changes = block.list("ignore_changes");
    if let Some(argument) = block.get("ignore_changes") {
        ignore_changes
            .iter()
            .for_each(|name| check_ignored(name, image.block, &argument.span, found));
    }
    let prevent = block.get("prevent_destroy").filter(|_| block.is_on("prevent_destroy"));
    Lifecycle {
        keep_releases: block
            .integer("keep_releases")
            .and_then(|number| number.try_into().ok())
            .unwrap_or(2),
        on_name_conflict: match block.text("on_name_conflict") {
            Some("adopt") => NameConflict::Adopt,
            Some("replace") => NameConflict::Replace,
            _ => NameConflict::Fail,
        },
        delete_snapshots: block.is_on("delete_snapshots"),
        prevent_destroy: prevent.map(|argument| argument.span.clone()),
        ignore_changes,
        replace_triggered_by: block.value("replace_triggered_by"),
        max_age: block.duration("max_age").map(|age| age.value),
    }
}

/// Whether changes of this argument may be ignored: it must be there, and must not be part of what is built.
fn check_ignored(name: &str, image: &'static Block, span: &Span, found: &mut Diagnostics) {
    let Some(row) = row(name, image) else {
        let all = names(image, "");
        let meant = suggest(name, all.iter().map(String::as_str)).map(|meant| format!("did you mean {meant}?"));
        let error = Diagnostic::error(format!("an image has no argument {name}"));
        found.push(error.label(span, meant.unwrap_or_default()));
        return;
    };
    if !matches!(row.class, Class::Registration | Class::Keys | Class::Mutable) {
        let why = match row.class.is_content() {
            true => "it shapes what is in the image",
            false => "a change of it never changes an image",
        };
        found.push(Diagnostic::error(format!("changes of {name} cannot be ignored")).label(span, why));
    }
}

fn row(name: &str, block: &'static Block) -> Option<&'static Argument> {
    match name.split_once('.') {
        None => block.argument(name),
        Some((first, rest)) => {
            let mut nested = block.blocks.iter().filter(|nested| nested.block.name == first);
            nested.find_map(|nested| row(rest, nested.block))
        }
    }
}

fn names(block: &'static Block, prefix: &str) -> Vec<String> {
    let own = block.arguments.iter().map(|row| format!("{prefix}{}", row.name));
    let nested = block
        .blocks
        .iter()
        .flat_map(|nested| names(nested.block, &format!("{prefix}{}.", nested.block.name)));
    own.chain(nested).collect()
}
