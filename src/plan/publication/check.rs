//! What cannot be published, said at plan.

use super::Announcing;
use crate::diagnostic::Diagnostic;
use crate::plan::fate::Fate;
use crate::plan::keys;
use crate::plan::observe::World;
use crate::providers::publication::ParameterPlace;
use crate::providers::{Key, SourceImage, SourceKey};
use crate::source::Span;
use crate::spec::{ImageSpec, Source};

/// What cannot be published: parameters of others, copies under keys that cannot encrypt, and shares of what AWS's own keys encrypt.
///
/// # Errors
/// The first of them, at its place.
pub fn check(fate: &Fate<'_>, world: &World) -> Result<(), Diagnostic> {
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

impl Sharing<'_> {
    fn check(&self) -> Result<(), Diagnostic> {
        let managed = "what is encrypted with a key of AWS (alias/aws/ebs) cannot be shared";
        if let Some(span) = self.managed_volume() {
            return Err(self
                .refusal(managed, &span)
                .help("write the kms_key of a key of yours in the volume block"));
        }
        if !self.is_encrypted() {
            return Ok(());
        }
        let shares = &self.announcing.wanted.shares;
        if shares.public || shares.snapshots_public {
            let error = self.refusal("what is encrypted cannot be public", self.spec.publish_span());
            return Err(error.help("share it with accounts, or leave the encryption out"));
        }
        for (region, key) in &self.announcing.wanted.copies {
            let of_aws = |key: &String| is_of_aws(key, self.world.key(&self.spec.provider, region, key));
            let of_aws = key.as_ref().is_none_or(of_aws);
            if of_aws {
                let why = match key {
                    None => format!("without a kms_key the copy in {region} is encrypted with a key of AWS"),
                    Some(key) => format!("{key} in {region} is a key of AWS"),
                };
                let help = format!("write region {region:?} {{ kms_key = \"...\" }} with a key of yours");
                let error = self.refusal(managed, self.spec.publish_span());
                return Err(error.note(why).help(help));
            }
        }
        Ok(())
    }

    fn refusal(&self, why: &str, span: &Span) -> Diagnostic {
        Diagnostic::error(format!("{} cannot be shared", self.spec.address)).label(span, why)
    }

    fn is_encrypted(&self) -> bool {
        let says = |volume: &crate::spec::Volume| {
            let on = volume.object.is_on("encrypted");
            on || volume.object.text("kms_key").is_some()
        };
        self.spec.volumes.iter().any(says) || self.source().is_some_and(|source| source.encrypted.is_some())
    }

    /// A volume that a key of AWS encrypts.
    fn managed_volume(&self) -> Option<Span> {
        for (index, volume) in self.spec.volumes.iter().enumerate() {
            let key = volume.object.text("kms_key");
            let by_source = self.source().filter(|_| index == 0);
            let managed = match key {
                Some(key) => is_of_aws(key, self.world.key_at_home(&self.spec.provider, key)),
                None if by_source.is_some_and(|source| source.encrypted == Some(SourceKey::Own)) => false,
                None => {
                    volume.object.is_on("encrypted")
                        || by_source.is_some_and(|source| source.encrypted == Some(SourceKey::Managed))
                }
            };
            if managed {
                return Some(volume.object.span.clone());
            }
        }
        None
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
