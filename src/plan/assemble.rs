//! From what was decided about each image to the plan: what is shown of each, what goes, and the nodes to be opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fate::Fate;
use super::moved::Moves;
use super::observe::World;
use super::options::{Mode, Options};
use super::outputs::Known;
use super::releases::{self, Candidate};
use super::{
    Action, Cause, FORMAT, ImagePlan, Plan, PlannedOutput, Release, Standing, announce, causes, conditions, mutable,
    nodes, select,
};
use crate::address::{Address, ImageAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{ContentHasher, Digest};
use crate::module::Module;
use crate::module::conditions::Waiting;
use crate::nodes::{Need, Node, NodeData};
use crate::providers::{Keep, ObservedImage};
use crate::spec::ImageSpec;
use crate::units::Duration;

/// Everything that a plan is put together from.
pub struct Assembly<'a> {
    /// The module.
    pub module: &'a Module,
    /// What was asked for.
    pub options: &'a Options,
    /// The world as it is.
    pub observed: &'a World,
    /// The world after `moved`.
    pub world: &'a World,
    /// What was moved.
    pub moves: &'a Moves,
    /// What the plan is about.
    pub chosen: &'a BTreeSet<ImageAddress>,
    /// What is known of images.
    pub known: &'a Known,
    /// What is known of those that stand, whatever the plan does to them.
    pub stood: &'a Known,
    /// Conditions that only an apply can judge.
    pub conditions: &'a [Waiting],
    /// What was decided.
    pub fates: &'a BTreeMap<ImageAddress, Fate<'a>>,
}

impl<'a> Assembly<'a> {
    /// The plan.
    ///
    /// # Errors
    /// Images that are to be destroyed and must not be.
    pub fn plan(&self) -> Result<Plan, Diagnostics> {
        self.protected()?;
        let (going, held) = releases::settle(&self.world.images, self.candidates());
        let mut warnings = self.module.warnings.clone();
        warnings.extend(select::partial(self.options));
        warnings.extend(self.damaged());
        warnings.extend(held.into_iter().map(|(image, user)| stays(image, user)));
        let images = self.images(&going);
        let nodes = if self.options.mode == Mode::RefreshOnly {
            Vec::new()
        } else {
            self.nodes(&going)
        };
        Ok(Plan {
            format: FORMAT,
            bake: env!("CARGO_PKG_VERSION").to_owned(),
            mode: self.options.mode,
            owner: self.module.owner.clone(),
            about: select::partial(self.options).map(|_| self.chosen.clone()),
            images,
            nodes,
            providers: self.module.providers.clone(),
            outputs: self.outputs(),
            inputs: self.module.inputs.clone(),
            world: standing(self.observed),
            warnings: warnings.sorted(),
        })
    }

    /// The outputs as they will be; beside each what it is now, if that differs.
    fn outputs(&self) -> BTreeMap<String, PlannedOutput> {
        let mut outputs = self.known.outputs(&self.module.outputs);
        for (name, before) in self.stood.outputs(&self.module.outputs) {
            if let Some(output) = outputs.get_mut(&name) {
                let known = before.value.is_wholly_known() && !before.value.contains_sensitive();
                let differs = known && before.value != output.value;
                output.before = differs.then_some(before.value);
            }
        }
        outputs
    }

    /// Every release that cannot be used any more: the current one is built again, older ones are not promoted to.
    fn damaged(&self) -> impl Iterator<Item = Diagnostic> {
        let images = self.world.images.values().flatten();
        let chosen = images.filter(|image| self.chosen.contains(&image.manifest.address));
        chosen.filter_map(|image| Some(unusable(image, self.world.damaged.get(&image.id)?)))
    }

