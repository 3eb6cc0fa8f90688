//! Releases: what tells one from another, and which of them go.

use std::collections::{BTreeMap, BTreeSet};

use super::Retirement;
use crate::address::ImageAddress;
use crate::digest::{ContentHasher, Digest};
use crate::providers::{ImageId, ObservedImage, Owner};
use crate::schema::{Class, Recorded};
use crate::spec::ImageSpec;

/// `self.release`: the first 12 hex digits of a SHA-256 over owner, address, digest and registration (but for the name).
pub fn release_id(owner: &Owner, address: &ImageAddress, digest: &Digest, spec: &Recorded) -> String {
    let mut hasher = ContentHasher::new("release", 1);
    hasher
        .text("project", &owner.project)
        .text("workspace", &owner.workspace)
        .text("address", &address.to_string())
        .digest("digest", digest);
    spec.feed_but("name", &mut hasher, |class| class == Class::Registration);
    hasher.finish().short()
}

/// A release that might go.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The image.
    pub image: &'a ObservedImage,
    /// Why.
    pub reason: String,
    /// Whether it goes before the new release comes.
    pub first: bool,
}

/// Takes from the candidates those that an image which stays was built on; answers what goes, and what is held by whom.
pub fn settle<'a>(
    all: &'a BTreeMap<ImageAddress, Vec<ObservedImage>>,
    candidates: Vec<Candidate<'a>>,
) -> (Vec<Candidate<'a>>, Vec<(&'a ObservedImage, &'a ObservedImage)>) {
    let mut going: BTreeSet<&ImageId> = candidates.iter().map(|candidate| &candidate.image.id).collect();
    let mut held: Vec<(&ObservedImage, &ObservedImage)> = Vec::new();
    // What is held back may itself have been built on something.
    loop {
        let staying = all.values().flatten().filter(|image| !going.contains(&image.id));
        let used: BTreeMap<(&ImageAddress, u64), &ObservedImage> = staying
            .filter_map(|image| {
                image
                    .manifest
                    .built_on
                    .as_ref()
                    .map(|base| ((&base.address, base.release), image))
            })
            .collect();
        let user = |image: &ObservedImage| used.get(&(&image.manifest.address, image.manifest.release)).copied();
        let kept: Vec<_> = candidates
            .iter()
            .filter(|one| going.contains(&one.image.id) && !one.first)
            .filter_map(|one| Some((one.image, user(one.image)?)))
            .collect();
        if kept.is_empty() {
            break;
        }
        kept.iter().for_each(|(image, _)| {
            going.remove(&image.id);
        });
        held.extend(kept);
    }
    let going: BTreeSet<ImageId> = going.into_iter().cloned().collect();
    (
        candidates
            .into_iter()
            .filter(|one| going.contains(&one.image.id))
            .collect(),
        held,
    )
}

/// Releases beyond `keep_releases`, the newest first; `new` is one that comes on top, and `first` are gone before.
pub fn beyond<'a>(spec: &ImageSpec, standing: &[&'a ObservedImage], new: bool) -> Vec<Candidate<'a>> {
    let keep = spec.lifecycle.keep_releases.max(1) as usize - usize::from(new);
    let reason = format!("keep_releases = {}", spec.lifecycle.keep_releases);
    let each = standing.iter().skip(keep).map(|image| Candidate {
        image,
        reason: reason.clone(),
        first: false,
    });
    each.collect()
}

impl Candidate<'_> {
    /// As a plan shows it.
    pub fn retirement(&self) -> Retirement {
        Retirement {
            release: self.image.manifest.release,
            id: self.image.id.clone(),
            name: self.image.name.clone(),
            snapshots: self.image.snapshots.len(),
            reason: self.reason.clone(),
            first: self.first,
        }
    }
}
