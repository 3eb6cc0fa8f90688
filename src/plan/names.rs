//! What a new image is called, and whether somebody has the name already.

use std::collections::BTreeMap;

use super::observe::World;
use super::outputs::Known;
use crate::address::ImageAddress;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::providers::{Holder, ObservedImage, Owner};
use crate::source::Span;
use crate::spec::{ImageSpec, NameConflict, ProviderKey, default_name};

/// The name of a new release, and what must make room for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Naming<'a> {
    /// It is free.
    Free(String),
    /// A standing release of the address has it and goes first (`on_name_conflict = "replace"`).
    Replaces(String, &'a ObservedImage),
    /// A standing release of the address has it and the wanted content (`on_name_conflict = "adopt"`).
    Adopts(&'a ObservedImage),
}

/// Names that this plan gives, so that no two images get one.
pub type Given = BTreeMap<(ProviderKey, String), ImageAddress>;

/// Everything that a name depends on.
pub struct Wish<'w, 'a> {
    /// Who plans.
    pub owner: &'w Owner,
    /// The image.
    pub spec: &'w ImageSpec,
    /// Its standing releases.
    pub standing: &'w [&'a ObservedImage],
    /// What is wanted.
    pub digest: Digest,
    /// `self.release`.
    pub release_id: &'w str,
}

impl<'a> Wish<'_, 'a> {
    /// Finds the name.
    ///
    /// # Errors
    /// A fixed name that a standing release has; a name that somebody else's image has; one that is not known yet.
    pub fn find(&self, world: &World, known: &Known, given: &mut Given) -> Result<Naming<'a>, Diagnostic> {
        let (name, fixed) = self.wanted(known)?;
        let holder = |name: &str| self.standing.iter().copied().find(|image| image.name == name);
        let naming = match holder(&name) {
            None => Naming::Free(name),
            Some(image) if fixed => self.conflict(name, image)?,
            Some(_) => {
                let mut others = (2..).map(|number| format!("{name}-{number}"));
                let free = others.find(|name| holder(name).is_none());
                Naming::Free(free.expect("there are more numbers than releases"))
            }
        };
        if let Naming::Free(name) | Naming::Replaces(name, _) = &naming {
            self.foreign(world, name)?;
            self.give(name, given)?;
        }
        Ok(naming)
    }

    /// The name, and whether it is the same for every release.
    fn wanted(&self, known: &Known) -> Result<(String, bool), Diagnostic> {
        let Some(written) = &self.spec.name else {
            return Ok((default_name(&self.spec.address, self.release_id), false));
        };
        let value = known.settle(&written.value);
        match value.as_str() {
            Some(name) => Ok((name.to_owned(), written.value.is_wholly_known())),
            None => Err(
                Diagnostic::error(format!("the name of {} is not known before apply", self.spec.address))
                    .at(&written.span)
                    .note("a name is planned, so that it can be seen and cannot collide")
                    .help("make it of variables, self.release and self.digest"),
            ),
        }
    }

    fn conflict(&self, name: String, image: &'a ObservedImage) -> Result<Naming<'a>, Diagnostic> {
        match self.spec.lifecycle.on_name_conflict {
            NameConflict::Replace => Ok(Naming::Replaces(name, image)),
            NameConflict::Adopt if image.manifest.digest == self.digest => Ok(Naming::Adopts(image)),
            NameConflict::Adopt | NameConflict::Fail => Err(Diagnostic::error(format!(
                "{}: the name {name:?} is taken by its release {}",
                self.spec.address, image.manifest.release
            ))
            .at(self.span())
            .note(format!(
                "the image {} stands until the new one does, and no two can have one name",
                image.id
            ))
            .help("add ${self.release} to the name, or write on_name_conflict = \"replace\" in lifecycle")),
        }
    }

    fn foreign(&self, world: &World, name: &str) -> Result<(), Diagnostic> {
        let Some(holder) = world.holder(&self.spec.provider, name) else {
            return Ok(());
        };
        if holder.owner.as_ref() == Some(self.owner) && self.standing.iter().any(|image| image.name == name) {
            return Ok(());
        }
        let by = described(holder, self.owner);
        Err(
            Diagnostic::error(format!("{}: the name {name:?} is taken by {by}", self.spec.address))
                .at(self.span())
                .help("choose another name"),
        )
    }

    fn give(&self, name: &str, given: &mut Given) -> Result<(), Diagnostic> {
        let key = (self.spec.provider.clone(), name.to_owned());
        match given.insert(key, self.spec.address.clone()) {
            None => Ok(()),
            Some(other) => Err(Diagnostic::error(format!(
                "{other} and {} would both be called {name:?}",
                self.spec.address
            ))
            .at(self.span())
            .help("give one of them another name")),
        }
    }

    fn span(&self) -> &Span {
        self.spec.name.as_ref().map_or(&self.spec.span, |name| &name.span)
    }
}

/// Whose image has a name, in words.
pub fn described(holder: &Holder, own: &Owner) -> String {
    let address = holder
        .address
        .as_ref()
        .map_or_else(|| "an image".into(), ToString::to_string);
    match &holder.owner {
        None => "an image that bake did not make".into(),
        Some(owner) if owner == own => address,
        Some(owner) => format!("{address} of project {}, workspace {}", owner.project, owner.workspace),
    }
}
