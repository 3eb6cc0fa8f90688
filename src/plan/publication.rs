//! What is announced of an image: what the module wants of it in each region, against what stands there.

mod check;
mod differences;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::compare::Change;
use super::decide::is_ignored;
use super::fate::Fate;
use super::keys::is_key;
use super::mutable::minute;
use super::observe::World;
use super::{Action, mutable};
use crate::lang::value::Value;
use crate::providers::publication::{CopyState, ParameterPlace, ParameterWish, RegionalCopy};
use crate::providers::{ImageId, Key, ObservedImage, Publication, Published};
use crate::schema::{Class, Recorded};
use crate::spec::ImageSpec;

pub use check::check;
pub use differences::drift;
use differences::{as_change, as_wanted, differences, is_as, rows, says_shares};

/// What becomes of the publication of one image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Announcing {
    /// Where it is built.
    pub home: String,
    /// What is wanted.
    pub wanted: Publication,
    /// What differs from what stands.
    pub changes: Vec<Change>,
    /// Regions in which a copy must be made or waited for, each with the copies in whose place it comes.
    pub copies: BTreeMap<String, Vec<ImageId>>,
    /// Copies that stay.
    pub standing: BTreeMap<String, ImageId>,
    /// Regions in which something must be changed on the image that is there; those of new copies, too.
    pub shares: BTreeSet<String>,
    /// Whether somebody must ask with whom it is shared.
    pub asks_shares: bool,
    /// Copies that go, by region.
    pub withdrawn: Vec<(String, ImageId)>,
    /// Parameters to be written, by name.
    pub parameters: BTreeMap<String, Switch>,
}

/// A parameter to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Switch {
    /// How.
    pub wish: ParameterWish,
    /// Regions in which it holds the id of what is there.
    pub holds: BTreeSet<String>,
    /// Regions from which it goes.
    pub goes: BTreeSet<String>,
}

/// What is announced of an image whose fate is decided; none if its provider does not publish.
pub fn announcing(fate: &Fate<'_>, world: &World) -> Option<Announcing> {
    let spec = &fate.compiled.spec;
    let home = world.region(&spec.provider)?;
    let mut made = Announcing {
        home: home.to_owned(),
        wanted: Publication::of(&fate.compiled.recorded, home),
        ..Announcing::default()
    };
    match fate
        .stays()
        .and_then(|release| Some((release, release.published.as_deref()?)))
    {
        Some((release, published)) => made.compare(fate, release, published, world),
        None => made.begin(fate),
    }
    made.switches(fate, world);
    Some(made)
}

impl Announcing {
    /// Whether anything must be done.
    pub fn is_needed(&self) -> bool {
        !(self.copies.is_empty() && self.shares.is_empty() && self.withdrawn.is_empty() && self.parameters.is_empty())
    }

    /// Every region in which there may be a copy when this is done, or was before.
    pub fn regions(&self, release: Option<&ObservedImage>) -> Vec<String> {
        let published = release.and_then(|release| release.published.as_deref());
        let seen = published.into_iter().flat_map(|published| &published.copies);
        let all: BTreeSet<&String> = self.wanted.copies.keys().chain(seen.map(|copy| &copy.region)).collect();
        all.into_iter().cloned().collect()
    }

    /// Ids by place, when no copy is to be made.
    pub fn ids(&self, release: &ObservedImage) -> BTreeMap<String, ImageId> {
        let here = (self.home.clone(), release.id.clone());
        self.standing.clone().into_iter().chain([here]).collect()
    }

    /// Of a new image nothing stands.
    fn begin(&mut self, fate: &Fate<'_>) {
        self.copies = self
            .wanted
            .copies
            .keys()
            .map(|region| (region.clone(), Vec::new()))
            .collect();
        self.shares = self.copies.keys().cloned().collect();
        self.asks_shares = !self.wanted.shares.is_empty();
        // Snapshots that stand already have the tags of the release that they were made for.
        let older = fate
            .decision
            .release
            .map(|release| Publication::of(&release.manifest.spec, &self.home));
        let tagged = older.is_none_or(|older| older.snapshot_tags == self.wanted.snapshot_tags);
        let resumed = !fate.decision.kept.is_empty() && !self.wanted.snapshot_tags.is_empty();
        if self.asks_shares || self.wanted.protect || !tagged || resumed {
            self.shares.insert(self.home.clone());
        }
    }

