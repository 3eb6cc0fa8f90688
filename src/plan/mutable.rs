//! What can be changed on an image that stands: tags and deprecation, compared with what the provider answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::compare::{Change, find};
use super::decide::is_ignored;
use super::outputs::Known;
use super::publication;
use crate::diagnostic::Diagnostic;
use crate::digest::{Digest, canonical};
use crate::lang::value::Value;
use crate::providers::{ImageUpdate, ObservedImage};
use crate::schema::{Class, Recorded, RecordedArgument};
use crate::spec::ImageSpec;
use crate::units::Duration;

const TAGS: &str = "publish.tags";
const DESCRIPTION: &str = "description";
const DEPRECATE_AFTER: &str = "publish.deprecate_after";

/// What differs, and the update that mends it.
///
/// # Errors
/// A deprecation that would lie in the past.
pub fn compare(
    spec: &ImageSpec,
    wanted: &Recorded,
    image: &ObservedImage,
    known: &Known,
    now: &str,
) -> Result<(Vec<Change>, ImageUpdate), Diagnostic> {
    let mut update = ImageUpdate::default();
    let mut changes = Vec::new();
    if !is_ignored(spec, TAGS) {
        changes.extend(tags(spec, wanted, image, known, &mut update));
    }
    if !is_ignored(spec, DESCRIPTION) {
        changes.extend(description(spec, wanted, image, known, &mut update));
    }
    if !is_ignored(spec, DEPRECATE_AFTER) {
        changes.extend(deprecation(spec, wanted, image, now, &mut update)?);
    }
    Ok((changes, update))
}

fn tags(
    spec: &ImageSpec,
    wanted: &Recorded,
    image: &ObservedImage,
    known: &Known,
    update: &mut ImageUpdate,
) -> Option<Change> {
    let written = spec.publish.tags.as_ref().map(|tags| known.settle(&tags.value));
    let after = argument(wanted, TAGS);
    let Some(want) = texts(written.as_ref()) else {
        let before = argument(&image.manifest.spec, TAGS);
        let same = before.as_ref().map(|one| one.digest) == after.as_ref().map(|one| one.digest);
        return (!same).then(|| change(TAGS, before, after));
    };
    if want == image.tags {
        return None;
    }
    let sensitive = written.is_some_and(|tags| tags.contains_sensitive());
    let after = after.map(|after| RecordedArgument {
        value: (!sensitive).then(|| json(&want)),
        after: None,
        ..after
    });
    let before = (!image.tags.is_empty()).then(|| observed(json(&image.tags), sensitive));
    update.tags = Some(want);
    Some(change(TAGS, before, after))
}

fn description(
    spec: &ImageSpec,
    wanted: &Recorded,
    image: &ObservedImage,
    known: &Known,
    update: &mut ImageUpdate,
) -> Option<Change> {
    let written = spec.description.as_ref().map(|written| known.settle(&written.value));
    let after = argument(wanted, DESCRIPTION);
    if written.as_ref().is_some_and(|written| !written.is_wholly_known()) {
        let before = argument(&image.manifest.spec, DESCRIPTION);
        let same = before.as_ref().map(|one| one.digest) == after.as_ref().map(|one| one.digest);
        return (!same).then(|| change(DESCRIPTION, before, after));
    }
    let want = written.as_ref().and_then(Value::as_str).map(str::to_owned);
    if want == image.description {
        return None;
    }
    let sensitive = written.is_some_and(|written| written.contains_sensitive());
    let before = image
        .description
        .as_deref()
        .map(|text| observed(Json::from(text), sensitive));
    let after = want.as_deref().map(|text| observed(Json::from(text), sensitive));
    update.description = Some(want);
    Some(change(DESCRIPTION, before, after))
}

/// The texts of a map; nothing if one of them is not known yet.
fn texts(value: Option<&Value>) -> Option<BTreeMap<String, String>> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Some(BTreeMap::new());
    };
    if !value.is_wholly_known() {
        return None;
    }
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    value.attributes()?.iter().map(text).collect()
}

