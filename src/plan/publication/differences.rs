//! What is announced of an image against what is wanted, argument by argument.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::plan::compare::Change;
use crate::plan::mutable::{change, observed};
use crate::providers::publication::{Announced, Shares};
use crate::providers::{ObservedImage, Publication};
use crate::schema::{Class, Recorded};

/// Whether a record has a `share` block, so that its shares were asked for.
pub(super) fn says_shares(spec: &Recorded) -> bool {
    let publish = spec.blocks.iter().find(|block| block.name == "publish");
    publish.is_some_and(|publish| publish.content.blocks.iter().any(|block| block.name == "share"))
}

/// What stands, as if it were written, but for copies. Where several snapshots differ, the first that is not as it is wanted
/// counts; shares that nobody asked for are none.
pub(super) fn as_wanted(announced: &Announced, wanted: &Publication) -> Publication {
    let mut tags = announced.snapshot_tags.iter();
    let tags = tags.find(|tags| **tags != wanted.snapshot_tags);
    Publication {
        copies: BTreeMap::new(),
        shares: announced.shares.clone().unwrap_or_default(),
        protect: announced.protected,
        snapshot_tags: tags.unwrap_or(&wanted.snapshot_tags).clone(),
        parameters: BTreeMap::new(),
    }
}

pub(super) fn is_as(announced: &Announced, wanted: &Publication) -> bool {
    rows(&as_wanted(announced, wanted))
        == rows(&Publication {
            copies: BTreeMap::new(),
            ..wanted.clone()
        })
}

/// Each argument that says something, by its path in the `publish` block.
pub(super) fn rows(publication: &Publication) -> BTreeMap<String, Json> {
    let Shares {
        accounts,
        organizations,
        organizational_units,
        public,
        snapshot_accounts,
        snapshots_public,
    } = &publication.shares;
    let regions: Vec<&String> = publication.copies.keys().collect();
    let all = [
        ("regions", json!(regions)),
        ("protect", json!(publication.protect)),
        ("snapshot_tags", json!(publication.snapshot_tags)),
        ("share.accounts", json!(accounts)),
        ("share.organizations", json!(organizations)),
        ("share.organizational_units", json!(organizational_units)),
        ("share.public", json!(public)),
        ("share.snapshot_accounts", json!(snapshot_accounts)),
        ("share.snapshots_public", json!(snapshots_public)),
    ];
    let all = all.into_iter().filter(|(_, value)| !is_nothing(value));
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Array(all) => all.is_empty(),
        Json::Object(all) => all.is_empty(),
        _ => false,
    }
}

pub(super) fn differences(prefix: &str, is: &BTreeMap<String, Json>, want: &BTreeMap<String, Json>) -> Vec<Change> {
    let names: BTreeSet<&String> = is.keys().chain(want.keys()).collect();
    let pairs = names.into_iter().map(|name| {
        let some = |value: Option<&'_ Json>| value.filter(|value| !is_nothing(value)).cloned();
        (name, some(is.get(name)), some(want.get(name)))
    });
    let differing = pairs.filter(|(_, is, want)| is != want);
    differing
        .map(|(name, is, want)| {
            let class = if name == "regions" { Class::Keys } else { Class::Mutable };
            as_change(&format!("{prefix}{name}"), is.as_ref(), want.as_ref(), class)
        })
        .collect()
}

pub(super) fn as_change(path: &str, is: Option<&Json>, want: Option<&Json>, class: Class) -> Change {
    let side = |value: Option<&Json>| value.map(|value| observed(value.clone(), false));
    Change {
        class,
        ..change(path, side(is), side(want))
    }
}

/// What was changed outside of bake: protection, shares and tags of snapshots against what is recorded. (Regions are recorded
/// before a copy is made in them, so one that is missing may never have been made.)
pub fn drift(image: &ObservedImage) -> Vec<Change> {
    let Some(published) = image.published.as_deref() else {
        return Vec::new();
    };
    let mut recorded = Publication::of(&image.manifest.spec, &published.region);
    if published.here.shares.is_none() {
        recorded.shares = Shares::default();
    }
    recorded.copies = BTreeMap::new();
    let stands = as_wanted(&published.here, &recorded);
    differences("publish.", &rows(&recorded), &rows(&stands))
}