    fn compare(&mut self, fate: &Fate<'_>, release: &ObservedImage, published: &Published, world: &World) {
        let spec = &fate.compiled.spec;
        let recorded = Publication::of(&release.manifest.spec, &self.home);
        self.ignore(spec, published);
        self.asks_shares = !self.wanted.shares.is_empty() || says_shares(&release.manifest.spec);
        let mut stands = as_wanted(&published.here, &self.wanted);
        // One that is still under way must be waited for.
        let available = published
            .copies
            .iter()
            .filter(|copy| copy.state == CopyState::Available);
        stands.copies = available.map(|copy| (copy.region.clone(), None)).collect();
        self.changes = differences("publish.", &rows(&stands), &rows(&self.wanted));
        let whole = fate.decision.action == Action::Promote;
        if whole || !is_as(&published.here, &self.wanted) {
            self.shares.insert(self.home.clone());
        }
        for (region, key) in self.wanted.copies.clone() {
            let there: Vec<&RegionalCopy> = published.copies.iter().filter(|copy| copy.region == region).collect();
            let before = recorded.copies.get(&region);
            let fits = |copy: &&&RegionalCopy| is_under(copy, key.as_deref(), before, spec, world);
            let usable = |copy: &&&RegionalCopy| copy.state != CopyState::Failed;
            let found = there.iter().filter(usable).find(fits).copied();
            let others: Vec<ImageId> = there
                .iter()
                .filter(usable)
                .filter(|copy| !fits(copy))
                .map(|copy| copy.id.clone())
                .collect();
            self.withdrawn
                .extend(others.iter().map(|id| (region.clone(), id.clone())));
            match found {
                Some(copy) if copy.state == CopyState::Available => {
                    self.standing.insert(region.clone(), copy.id.clone());
                    let differs = self.differs(fate, release, copy);
                    if whole || !differs.is_empty() {
                        self.shares.insert(region.clone());
                    }
                    self.tell(&region, differs);
                }
                _ => {
                    if let Some(old) = there.iter().find(|copy| others.contains(&copy.id)) {
                        let path = format!("publish.region[{}].kms_key", Json::from(region.as_str()));
                        let (old, new) = (json!(old.key), json!(key));
                        self.changes.push(as_change(&path, Some(&old), Some(&new), Class::Keys));
                    }
                    self.shares.insert(region.clone());
                    self.copies.insert(region, others);
                }
            }
        }
        let unwanted = published
            .copies
            .iter()
            .filter(|copy| !self.wanted.copies.contains_key(&copy.region));
        self.withdrawn
            .extend(unwanted.map(|copy| (copy.region.clone(), copy.id.clone())));
    }

    /// What `ignore_changes` names is wanted as it is.
    fn ignore(&mut self, spec: &ImageSpec, published: &Published) {
        if is_ignored(spec, "publish.regions") {
            let usable = published.copies.iter().filter(|copy| copy.state != CopyState::Failed);
            self.wanted.copies = usable.map(|copy| (copy.region.clone(), copy.key.clone())).collect();
        }
        if is_ignored(spec, "publish.protect") {
            self.wanted.protect = published.here.protected;
        }
        if is_ignored(spec, "publish.snapshot_tags")
            && let Some(tags) = published.here.snapshot_tags.first()
        {
            self.wanted.snapshot_tags = tags.clone();
        }
        if is_ignored(spec, "publish.share")
            && let Some(shares) = &published.here.shares
        {
            self.wanted.shares = shares.clone();
        }
    }

