//! What happens to one image of the module: its content and registration against the releases that stand.

use std::collections::{BTreeMap, BTreeSet};

use super::causes;
use super::compare::{Change, changes};
use super::keys::{self, Encryption};
use super::observe::{Kept, World};
use super::options::Options;
use super::{Action, Cause, written};
use crate::graph::Compiled;
use crate::providers::ObservedImage;
use crate::schema::{Class, Recorded};
use crate::spec::ImageSpec;
use crate::units::Duration;

/// What was decided.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// What happens. `Update` and `None` are told apart later, when tags and description are known.
    pub action: Action,
    /// Why.
    pub causes: Vec<Cause>,
    /// What differs in content and registration from the release that counts.
    pub changes: Vec<Change>,
    /// The release that stands for the wanted content: promoted, kept, or the one whose snapshots are registered again.
    pub release: Option<&'a ObservedImage>,
    /// Snapshots without an image that are registered.
    pub kept: Vec<&'a Kept>,
    /// Volumes of the release whose snapshots are made anew under another key, and registered.
    pub encrypted: BTreeSet<String>,
    /// How often the content was built by force.
    pub build_number: u64,
}

/// Decides about an image; `standing` are its releases, the current one first.
pub fn decide<'a>(
    compiled: &Compiled,
    standing: &[&'a ObservedImage],
    world: &'a World,
    options: &Options,
) -> Decision<'a> {
    let spec = &compiled.spec;
    let equal: Vec<&ObservedImage> = standing
        .iter()
        .copied()
        .filter(|image| image.manifest.digest == compiled.digest)
        .collect();
    let whole = |image: &&ObservedImage| !world.damaged.contains_key(&image.id);
    let forced = standing
        .first()
        .map(|current| forced(compiled, current, world, options))
        .unwrap_or_default();
    let number = equal.iter().map(|image| image.manifest.build_number).max();
    if !forced.is_empty() {
        return build(
            compiled,
            standing,
            Action::Replace,
            forced,
            number.map_or(0, |number| number + 1),
        );
    }
    let equal: Vec<&ObservedImage> = equal.into_iter().filter(whole).collect();
    let registration = |image: &ObservedImage| registration_changes(spec, &image.manifest.spec, &compiled.recorded);
    let encryption = |image: &ObservedImage| keys::compare(spec, &compiled.recorded, image, world);
    let fits = |image: &&ObservedImage| registration(image).is_empty() && encryption(image) == Encryption::Same;
    if let Some(release) = equal.iter().copied().find(fits) {
        return stands(compiled, standing, release);
    }
    if let Some(release) = equal.first().copied() {
        let keys = match encryption(release) {
            Encryption::Same => BTreeMap::new(),
            Encryption::Anew(changes) => changes,
            Encryption::Decrypted(changes) => return decrypted(compiled, standing, changes),
        };
        return register(compiled, release, registration(release), keys);
    }
    let volumes: Vec<String> = compiled
        .shape
        .volumes
        .iter()
        .map(|volume| volume.name.clone())
        .collect();
    let kept = world.resumable(&spec.provider, &spec.address, &compiled.digest, &volumes);
    match (standing.first(), kept) {
        (_, Some(kept)) => Decision {
            action: Action::Register,
            kept,
            ..build(compiled, standing, Action::Register, vec![Cause::SnapshotStands], 0)
        },
        (None, None) => build(compiled, standing, Action::Build, vec![Cause::New], 0),
        (Some(_), None) => build(compiled, standing, Action::Replace, Vec::new(), 0),
    }
}

/// A build, with what differs from the current release behind the causes given.
fn build<'a>(
    compiled: &Compiled,
    standing: &[&'a ObservedImage],
    action: Action,
    mut causes: Vec<Cause>,
    build_number: u64,
) -> Decision<'a> {
    let current = standing.first();
    let changes = current.map_or_else(Vec::new, |current| {
        changes(&current.manifest.spec, &compiled.recorded, is_of_the_image)
    });
    if let Some(current) = current.filter(|current| current.manifest.digest != compiled.digest) {
        match &current.manifest.imported {
            Some(imported) => causes.push(Cause::Imported {
                from: imported.from.clone(),
            }),
            None => causes.extend(causes::causes(compiled, &current.manifest, &changes)),
        }
    }
    Decision {
        action,
        causes,
        changes,
        release: None,
        kept: Vec::new(),
        encrypted: BTreeSet::new(),
        build_number,
    }
}

fn encryption(compiled: &Compiled, change: &Change) -> Cause {
    Cause::Encryption {
        argument: change.path.clone(),
        span: written::place(&compiled.spec.object, &change.path),
    }
}

