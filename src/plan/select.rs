//! Which images a plan is about: `-target`, `-exclude`, and what goes with them.

use std::collections::{BTreeMap, BTreeSet};

use super::observe::World;
use super::options::{Mode, Options};
use crate::address::{ImageAddress, Selection};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::order::dependencies;
use crate::module::Module;

/// The addresses that the plan is about.
///
/// A target brings what it needs; an excluded image takes what needs it away. With `-destroy` it is the other way round:
/// what is built on a target goes with it, and what an excluded image is built on stays.
///
/// # Errors
/// An address on the command line that neither the module nor the world knows.
pub fn select(module: &Module, world: &World, options: &Options) -> Result<BTreeSet<ImageAddress>, Diagnostics> {
    let all: BTreeSet<ImageAddress> = module
        .images
        .iter()
        .map(|spec| spec.address.clone())
        .chain(world.images.keys().cloned())
        .collect();
    known(&all, options)?;
    let needs = edges(module, world);
    let needed_by: Vec<_> = needs.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
    let (with, without) = match options.mode {
        Mode::Destroy => (&needed_by, &needs),
        _ => (&needs, &needed_by),
    };
    let matching = |asked: &[Selection]| -> BTreeSet<ImageAddress> {
        all.iter()
            .filter(|image| asked.iter().any(|asked| asked.means(image)))
            .cloned()
            .collect()
    };
    let mut chosen = match options.targets.is_empty() {
        true => all.clone(),
        false => closure(matching(&options.targets), with),
    };
    for image in closure(matching(&options.exclude), without) {
        chosen.remove(&image);
    }
    Ok(chosen)
}

/// What a reader must know of a plan that leaves images out.
pub fn partial(options: &Options) -> Option<Diagnostic> {
    let flags = [("-target", &options.targets), ("-exclude", &options.exclude)];
    let used: Vec<&str> = flags
        .iter()
        .filter(|(_, addresses)| !addresses.is_empty())
        .map(|(flag, _)| *flag)
        .collect();
    (!used.is_empty()).then(|| {
        Diagnostic::warning(format!("the plan is partial, because of {}", used.join(" and ")))
            .note("images that it leaves out may differ from the module")
            .help("plan without the flag before you rely on \"no changes\"")
    })
}

/// From each image to what it needs: by the module, and by what stands.
fn edges(module: &Module, world: &World) -> Vec<(ImageAddress, ImageAddress)> {
    let declared = module.images.iter().flat_map(|spec| {
        dependencies(spec)
            .into_iter()
            .map(|(needed, _)| (spec.address.clone(), needed))
    });
    let standing = world.images.values().flatten().filter_map(|image| {
        let base = image.manifest.built_on.as_ref()?;
        Some((image.manifest.address.clone(), base.address.clone()))
    });
    declared.chain(standing).collect()
}

fn closure(mut set: BTreeSet<ImageAddress>, edges: &[(ImageAddress, ImageAddress)]) -> BTreeSet<ImageAddress> {
    let mut leads: BTreeMap<&ImageAddress, Vec<&ImageAddress>> = BTreeMap::new();
    for (from, to) in edges {
        leads.entry(from).or_default().push(to);
    }
    let mut waiting: Vec<ImageAddress> = set.iter().cloned().collect();
    while let Some(from) = waiting.pop() {
        for to in leads.get(&from).into_iter().flatten() {
            if set.insert((*to).clone()) {
                waiting.push((*to).clone());
            }
        }
    }
    set
}

fn known(all: &BTreeSet<ImageAddress>, options: &Options) -> Result<(), Diagnostics> {
    let asked = [
        ("-target", &options.targets),
        ("-exclude", &options.exclude),
        ("-replace", &options.replace),
    ];
    let unknown = asked
        .into_iter()
        .flat_map(|(flag, asked)| asked.iter().map(move |image| (flag, image)));
    let unknown = unknown.filter(|(_, asked)| !all.iter().any(|image| asked.means(image)));
    let errors: Diagnostics = unknown
        .map(|(flag, asked)| {
            let known: Vec<String> = all.iter().map(ToString::to_string).collect();
            let what = match asked {
                Selection::Image(_) => "there is no such image",
                Selection::Module(_) => "there is no such module, or it has no images",
            };
            Diagnostic::error(format!("{flag}={asked}: {what}")).note(format!("the images are {}", known.join(", ")))
        })
        .collect();
    errors.into_result(()).map(|_| ())
}