    fn spec(&self, address: &ImageAddress) -> Option<&'a ImageSpec> {
        self.module
            .images
            .iter()
            .find(|spec| spec.address == *address)
            .map(Arc::as_ref)
    }

    /// Images of this project and workspace that the plan removes altogether.
    fn destroyed(&self) -> impl Iterator<Item = (&'a ImageAddress, &'a Vec<ObservedImage>)> {
        let declared: BTreeSet<&ImageAddress> = self.module.images.iter().map(|spec| &spec.address).collect();
        let all = self.options.mode == Mode::Destroy;
        let gone = move |address: &ImageAddress| all || !declared.contains(address);
        let (chosen, only_look) = (self.chosen, self.options.mode == Mode::RefreshOnly);
        self.world.images.iter().filter(move |(address, releases)| {
            !only_look && !releases.is_empty() && chosen.contains(*address) && gone(address)
        })
    }

    fn protected(&self) -> Result<(), Diagnostics> {
        let errors: Diagnostics = self
            .destroyed()
            .filter_map(|(address, _)| {
                let span = self.spec(address)?.lifecycle.prevent_destroy.as_ref()?;
                Some(
                    Diagnostic::error(format!("{address} must not be destroyed"))
                        .label(span, "says so")
                        .help("set prevent_destroy = false if it may go, or leave it out with -exclude"),
                )
            })
            .collect();
        errors.into_result(()).map(|_| ())
    }

    fn candidates(&self) -> Vec<Candidate<'a>> {
        let mut all = Vec::new();
        for fate in self.fates.values().filter(|_| self.options.mode == Mode::Normal) {
            all.extend(fate.first.map(|image| Candidate {
                image,
                reason: "its name is needed".into(),
                first: true,
            }));
            let stays = fate.stays().map(|release| &release.id);
            let gone = |image: &&ObservedImage| {
                Some(&image.id) != stays && Some(&image.id) != fate.first.map(|first| &first.id)
            };
            let others: Vec<&ObservedImage> = fate.standing.iter().copied().filter(gone).collect();
            all.extend(releases::beyond(&fate.compiled.spec, &others, true));
            all.extend(self.elsewhere(&fate.compiled.spec));
        }
        for (_, releases) in self.destroyed() {
            all.extend(releases.iter().map(|image| Candidate {
                image,
                reason: "destroyed".into(),
                first: false,
            }));
        }
        all
    }

    /// Releases of an image in a provider in which it is no longer declared.
    fn elsewhere(&self, spec: &ImageSpec) -> impl Iterator<Item = Candidate<'a>> {
        let provider = spec.provider.clone();
        let others = self
            .world
            .releases(&spec.address)
            .iter()
            .filter(move |image| image.provider != provider);
        let now = spec.provider.to_string();
        others.map(move |image| Candidate {
            image,
            reason: format!("the image lives with {now} now"),
            first: false,
        })
    }

    fn images(&self, going: &[Candidate<'_>]) -> Vec<ImagePlan> {
        let retire = |address: &ImageAddress| {
            let of = going.iter().filter(|one| one.image.manifest.address == *address);
            of.map(Candidate::retirement).collect::<Vec<_>>()
        };
        let mut images: Vec<ImagePlan> = self.fates.values().map(|fate| self.image(fate)).collect();
        images.extend(
            self.destroyed()
                .filter_map(|(address, releases)| Some(self.destruction(address, releases.first()?))),
        );
        images.sort_by(|a, b| a.address.cmp(&b.address));
        for image in &mut images {
            image.retire = retire(&image.address);
            if image.action == Action::Destroy && image.retire.is_empty() {
                image.action = Action::None;
            }
        }
        images
    }

    fn image(&self, fate: &Fate<'_>) -> ImagePlan {
        let spec = &fate.compiled.spec;
        let current = fate.standing.first().copied();
        let looking = self.options.mode == Mode::RefreshOnly;
        let changes = match looking {
            true => Vec::new(),
            false => fate.decision.changes.iter().chain(&fate.mutable).cloned().collect(),
        };
        ImagePlan {
            address: spec.address.clone(),
            provider: spec.provider.clone(),
            action: if looking { Action::None } else { fate.decision.action },
            span: Some(spec.span.clone()),
            causes: if looking {
                Vec::new()
            } else {
                fate.decision.causes.clone()
            },
            before: current.map(release_of),
            after: Some(Release {
                id: fate.stays().map(|release| release.id.clone()),
                name: Some(fate.name.clone()),
                number: fate.number,
                digest: Some(fate.compiled.digest),
                spec: fate.compiled.recorded.clone(),
            }),
            changes,
            drift: current.map(mutable::drift).unwrap_or_default(),
            // Of an image that stays as it is no step runs.
            steps: match fate.decision.action {
                Action::None => Vec::new(),
                _ => causes::steps(&fate.compiled, current.map(|current| &current.manifest)),
            },
            retire: Vec::new(),
            moved_from: self.moves.get(&spec.address).cloned(),
            estimate: current.and_then(took),
        }
    }

    fn destruction(&self, address: &ImageAddress, current: &ObservedImage) -> ImagePlan {
        let cause = match self.options.mode {
            Mode::Destroy => self
                .base_that_goes(current)
                .map_or(Cause::DestroyRequested, |image| Cause::BaseGoes { image }),
            _ => Cause::NotInModule,
        };
        ImagePlan {
            address: address.clone(),
            provider: current.provider.clone(),
            action: Action::Destroy,
            span: self.spec(address).map(|spec| spec.span.clone()),
            causes: vec![cause],
            before: Some(release_of(current)),
            after: None,
            changes: Vec::new(),
            drift: Vec::new(),
            steps: Vec::new(),
            retire: Vec::new(),
            moved_from: None,
            estimate: None,
        }
    }

    /// Of an image that nobody has named and that goes all the same: what it is built on.
    fn base_that_goes(&self, image: &ObservedImage) -> Option<ImageAddress> {
        let targets = &self.options.targets;
        let address = &image.manifest.address;
        if targets.is_empty() || targets.iter().any(|target| target.means(address)) {
            return None;
        }
        let base = image.manifest.built_on.as_ref().map(|base| base.address.clone());
        base.or_else(|| self.spec(address)?.source.base().cloned())
    }

    fn nodes(&self, going: &[Candidate<'a>]) -> Vec<Arc<Node>> {
        let mut all = Vec::new();
        for fate in self.fates.values() {
            let base = fate.compiled.spec.source.base().and_then(|base| self.fates.get(base));
            match fate.decision.action {
                Action::Build | Action::Replace => all.extend(nodes::build(fate, base, self.world)),
                Action::Register => all.extend(nodes::register(fate, base)),
                Action::Update | Action::Promote => all.extend(nodes::current(fate).map(Arc::new)),
                Action::Destroy | Action::Import | Action::None => {}
            }
            announce::publish(fate, &mut all);
            if fate.moved {
                let going = |image: &ObservedImage| going.iter().any(|one| one.image.id == image.id);
                let others = fate.standing.iter().copied().filter(|image| !going(image));
                all.extend(others.filter_map(|release| nodes::moved(fate, release).map(Arc::new)));
            }
        }
        for node in all.iter_mut().filter(|node| matches!(node.data, NodeData::Image(_))) {
            if let NodeData::Image(image) = &mut Arc::make_mut(node).data {
                image.manifest.owner = self.module.owner.clone();
            }
        }
        for (address, releases) in self.destroyed() {
            let stays = |image: &&ObservedImage| !going.iter().any(|one| one.image.id == image.id);
            let current = releases.first().into_iter();
            let left = releases.iter().find(stays);
            let parameters = current.flat_map(|current| announce::abandon(address, current, left));
            all.extend(parameters.map(Arc::new));
        }
        let published = published(&all);
        all.extend(
            going
                .iter()
                .map(|one| Arc::new(self.retirement(one, going, &published))),
        );
        conditions::place(self.conditions, &mut all);
        nodes::prune(&mut all);
        all
    }

    /// The removal of a release: behind what takes its place, and behind what was built on it.
    fn retirement(&self, one: &Candidate<'a>, going: &[Candidate<'a>], published: &[Address]) -> Node {
        let address = &one.image.manifest.address;
        let fate = self.fates.get(address).filter(|_| !one.first);
        let successor = fate.map(|fate| match fate.stays() {
            Some(release) => nodes::update_address(&fate.compiled.spec, release),
            None => address.itself(),
        });
        let uses = |other: &&Candidate<'_>| {
            let base = other.image.manifest.built_on.as_ref();
            base.is_some_and(|base| base.address == *address && base.release == one.image.manifest.release)
        };
        let users = going.iter().filter(uses).map(|user| nodes::retire_address(user.image));
        let told = published
            .iter()
            .filter(|at| at.image == *address && !one.first)
            .cloned();
        let after = successor.into_iter().chain(told).chain(users);
        let after = after.map(Need::Opened).collect();
        let spec = self.spec(address);
        let needed = one.first && fate_uses(self.fates.get(address), one.image);
        let keep = match () {
            () if spec.is_some_and(|spec| !spec.lifecycle.delete_snapshots) => Keep::All,
            () if needed => Keep::Own,
            () => Keep::Nothing,
        };
        nodes::retire(one.image, keep, after)
    }
}