/// Built again, since what is encrypted cannot be made into what is not.
fn decrypted<'a>(compiled: &Compiled, standing: &[&'a ObservedImage], changes: Vec<Change>) -> Decision<'a> {
    let causes = changes.iter().map(|change| encryption(compiled, change));
    let number = standing.first().map_or(0, |current| current.manifest.build_number + 1);
    build(compiled, standing, Action::Replace, causes.collect(), number)
}

/// A release of the wanted content and registration stands: the current one, or an older one that is promoted.
fn stands<'a>(compiled: &Compiled, standing: &[&'a ObservedImage], release: &'a ObservedImage) -> Decision<'a> {
    if standing.first().is_some_and(|current| current.id == release.id) {
        return Decision {
            action: Action::None,
            causes: Vec::new(),
            changes: Vec::new(),
            release: Some(release),
            kept: Vec::new(),
            encrypted: BTreeSet::new(),
            build_number: release.manifest.build_number,
        };
    }
    let number = release.manifest.release;
    let decision = build(
        compiled,
        standing,
        Action::Promote,
        Vec::new(),
        release.manifest.build_number,
    );
    Decision {
        release: Some(release),
        causes: vec![Cause::ReleaseStands { release: number }],
        changes: not_mutable(decision.changes),
        ..decision
    }
}

/// Registered from snapshots that stand; of the volumes in `keys` from new ones under another key.
fn register<'a>(
    compiled: &Compiled,
    release: &'a ObservedImage,
    registration: Vec<Change>,
    keys: BTreeMap<String, Change>,
) -> Decision<'a> {
    let registered = registration.iter().map(|change| Cause::Registration {
        argument: change.path.clone(),
        span: written::place(&compiled.spec.object, &change.path),
    });
    let encrypted = keys.values().map(|change| encryption(compiled, change));
    let causes = registered.chain(encrypted).collect();
    let beside = |class: Class| matches!(class, Class::Mutable | Class::Keys);
    let mut beside = changes(&release.manifest.spec, &compiled.recorded, beside);
    beside.retain(|change| !keys.values().any(|key| key.path == change.path));
    Decision {
        action: Action::Register,
        causes,
        encrypted: keys.keys().cloned().collect(),
        changes: registration
            .into_iter()
            .chain(keys.into_values())
            .chain(beside)
            .collect(),
        release: Some(release),
        kept: Vec::new(),
        build_number: release.manifest.build_number,
    }
}

/// Whether an argument is about the image, not about how it is built or how long it is kept.
fn is_of_the_image(class: Class) -> bool {
    !matches!(class, Class::Run | Class::Lifecycle)
}

/// Without what is compared with the image as it is, see [`super::mutable`].
fn not_mutable(mut changes: Vec<Change>) -> Vec<Change> {
    changes.retain(|change| change.class != Class::Mutable);
    changes
}

/// What differs in registration, but for `ignore_changes`.
pub fn registration_changes(spec: &ImageSpec, before: &Recorded, after: &Recorded) -> Vec<Change> {
    let mut found = changes(before, after, |class| class == Class::Registration);
    found.retain(|change| !is_ignored(spec, &change.path));
    found
}

/// Whether `lifecycle.ignore_changes` names this argument or the block that it lies in.
pub fn is_ignored(spec: &ImageSpec, path: &str) -> bool {
    let ignores = |one: &String| {
        one == path
            || path
                .strip_prefix(one.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
    };
    spec.lifecycle.ignore_changes.iter().any(ignores)
}

/// Why the image is built again though its content is as it was.
fn forced(compiled: &Compiled, current: &ObservedImage, world: &World, options: &Options) -> Vec<Cause> {
    let spec = &compiled.spec;
    let requested = options
        .replace
        .iter()
        .any(|asked| asked.means(&spec.address))
        .then_some(Cause::Requested);
    let triggers = |block: &Recorded| {
        super::compare::find(block, "lifecycle.replace_triggered_by").map(|argument| argument.digest)
    };
    let (before, after) = (triggers(&current.manifest.spec), triggers(&compiled.recorded));
    let triggered = (before.is_some() && after.is_some() && before != after).then_some(Cause::Triggered);
    let limit = spec
        .lifecycle
        .max_age
        .filter(|limit| is_older(&current.created, *limit, &options.now));
    let old = limit.map(|limit| Cause::TooOld { limit });
    let damaged = world.damaged.contains_key(&current.id).then_some(Cause::Damaged);
    [requested, damaged, triggered, old].into_iter().flatten().collect()
}

fn is_older(created: &str, limit: Duration, now: &str) -> bool {
    let (Ok(created), Ok(now)) = (created.parse::<jiff::Timestamp>(), now.parse::<jiff::Timestamp>()) else {
        return false;
    };
    created.checked_add(limit.as_std()).is_ok_and(|end| end < now)
}
