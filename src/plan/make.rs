//! From a module and the world to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assemble;
use super::conditions::Judged;
use super::decide::decide;
use super::fate::Fate;
use super::moved::{self, Moves};
use super::names::{Given, Naming, Wish};
use super::observe::World;
use super::options::{Mode, Options};
use super::outputs::Known;
use super::{Action, Cause, Plan, keys, mutable, publication, releases, select, source, written};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::graph::{Base, BaseIdentity, Compiled, batches, order};
use crate::module::Module;
use crate::providers::manifest::BuiltOn;
use crate::providers::{ImageUpdate, ObservedImage};
use crate::spec::ImageSpec;

/// Plans a module against the world.
///
/// # Errors
/// What contradicts itself in the module; names that are taken; images that must not be destroyed.
pub fn make(module: &Module, world: &World, options: &Options) -> Result<Plan, Diagnostics> {
    let (renamed, moves) = moved::apply(module, world)?;
    let mut planner = Planner {
        module,
        options,
        chosen: select::select(module, &renamed, options)?,
        world: &renamed,
        moves: &moves,
        errors: Diagnostics::new(),
        warnings: Diagnostics::new(),
        known: Known::default(),
        given: Given::new(),
        fates: BTreeMap::new(),
    };
    planner.standing_images();
    let stood = planner.known.clone();
    if options.mode != Mode::Destroy {
        planner.images()?;
    }
    let judged = planner.conditions();
    let Planner {
        errors,
        warnings,
        known,
        fates,
        chosen,
        ..
    } = planner;
    let (mut errors, mut warnings) = (errors, warnings);
    let (wrong, said): (Vec<_>, Vec<_>) = judged
        .found
        .into_iter()
        .partition(|one| one.severity == Severity::Error);
    errors.extend(wrong);
    if options.mode != Mode::Destroy {
        errors.extend(known.impossible(&module.outputs));
    }
    warnings.extend(said);
    let plan = assemble::Assembly {
        module,
        options,
        observed: world,
        world: &renamed,
        moves: &moves,
        chosen: &chosen,
        known: &known,
        stood: &stood,
        fates: &fates,
        conditions: &judged.waiting,
    }
    .plan();
    errors.take(plan).map_or_else(
        || Err(errors.clone()),
        |mut plan| {
            plan.warnings.extend(warnings);
            errors.clone().into_result(plan).map(|(plan, _)| plan)
        },
    )
}

/// Decides about one image after the other, bases first.
struct Planner<'a> {
    module: &'a Module,
    options: &'a Options,
    chosen: BTreeSet<ImageAddress>,
    world: &'a World,
    moves: &'a Moves,
    errors: Diagnostics,
    warnings: Diagnostics,
    known: Known,
    given: Given,
    fates: BTreeMap<ImageAddress, Fate<'a>>,
}

impl<'a> Planner<'a> {
    /// Conditions that wait for images, as far as their fate settles them.
    fn conditions(&self) -> Judged {
        match self.options.mode {
            Mode::Destroy => Judged::default(),
            _ => Judged::of(&self.module.conditions, &self.known),
        }
    }

    /// What is known of images that stand, until something else is decided about them.
    fn standing_images(&mut self) {
        for (address, releases) in &self.world.images {
            let Some(current) = releases.first() else { continue };
            self.known
                .identity(address, &current.manifest.release_id, &current.manifest.digest.short());
            self.known.name(address, &current.name);
            self.known.id(address, &current.id, current.ids());
        }
    }

    fn images(&mut self) -> Result<(), Diagnostics> {
        let module = self.module;
        let order = order::order(&module.images)?
            .into_iter()
            .map(|index| &module.images[index]);
        let chosen: Vec<_> = order.filter(|spec| self.chosen.contains(&spec.address)).collect();
        for batch in batches::batches(chosen) {
            let compiled = batches::compile(batch, |base| self.fates.get(base).map(as_base));
            for (spec, compiled) in compiled {
                match compiled.and_then(|compiled| self.image(spec, compiled)) {
                    Ok(fate) => {
                        self.fates.insert(spec.address.clone(), fate);
                    }
                    Err(errors) => self.errors.extend(errors),
                }
            }
        }
        Ok(())
    }

