//! Encryption of the volumes of an image (class K): the keys that it names, and by which key a release that stands is
//! encrypted, as the provider tells. A snapshot of another key is made from the one that stands; nothing is built.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::compare::{Change, flatten};
use super::decide::is_ignored;
use super::observe::World;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{Digest, canonical};
use crate::providers::{Key, ObservedImage, Publication};
use crate::schema::{Class, Object, Recorded, RecordedArgument};
use crate::spec::{ImageSpec, Volume};

/// How the encryption of a release differs from what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Encryption {
    /// Not at all.
    Same,
    /// Snapshots of these volumes are to be made under another key, because of these arguments.
    Anew(BTreeMap<String, Change>),
    /// What is encrypted shall be so no longer: nothing can decrypt a snapshot, so the image is built again.
    Decrypted(Vec<Change>),
}

/// The keys that an image names, each with its region, for its volumes and its copies: what the provider is asked about.
pub fn named(spec: &ImageSpec, home: &str) -> Vec<(String, String)> {
    let volumes = spec.volumes.iter().filter_map(|volume| key_of(&volume.object));
    let volumes = volumes.map(|key| (home.to_owned(), key.to_owned()));
    let publish = spec.publish.object.as_ref();
    let wanted = publish.map(|block| Publication::of_block(&block.recorded(), home));
    let copies = wanted.into_iter().flat_map(|wanted| wanted.copies);
    volumes
        .chain(copies.filter_map(|(region, key)| Some((region, key?))))
        .collect()
}

/// Whether a key is named by what may mean another one tomorrow: `alias/images`, or the ARN of that.
pub fn is_alias(key: &str) -> bool {
    key.starts_with("alias/") || key.contains(":alias/")
}

/// Whether this, an id or an ARN, is the key of this ARN.
pub fn is_key(named: &str, arn: &str) -> bool {
    named == arn || arn.ends_with(&format!(":key/{named}"))
}

fn key_of(volume: &Object) -> Option<&str> {
    volume.text("kms_key")
}

fn is_encrypted(volume: &Object) -> bool {
    key_of(volume).is_some() || volume.is_on("encrypted")
}

/// Looks at the keys of the volumes of an image that is to be made.
///
/// # Errors
/// A key that is not there or cannot encrypt.
pub fn check(spec: &ImageSpec, world: &World) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    for volume in &spec.volumes {
        let Some(written) = volume.object.spanned_text("kms_key") else {
            continue;
        };
        if let Some(Key::Wrong { why, help }) = world.key_at_home(&spec.provider, &written.value) {
            let error = Diagnostic::error(format!(
                "{} cannot be encrypted with the key {}",
                spec.address, written.value
            ));
            found.push(error.label(&written.span, why).help(help));
        }
    }
    found.into_result(()).map(|_| ())
}

/// Looks at the key of a copy that is to be made.
///
/// # Errors
/// One that is not there or cannot encrypt.
pub fn check_copy(spec: &ImageSpec, region: &str, key: &str, world: &World) -> Result<(), Diagnostic> {
    let Some(Key::Wrong { why, help }) = world.key(&spec.provider, region, key) else {
        return Ok(());
    };
    let error = Diagnostic::error(format!(
        "the copy of {} in {region} cannot be encrypted with the key {key}",
        spec.address
    ));
    Err(error.label(spec.publish_span(), why).help(help))
}

