//! Whether the image of somebody else on which one of ours is built is there, and can be built on.

use super::observe::World;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::providers::Hidden;
use crate::spec::{ImageSpec, Source};

/// Looks at the source of an image that is to be made.
///
/// # Errors
/// One that is not there, that cannot be built on, or that does not fit what is declared.
pub fn check(spec: &ImageSpec, world: &World) -> Result<(), Diagnostics> {
    let Source::Ami(id) = &spec.source else {
        return Ok(());
    };
    let Some(source) = world.source(&spec.provider, &id.value) else {
        let error = Diagnostic::error(format!("there is no image {}", id.value)).at(&id.span);
        return Err(error
            .note("it was deregistered, is in another region, belongs to somebody who does not share it, or the account's allowed-AMIs setting hides it")
            .help("aws ec2 describe-images --image-ids ID --include-disabled says more")
            .into());
    };
    let mut found = Diagnostics::new();
    if let Some((why, help)) = &source.unusable {
        let error = Diagnostic::error(format!("{} cannot be built on {}", spec.address, id.value));
        found.push(error.label(&id.span, why).help(help));
    }
    if source.architecture != spec.architecture.name() {
        let error = Diagnostic::error(format!("{} has another architecture than its source", spec.address));
        let at = spec
            .object
            .written("architecture")
            .map_or(&id.span, |written| &written.span);
        found.push(
            error
                .label(at, format!("{} is {}", id.value, source.architecture))
                .help(format!(
                    "write architecture = \"{}\"; the builder host must be able to run it",
                    source.architecture
                )),
        );
    }
    found.extend(size(spec, world));
    found.into_result(()).map(|_| ())
}

/// What an image does not take over from its source, since somebody else owns that, and does not say itself.
pub fn hidden(spec: &ImageSpec, world: &World) -> Vec<Diagnostic> {
    let Source::Ami(id) = &spec.source else {
        return Vec::new();
    };
    let register = spec.object.child("register");
    let said = |argument: &str| register.is_some_and(|block| block.written(argument).is_some());
    let source = world.source(&spec.provider, &id.value).into_iter();
    let hidden = source
        .flat_map(|source| &source.hidden)
        .filter(|one| !said(&one.argument));
    let warning = |one: &Hidden| {
        let summary = format!("{} does not take over the {} of {}", spec.address, one.what, id.value);
        let warning = Diagnostic::warning(summary)
            .label(&id.span, format!("only its owner {} may read that", one.owner))
            .help(format!(
                "write register {{ {0} = \"...\" }}, or {0} = \"none\" if it needs none",
                one.argument
            ));
        warning.about(&spec.address.itself())
    };
    hidden.map(warning).collect()
}

/// A volume cannot be smaller than what is on it.
fn size(spec: &ImageSpec, world: &World) -> Option<Diagnostic> {
    let Source::Ami(id) = &spec.source else { return None };
    let (_, has) = world.source(&spec.provider, &id.value)?.root.as_ref()?;
    let wanted = spec.volumes.first()?.size.as_ref()?;
    if wanted.value >= *has {
        return None;
    }
    let error = Diagnostic::error("size is smaller than the source's root volume");
    let error = error.label(&wanted.span, wanted.value.to_string());
    let error = error.note(format!("{} has a root volume of {has}", id.value));
    Some(error.help(format!("write at least \"{has}\", or leave size out")))
}