/// What must be done about the publication of images before one of their releases goes.
fn published(nodes: &[Arc<Node>]) -> Vec<Address> {
    let publishes = |data: &NodeData| {
        matches!(
            data,
            NodeData::RegionalCopy(_) | NodeData::Share(_) | NodeData::Parameter(_)
        )
    };
    let all = nodes.iter().filter(|node| publishes(&node.data));
    all.map(|node| node.address.clone()).collect()
}

/// Whether a new image is registered from the snapshots of this one.
fn fate_uses(fate: Option<&Fate<'_>>, image: &ObservedImage) -> bool {
    fate.and_then(|fate| fate.decision.release)
        .is_some_and(|release| release.id == image.id)
}

pub(super) fn release_of(image: &ObservedImage) -> Release {
    Release {
        id: Some(image.id.clone()),
        name: Some(image.name.clone()),
        number: image.manifest.release,
        digest: Some(image.manifest.digest),
        spec: image.manifest.spec.clone(),
    }
}

/// How long its steps took when it was built.
fn took(image: &ObservedImage) -> Option<Duration> {
    let known = image.manifest.nodes.iter().filter_map(|node| node.took);
    let total: std::time::Duration = known.map(|took| took.as_std()).sum();
    (!total.is_zero()).then(|| Duration::from(total))
}

