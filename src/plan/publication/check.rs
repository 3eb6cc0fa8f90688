//! What cannot be published, said at plan.

use super::Announcing;
use crate::diagnostic::Diagnostic;
use crate::plan::fate::Fate;
use crate::plan::observe::World;
use crate::plan::{keys, names};
use crate::providers::publication::ParameterPlace;
use crate::providers::{DefaultEncryption, Key, Owner, SourceImage, SourceKey};
use crate::source::Span;
use crate::spec::{ImageSpec, Source, Volume};

/// What cannot be published: parameters of others, copies under keys that cannot encrypt, and shares of what AWS's own keys encrypt.
///
/// # Errors
/// The first of them, at its place.
pub fn check(fate: &Fate<'_>, owner: &Owner, world: &World) -> Result<(), Diagnostic> {
    let Some(announcing) = &fate.announcing else {
        return Ok(());
    };
    let spec = &fate.compiled.spec;
    for (name, switch) in announcing
        .parameters
        .iter()
        .filter(|(_, switch)| !switch.wish.overwrite)
    {
        for region in &switch.holds {
            let (region, name) = (region.clone(), name.clone());
            let held = world.parameter(&spec.provider, &ParameterPlace { region, name });
            if let Some((held, why)) = held.and_then(|held| Some((held, held.stranger.as_ref()?))) {
                let place = &held.seen.place;
                return Err(Diagnostic::error(format!(
                    "parameter {} in {} is not of {}",
                    place.name, place.region, spec.address
                ))
                .at(parameter_span(spec, &place.name))
                .note(why.clone())
                .help("choose another name, or write overwrite = true in the block to take it over"));
            }
        }
    }
    for region in announcing.copies.keys() {
        check_name(fate, owner, region, world)?;
        if let Some(Some(key)) = announcing.wanted.copies.get(region) {
            keys::check_copy(spec, region, key, world)?;
        }
    }
    if announcing.wanted.shares.is_empty() {
        return Ok(());
    }
    Sharing {
        spec,
        world,
        announcing,
    }
    .check()
}

/// A copy is called as its image is, also where somebody else has that name: not every call would be refused there.
fn check_name(fate: &Fate<'_>, owner: &Owner, region: &str, world: &World) -> Result<(), Diagnostic> {
    let spec = &fate.compiled.spec;
    let Some(holder) = world.holder_abroad(&spec.provider, region, &fate.name) else {
        return Ok(());
    };
    if holder.owner.as_ref() == Some(owner) && holder.address.as_ref() == Some(&spec.address) {
        return Ok(());
    }
    let by = names::described(holder, owner);
    let error = Diagnostic::error(format!(
        "{}: the name {:?} is taken in {region} by {by}",
        spec.address, fate.name
    ));
    let span = spec
        .name
        .as_ref()
        .map_or_else(|| spec.publish_span(), |name| &name.span);
    Err(error.at(span).help("choose another name, or leave the region out"))
}

fn parameter_span<'a>(spec: &'a ImageSpec, name: &str) -> &'a Span {
    let block = spec.publish.object.as_ref();
    let mut parameters = block.into_iter().flat_map(|block| block.children("parameter"));
    let found = parameters.find(|one| one.label(0).value == name);
    found.map_or(spec.publish_span(), |one| &one.span)
}

/// An image that is shared.
struct Sharing<'a> {
    spec: &'a ImageSpec,
    world: &'a World,
    announcing: &'a Announcing,
}

const MANAGED: &str = "what is encrypted with a key of AWS (alias/aws/ebs) cannot be shared";