fn deprecation(
    spec: &ImageSpec,
    wanted: &Recorded,
    image: &ObservedImage,
    now: &str,
    update: &mut ImageUpdate,
) -> Result<Option<Change>, Diagnostic> {
    let written = spec.publish.deprecate_after.as_ref();
    let want = written.and_then(|after| later(&image.created, after.value));
    let is = image.deprecated_at.as_deref().and_then(minute);
    if want == is || (want.is_none() && publication::is_of_ec2(wanted, image)) {
        return Ok(None);
    }
    let now: Option<Timestamp> = now.parse().ok();
    if let (Some(want), Some(written), Some(now)) = (want, written, now)
        && want < now
    {
        return Err(
            Diagnostic::error(format!("{} would be deprecated in the past", spec.address))
                .at(&written.span)
                .note(format!(
                    "it was created at {}, so {} later is {want}",
                    image.created, written.value
                ))
                .help("write a longer deprecate_after, or leave it out"),
        );
    }
    update.deprecate_at = Some(want.map(|want| want.to_string()));
    let before = image.deprecated_at.clone().map(|at| observed(Json::from(at), false));
    Ok(Some(change(DEPRECATE_AFTER, before, argument(wanted, DEPRECATE_AFTER))))
}

/// A moment (RFC 3339) so much later, in full minutes.
pub(super) fn later(moment: &str, after: Duration) -> Option<Timestamp> {
    let moment: Timestamp = moment.parse().ok()?;
    minute(&moment.checked_add(after.as_std()).ok()?.to_string())
}

pub(super) fn minute(moment: &str) -> Option<Timestamp> {
    let moment: Timestamp = moment.parse().ok()?;
    Timestamp::from_second(moment.as_second().div_euclid(60) * 60).ok()
}

/// What was changed outside of bake: the image as it is against what is recorded with it.
///
/// What was not known when it was recorded (a secret, an id) cannot be compared.
pub fn drift(image: &ObservedImage) -> Vec<Change> {
    let spec = &image.manifest.spec;
    let (tags, description) = (argument(spec, TAGS), argument(spec, DESCRIPTION));
    let tags = moved_on(TAGS, tags, (!image.tags.is_empty()).then(|| json(&image.tags)));
    let text = image.description.as_deref().map(Json::from);
    let description = moved_on(DESCRIPTION, description, text);
    tags.into_iter()
        .chain(description)
        .chain(moved_deprecation(image))
        .chain(publication::drift(image))
        .collect()
}

/// From what is recorded to what is.
fn moved_on(path: &str, recorded: Option<RecordedArgument>, is: Option<Json>) -> Option<Change> {
    if recorded.as_ref().is_some_and(|recorded| recorded.value.is_none()) {
        return None;
    }
    let empty = |value: &Json| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    let was = recorded
        .as_ref()
        .and_then(|one| one.value.as_ref())
        .filter(|was| !empty(was));
    let same = was.map(canonical) == is.as_ref().map(canonical);
    (!same).then(|| change(path, recorded, is.map(|is| observed(is, false))))
}

fn moved_deprecation(image: &ObservedImage) -> Option<Change> {
    let spec = &image.manifest.spec;
    let recorded = argument(spec, DEPRECATE_AFTER);
    let after = recorded
        .as_ref()
        .and_then(|one| one.value.as_ref()?.as_str()?.parse::<Duration>().ok());
    let was = after.and_then(|after| later(&image.created, after));
    let is = image.deprecated_at.as_deref().and_then(minute);
    let text = |at: Timestamp| observed(Json::from(at.to_string()), false);
    if was.is_none() && publication::is_of_ec2(spec, image) {
        return None;
    }
    (was != is).then(|| change(DEPRECATE_AFTER, was.map(text), is.map(text)))
}

fn argument(block: &Recorded, path: &str) -> Option<RecordedArgument> {
    find(block, path).cloned()
}

fn json(tags: &BTreeMap<String, String>) -> Json {
    Json::Object(
        tags.iter()
            .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
            .collect(),
    )
}

pub(super) fn observed(value: Json, sensitive: bool) -> RecordedArgument {
    RecordedArgument {
        class: Class::Mutable,
        digest: Digest::of(canonical(&value).as_bytes()),
        value: (!sensitive).then_some(value),
        sensitive,
        after: None,
        by_default: false,
        files: Vec::new(),
    }
}

pub(super) fn change(path: &str, before: Option<RecordedArgument>, after: Option<RecordedArgument>) -> Change {
    Change {
        path: path.to_owned(),
        class: Class::Mutable,
        before,
        after,
    }
}