    /// What of a copy is not as it is of the image, or is not wanted of both.
    fn differs(&self, fate: &Fate<'_>, release: &ObservedImage, copy: &RegionalCopy) -> Vec<Change> {
        let spec = &fate.compiled.spec;
        let prefix = format!("publish.region[{}].", Json::from(copy.region.as_str()));
        let mut is = rows(&as_wanted(&copy.announced, &self.wanted));
        let mut want = rows(&Publication {
            copies: BTreeMap::new(),
            ..self.wanted.clone()
        });
        let tags = fate.update.tags.as_ref().unwrap_or(&release.tags);
        let open = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_wholly_known());
        is.insert("tags".into(), json!(copy.tags));
        want.insert("tags".into(), if open(&fate.tags) { json!(null) } else { json!(tags) });
        let text = fate.update.description.as_ref().unwrap_or(&release.description);
        is.insert("description".into(), json!(copy.description));
        want.insert(
            "description".into(),
            if open(&fate.description) {
                json!(null)
            } else {
                json!(text)
            },
        );
        let at = fate.update.deprecate_at.as_ref().unwrap_or(&release.deprecated_at);
        let minutes = |at: &Option<String>| at.as_deref().and_then(minute).map(|at| at.to_string());
        is.insert("deprecate_after".into(), json!(minutes(&copy.deprecated_at)));
        want.insert("deprecate_after".into(), json!(minutes(at)));
        is.insert("address".into(), json!(copy.address.as_ref().map(ToString::to_string)));
        want.insert("address".into(), json!(spec.address.to_string()));
        differences(&prefix, &is, &want)
    }

    /// Takes down what differs of a copy; what differs of the image itself, too, is told once.
    fn tell(&mut self, region: &str, differs: Vec<Change>) {
        let prefix = format!("publish.region[{}].", Json::from(region));
        let told: BTreeSet<String> = self.changes.iter().map(|change| change.path.clone()).collect();
        let new = differs.into_iter().filter(|change| {
            let name = change.path.strip_prefix(&prefix).unwrap_or(&change.path);
            !told.contains(&format!("publish.{name}"))
        });
        self.changes.extend(new);
    }

    /// Parameters that do not hold what they are to hold, and those that are not wanted any more.
    fn switches(&mut self, fate: &Fate<'_>, world: &World) {
        let spec = &fate.compiled.spec;
        let before = fate.standing.first();
        let recorded = before.map(|release| Publication::of(&release.manifest.spec, &self.home));
        let before_regions = before
            .map(|release| release.manifest.regions.clone())
            .unwrap_or_default();
        let everywhere: BTreeSet<String> = std::iter::once(self.home.clone())
            .chain(self.wanted.copies.keys().cloned())
            .collect();
        let once: BTreeSet<String> = std::iter::once(self.home.clone()).chain(before_regions).collect();
        for (name, wish) in self.wanted.parameters.clone() {
            let had = recorded
                .as_ref()
                .is_some_and(|recorded| recorded.parameters.contains_key(&name));
            let mut switch = Switch {
                wish,
                ..Switch::default()
            };
            let gone = once.difference(&everywhere).filter(|_| had);
            let withdrawn: BTreeSet<&String> = self.withdrawn.iter().map(|(region, _)| region).collect();
            let new = fate.stays().is_none();
            let gone = gone.filter(|region| new || withdrawn.contains(region));
            switch.goes = gone.cloned().collect();
            for region in &everywhere {
                let place = ParameterPlace {
                    region: region.clone(),
                    name: name.clone(),
                };
                let held = world.parameter(&spec.provider, &place);
                let target = self.target(fate, region);
                let right = held.zip(target.as_ref()).is_some_and(|(held, target)| {
                    held.seen.value == target.0 && held.seen.kind == switch.wish.kind.name()
                });
                if right {
                    continue;
                }
                if fate.stays().is_some() {
                    let is = held.map(|held| Json::from(held.seen.value.as_str()));
                    let want = target.map(|id| Json::from(id.0));
                    let path = match *region == self.home {
                        true => format!("publish.parameter[{}].value", Json::from(name.as_str())),
                        false => format!("publish.parameter[{}].{region}", Json::from(name.as_str())),
                    };
                    self.changes
                        .push(as_change(&path, is.as_ref(), want.as_ref(), Class::Mutable));
                }
                switch.holds.insert(region.clone());
            }
            if !(switch.holds.is_empty() && switch.goes.is_empty()) {
                self.parameters.insert(name, switch);
            }
        }
        let had = recorded.map(|recorded| recorded.parameters).unwrap_or_default();
        for (name, wish) in had
            .into_iter()
            .filter(|(name, _)| !self.wanted.parameters.contains_key(name))
        {
            if fate.stays().is_some() {
                let path = format!("publish.parameter[{}].value", Json::from(name.as_str()));
                let id = before.map(|release| Json::from(release.id.0.as_str()));
                self.changes.push(as_change(&path, id.as_ref(), None, Class::Mutable));
            }
            let goes = once.union(&everywhere).cloned().collect();
            let switch = Switch {
                wish,
                goes,
                ..Switch::default()
            };
            self.parameters.insert(name, switch);
        }
    }

    /// What stands in a region and stays there.
    fn target(&self, fate: &Fate<'_>, region: &str) -> Option<ImageId> {
        match region == self.home {
            true => fate.stays().map(|release| release.id.clone()),
            false => self.standing.get(region).cloned(),
        }
    }
}

/// Whether a copy is encrypted as the module says; a key that cannot be looked at is compared by the name that was recorded.
fn is_under(
    copy: &RegionalCopy,
    key: Option<&str>,
    before: Option<&Option<String>>,
    spec: &ImageSpec,
    world: &World,
) -> bool {
    let recorded = before.and_then(Option::as_deref);
    let Some(key) = key else {
        return recorded.is_none() || copy.key.is_none();
    };
    let Some(arn) = &copy.key else {
        return copy.state == CopyState::Pending;
    };
    let known = world.key(&spec.provider, &copy.region, key);
    is_key(key, arn)
        || match known {
            Some(Key::Usable { arn: known, .. }) => known == arn,
            _ => recorded == Some(key),
        }
}

/// Whether EC2 itself has set this deprecation: two years after its creation, where an image is public.
pub fn is_of_ec2(wanted: &Recorded, image: &ObservedImage) -> bool {
    let public = image
        .published
        .as_ref()
        .is_some_and(|published| Publication::of(wanted, &published.region).shares.public);
    let two_years = std::time::Duration::from_secs(730 * 24 * 3600);
    let then = mutable::later(&image.created, two_years.into());
    public && image.deprecated_at.as_deref().and_then(minute) == then
}