    fn image(&mut self, spec: &'a Arc<ImageSpec>, compiled: Compiled) -> Result<Fate<'a>, Diagnostics> {
        let base = spec.source.base().and_then(|base| self.fates.get(base));
        let standing: Vec<_> = self
            .world
            .releases(&spec.address)
            .iter()
            .filter(|image| image.provider == spec.provider)
            .collect();
        let decision = decide(&compiled, &standing, self.world, self.options);
        let mut fate = Fate {
            built_on: base.map(built_on),
            release_id: releases::release_id(&self.module.owner, &spec.address, &compiled.digest, &compiled.recorded),
            number: standing.first().map_or(1, |current| current.manifest.release + 1),
            moved: self.moves.contains_key(&spec.address),
            name: String::new(),
            first: None,
            update: ImageUpdate::default(),
            mutable: Vec::new(),
            tags: None,
            description: None,
            announcing: None,
            compiled,
            decision,
            standing,
        };
        if fate.is_new() {
            source::check(spec, self.world)?;
            keys::check(spec, self.world)?;
            self.warnings.extend(source::hidden(spec, self.world));
        }
        self.name(&mut fate)?;
        self.settle(&mut fate)?;
        if fate.decision.action == Action::None {
            fate.forget();
        }
        Ok(fate)
    }

    /// What the image is called: a name for a new one, its own for one that stands.
    fn name(&mut self, fate: &mut Fate<'a>) -> Result<(), Diagnostic> {
        if fate.is_new() {
            let spec = &fate.compiled.spec;
            self.known
                .identity(&spec.address, &fate.release_id, &fate.compiled.digest.short());
            let wish = Wish {
                owner: &self.module.owner,
                spec,
                standing: &fate.standing,
                digest: fate.compiled.digest,
                release_id: &fate.release_id,
            };
            let naming = wish.find(self.world, &self.known, &mut self.given)?;
            match naming {
                Naming::Free(name) => fate.name = name,
                Naming::Replaces(name, old) => (fate.name, fate.first) = (name, Some(old)),
                Naming::Adopts(old) => adopt(fate, old),
            }
        }
        if let Some(release) = fate.stays() {
            fate.name = release.name.clone();
            fate.release_id = release.manifest.release_id.clone();
            if fate.decision.action != Action::Promote {
                fate.number = release.manifest.release;
            }
        }
        Ok(())
    }

    /// Tags and deprecation of an image that stands, and what others may know of this one from now on.
    fn settle(&mut self, fate: &mut Fate<'a>) -> Result<(), Diagnostic> {
        let spec = &fate.compiled.spec;
        let address = spec.address.clone();
        self.known
            .identity(&address, &fate.release_id, &fate.compiled.digest.short());
        self.known.name(&address, &fate.name);
        match fate.stays() {
            Some(release) => self.known.id(&address, &release.id, release.ids()),
            None => self.known.forget_id(&address),
        }
        fate.tags = spec.publish.tags.as_ref().map(|tags| self.known.settle(&tags.value));
        fate.description = spec.description.as_ref().map(|text| self.known.settle(&text.value));
        if let Some(release) = fate.stays() {
            let wanted = &fate.compiled.recorded;
            let (changes, update) = mutable::compare(spec, wanted, release, &self.known, &self.options.now)?;
            (fate.mutable, fate.update) = (changes, update);
        }
        fate.announcing = publication::announcing(fate, self.world);
        if let (Some(release), Some(announcing)) = (fate.stays(), &fate.announcing) {
            match announcing.copies.is_empty() {
                true => self.known.id(&address, &release.id, announcing.ids(release)),
                false => self.known.forget_copies(&address),
            }
        }
        publication::check(fate, &self.module.owner, self.world)?;
        if let Some(release) = fate.stays() {
            let announced = fate.announcing.iter().flat_map(|announcing| &announcing.changes);
            fate.mutable.extend(announced.cloned().collect::<Vec<_>>());
            let drift = mutable::drift(release);
            let causes = fate.mutable.iter().map(|change| {
                let argument = change.path.clone();
                match drift.iter().any(|one| one.path == argument) {
                    true => Cause::Drift { argument },
                    false => Cause::Argument {
                        span: written::place(&spec.object, &argument),
                        argument,
                    },
                }
            });
            if fate.decision.action == Action::None {
                fate.decision.causes.extend(causes);
                fate.decision
                    .causes
                    .extend(self.moves.get(&address).map(|from| Cause::Moved { from: from.clone() }));
                if !fate.decision.causes.is_empty() {
                    fate.decision.action = Action::Update;
                }
            }
        }
        Ok(())
    }
}

fn as_base<'f>(fate: &'f Fate<'_>) -> Base<'f> {
    Base {
        shape: &fate.compiled.shape,
        identity: BaseIdentity {
            digest: fate.compiled.digest,
            build_number: fate.decision.build_number,
        },
        spec: &fate.compiled.spec,
    }
}

fn built_on(base: &Fate<'_>) -> BuiltOn {
    BuiltOn {
        address: base.compiled.spec.address.clone(),
        digest: base.compiled.digest,
        release: base.number,
        build_number: base.decision.build_number,
    }
}

/// Takes a standing release of the wanted content and name instead of registering a new one.
fn adopt<'a>(fate: &mut Fate<'a>, release: &'a ObservedImage) {
    let current = fate.standing.first().is_some_and(|current| current.id == release.id);
    fate.decision.action = if current { Action::None } else { Action::Promote };
    fate.decision.causes = match current {
        true => Vec::new(),
        false => vec![Cause::ReleaseStands {
            release: release.manifest.release,
        }],
    };
    fate.decision.changes = Vec::new();
    fate.decision.release = Some(release);
    fate.decision.build_number = release.manifest.build_number;
}