impl Sharing<'_> {
    fn check(&self) -> Result<(), Diagnostic> {
        let shares = &self.announcing.wanted.shares;
        let public = shares.public || shares.snapshots_public;
        if public && self.is_encrypted() {
            let error = self.refusal("what is encrypted cannot be public", self.spec.publish_span());
            let says = self.says_encrypted();
            return Err(error
                .notes(self.by_default(&self.announcing.home, says))
                .help("share it with accounts, or leave the encryption out"));
        }
        if let Some(volume) = self.managed_volume() {
            let error = self.refusal(MANAGED, &volume.object.span);
            return Err(error
                .notes(self.by_default(&self.announcing.home, volume.object.is_on("encrypted")))
                .help("write the kms_key of a key of yours in the volume block"));
        }
        for (region, key) in &self.announcing.wanted.copies {
            self.check_copy(region, key.as_deref(), public)?;
        }
        Ok(())
    }

    /// A copy is encrypted if its image is, if it has a key, or if its region encrypts everything.
    fn check_copy(&self, region: &str, key: Option<&str>, public: bool) -> Result<(), Diagnostic> {
        let default = self.world.default_encryption(&self.spec.provider, region);
        let always = default.is_some_and(|default| default.is_always());
        let encrypted = self.is_encrypted() || always;
        let of_aws = match key {
            Some(key) => is_of_aws(key, self.world.key(&self.spec.provider, region, key)),
            // What has not been asked is not refused: it stands, and nothing is done about it.
            None => encrypted && default.is_some_and(|default| default.is_managed()),
        };
        if public && always {
            let error = self.refusal("what is encrypted cannot be public", self.spec.publish_span());
            return Err(error
                .notes(self.by_default(region, false))
                .help("share it with accounts, or leave the region out"));
        }
        if !of_aws {
            return Ok(());
        }
        let why = match key {
            None => format!("without a kms_key the copy in {region} is encrypted with a key of AWS"),
            Some(key) => format!("{key} in {region} is a key of AWS"),
        };
        let help = format!("write region {region:?} {{ kms_key = \"...\" }} with a key of yours");
        let error = self.refusal(MANAGED, self.spec.publish_span());
        Err(error
            .note(why)
            .notes(self.by_default(region, self.is_encrypted()))
            .help(help))
    }

    /// Why something is encrypted that does not say so.
    fn by_default(&self, region: &str, says: bool) -> Option<String> {
        let default = self.world.default_encryption(&self.spec.provider, region)?;
        (default.is_always() && !says)
            .then(|| format!("the account encrypts everything in {region} (EBS encryption by default)"))
    }

    fn refusal(&self, why: &str, span: &Span) -> Diagnostic {
        Diagnostic::error(format!("{} cannot be shared", self.spec.address)).label(span, why)
    }

    fn home(&self) -> Option<&DefaultEncryption> {
        self.world
            .default_encryption(&self.spec.provider, &self.announcing.home)
    }

    fn says_encrypted(&self) -> bool {
        let says = |volume: &Volume| volume.object.is_on("encrypted") || volume.object.text("kms_key").is_some();
        self.spec.volumes.iter().any(says) || self.source().is_some_and(|source| source.encrypted.is_some())
    }

    fn is_encrypted(&self) -> bool {
        self.says_encrypted() || self.home().is_some_and(|default| default.is_always())
    }

    /// A volume that a key of AWS encrypts, as far as is known.
    fn managed_volume(&self) -> Option<&Volume> {
        let by_default = |volume: &Volume| {
            let default = self.home();
            let is_encrypted = volume.object.is_on("encrypted") || default.is_some_and(|default| default.is_always());
            is_encrypted && default.is_some_and(|default| default.is_managed())
        };
        let mut volumes = self.spec.volumes.iter().enumerate();
        let managed = |index: usize, volume: &Volume| {
            let of_source = self.source().filter(|_| index == 0).and_then(|source| source.encrypted);
            match (volume.object.text("kms_key"), of_source) {
                (Some(key), _) => is_of_aws(key, self.world.key_at_home(&self.spec.provider, key)),
                (None, Some(SourceKey::Own)) => false,
                (None, Some(SourceKey::Managed)) => true,
                (None, Some(SourceKey::Unknown) | None) => by_default(volume),
            }
        };
        let found = volumes.find(|(index, volume)| managed(*index, volume));
        found.map(|(_, volume)| volume)
    }

    fn source(&self) -> Option<&SourceImage> {
        match &self.spec.source {
            Source::Ami(id) => self.world.source(&self.spec.provider, &id.value),
            _ => None,
        }
    }
}

/// Whether a key is AWS's own, as its name says, or what was seen of it.
fn is_of_aws(key: &str, seen: Option<&Key>) -> bool {
    key.contains("alias/aws/") || matches!(seen, Some(Key::Usable { managed: true, .. }))
}
