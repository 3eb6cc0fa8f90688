//! `moved` blocks: images that stand under an address at which they are no longer declared.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::observe::World;
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::module::{Module, Moved};

/// From where each image was moved.
pub type Moves = BTreeMap<ImageAddress, ImageAddress>;

/// The world as it will be called: what stands at `from` stands at `to`. Blocks whose work is done change nothing.
///
/// # Errors
/// A block whose `from` is still declared, or whose both ends stand.
pub fn apply<'w>(module: &Module, world: &'w World) -> Result<(Cow<'w, World>, Moves), Diagnostics> {
    let (mut world, mut moves, mut errors) = (Cow::Borrowed(world), Moves::new(), Diagnostics::new());
    for moved in &module.moved {
        if module.images.iter().any(|spec| spec.address == moved.from.value) {
            errors.push(still_declared(moved));
        } else if !world.releases(&moved.from).is_empty() {
            if world.releases(&moved.to).is_empty() {
                rename(world.to_mut(), &moved.from, &moved.to);
                moves.insert(moved.to.value.clone(), moved.from.value.clone());
            } else {
                errors.push(both_stand(moved));
            }
        }
    }
    errors.into_result((world, moves)).map(|(done, _)| done)
}

fn rename(world: &mut World, from: &ImageAddress, to: &ImageAddress) {
    let releases = world.images.remove(from).unwrap_or_default();
    world.images.insert(to.clone(), releases);
    for image in world.images.values_mut().flatten() {
        let base = image.manifest.built_on.as_mut().map(|base| &mut base.address);
        for address in base.into_iter().chain([&mut image.manifest.address]) {
            if address == from {
                *address = to.clone();
            }
        }
    }
    let kept = world.kept.iter_mut().filter(|kept| kept.image == *from);
    kept.for_each(|kept| kept.image = to.clone());
    let holders = world.names.iter_mut().flat_map(|(_, names)| names.values_mut());
    for holder in holders.filter(|holder| holder.address.as_ref() == Some(from)) {
        holder.address = Some(to.clone());
    }
}

fn still_declared(moved: &Moved) -> Diagnostic {
    Diagnostic::error(format!("{} is moved and still declared", moved.from.value))
        .at(&moved.from.span)
        .help("remove the image block, or this moved block")
}

fn both_stand(moved: &Moved) -> Diagnostic {
    Diagnostic::error(format!(
        "{} cannot become {}: both have images",
        moved.from.value, moved.to.value
    ))
    .at(&moved.to.span)
    .help("destroy the images of one of them first (bake destroy -target)")
}