fn unusable(image: &ObservedImage, why: &str) -> Diagnostic {
    let manifest = &image.manifest;
    Diagnostic::warning(format!("{} release {}: {why}", manifest.address, manifest.release))
        .help("put the file back from a copy, or let bake apply build the image again")
        .about(&manifest.address.itself())
}

fn stays(image: &ObservedImage, user: &ObservedImage) -> Diagnostic {
    let (manifest, by) = (&image.manifest, &user.manifest);
    Diagnostic::warning(format!(
        "{} release {} stays: {} release {} was built on it",
        manifest.address, manifest.release, by.address, by.release
    ))
    .about(&Address {
        image: manifest.address.clone(),
        node: None,
    })
}

/// The images that stand, as a plan remembers them.
pub fn standing(world: &World) -> Vec<Standing> {
    let images = world.images.values().flatten();
    let mut all: Vec<Standing> = images
        .map(|image| Standing {
            address: image.manifest.address.clone(),
            release: image.manifest.release,
            provider: image.provider.clone(),
            id: image.id.clone(),
            digest: image.manifest.digest,
            state: state(image),
            parts: parts(image),
        })
        .collect();
    all.sort();
    all
}

fn state(image: &ObservedImage) -> Digest {
    let mut hasher = ContentHasher::new("state", 1);
    hasher.text("name", &image.name);
    image.tags.iter().for_each(|(name, value)| {
        hasher.text("tag", name).text("is", value);
    });
    hasher
        .text("description", image.description.as_deref().unwrap_or(""))
        .text("deprecated", image.deprecated_at.as_deref().unwrap_or(""));
    if let Some(published) = announced(image) {
        hasher.text("published", &published);
    }
    hasher.finish()
}

/// What is announced of an image, and which copies it has; how far these are does not matter.
fn announced(image: &ObservedImage) -> Option<String> {
    let published = image.published.as_deref()?;
    let copies: Vec<_> = published.copies.iter().map(|copy| (&copy.region, &copy.id)).collect();
    serde_json::to_string(&(&published.here, copies)).ok()
}

fn parts(image: &ObservedImage) -> BTreeMap<String, Digest> {
    let part = |name: &str, text: Option<&str>| Some((name.to_owned(), Digest::of(text?.as_bytes())));
    let tags = serde_json::to_string(&image.tags).unwrap_or_default();
    let all = [
        part("name", Some(&image.name)),
        part("tags", Some(&tags)),
        part("description", image.description.as_deref()),
        part("deprecation", image.deprecated_at.as_deref()),
        part("publication", announced(image).as_deref()),
    ];
    all.into_iter().flatten().collect()
}