/// Compares the encryption of a release that stands with what is wanted. Of a provider that does not tell it, nothing
/// differs.
pub fn compare(spec: &ImageSpec, wanted: &Recorded, image: &ObservedImage, world: &World) -> Encryption {
    let is_told = |volume: &Volume| {
        let snapshot = image.snapshots.get(&volume.name.value);
        snapshot.is_some_and(|snapshot| world.encryption.contains_key(snapshot))
    };
    if !spec.volumes.iter().any(is_told) {
        return Encryption::Same;
    }
    let (before, after) = (by_path(&image.manifest.spec), by_path(wanted));
    let (mut anew, mut decrypted) = (BTreeMap::new(), Vec::new());
    for volume in &spec.volumes {
        let snapshot = image.snapshots.get(&volume.name.value);
        let Some(is) = snapshot.and_then(|snapshot| world.encryption.get(snapshot)) else {
            continue;
        };
        let sides = Sides {
            before: &before,
            after: &after,
            volume: &volume.name.value,
        };
        let Some(argument) = differs(spec, volume, is.as_deref(), &sides, world) else {
            continue;
        };
        let change = sides.change(argument, is.as_deref());
        if is_ignored(spec, &change.path) {
            continue;
        }
        match is_encrypted(&volume.object) {
            true => drop(anew.insert(volume.name.value.clone(), change)),
            false => decrypted.push(change),
        }
    }
    match (decrypted.is_empty(), anew.is_empty()) {
        (false, _) => Encryption::Decrypted(decrypted),
        (true, false) => Encryption::Anew(anew),
        (true, true) => Encryption::Same,
    }
}

/// Which argument of a volume wants its snapshot to be encrypted in another way than it `is`.
fn differs(
    spec: &ImageSpec,
    volume: &Volume,
    is: Option<&str>,
    sides: &Sides<'_>,
    world: &World,
) -> Option<&'static str> {
    let changed = |name| sides.digest(sides.before, name) != sides.digest(sides.after, name);
    let Some(key) = key_of(&volume.object) else {
        return match (volume.object.is_on("encrypted"), is) {
            (true, None) => Some("encrypted"),
            // Which key is the default is the account's affair; that another one was named before is not.
            (true, Some(_)) => changed("kms_key").then_some("kms_key"),
            // Unencrypted was asked for, and the account or the source may have wanted it otherwise.
            (false, None) => None,
            (false, Some(_)) if changed("kms_key") => Some("kms_key"),
            (false, Some(_)) => sides.was_on("encrypted").then_some("encrypted"),
        };
    };
    let same = match (world.key_at_home(&spec.provider, key), is) {
        (_, None) => false,
        (Some(Key::Usable { arn, .. }), Some(is)) => arn == is,
        // It was not looked at, or may not be: what was written then is all that there is to compare with.
        (_, Some(is)) => is_key(key, is) || !changed("kms_key"),
    };
    (!same).then_some("kms_key")
}

fn by_path(block: &Recorded) -> BTreeMap<String, &RecordedArgument> {
    flatten(block).into_iter().collect()
}

/// What was recorded of a volume, and what is wanted now.
struct Sides<'a> {
    before: &'a BTreeMap<String, &'a RecordedArgument>,
    after: &'a BTreeMap<String, &'a RecordedArgument>,
    volume: &'a str,
}

impl Sides<'_> {
    fn path(&self, argument: &str) -> String {
        format!("volume[{}].{argument}", Json::from(self.volume))
    }

    fn digest(&self, side: &BTreeMap<String, &RecordedArgument>, argument: &str) -> Option<Digest> {
        side.get(&self.path(argument)).map(|one| one.digest)
    }

    fn was_on(&self, argument: &str) -> bool {
        let before = self.before.get(&self.path(argument)).and_then(|one| one.value.as_ref());
        before == Some(&Json::Bool(true))
    }

    /// From what was written to what is; where that is one text, from the key that the text meant then.
    fn change(&self, argument: &str, is: Option<&str>) -> Change {
        let path = self.path(argument);
        let (before, after) = (self.before.get(&path).copied(), self.after.get(&path).copied());
        let moved = before.map(|one| one.digest) == after.map(|one| one.digest);
        let observed = || {
            let value = is.map(Json::from)?;
            Some(RecordedArgument {
                class: Class::Keys,
                digest: Digest::of(canonical(&value).as_bytes()),
                value: Some(value),
                sensitive: false,
                after: None,
                by_default: false,
                files: Vec::new(),
            })
        };
        Change {
            path,
            class: Class::Keys,
            before: if moved { observed() } else { before.cloned() },
            after: after.cloned(),
        }
    }
}
