//! From image blocks to specs: unfolded, decoded, checked against each other.

use std::collections::BTreeMap;

use super::conditions::{Conditions, Guards};
use super::cycle::{self, Needs};
use super::names::Names;
use super::providers::Providers;
use super::within::{InImage, Within};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::Value;
use crate::lang::syntax::Block as Written;
use crate::schema::conditions::{POSTCONDITION, PRECONDITION};
use crate::schema::{Decoder, Files, Object};
use crate::source::Span;
use crate::spec::{Architecture, Decoding, IMAGE, ImageSpec, check_local};

/// The images of a module and of those that it calls.
#[derive(Default)]
pub(super) struct Images {
    specs: BTreeMap<ImageAddress, ImageSpec>,
    /// Those that wait for data sources.
    waiting: Vec<ImageAddress>,
}

impl Images {
    /// Every image, in the order of their addresses, and those that wait for data sources. What is wrong is added to
    /// `found`.
    pub fn finish(mut self, conditions: &Conditions, found: &mut Diagnostics) -> (Vec<ImageSpec>, Vec<ImageAddress>) {
        let mut needs = needs(&self.specs);
        for (image, needs) in &mut needs {
            needs.extend(conditions.needs_of(image));
        }
        let order = cycle::order(&needs, found);
        inherit_architecture(&mut self.specs, &order, found);
        self.specs
            .values()
            .for_each(|spec| check_seal(spec, &self.specs, found));
        (self.specs.into_values().collect(), self.waiting)
    }
}

/// Decodes the images of one module.
pub(super) struct ImagesHere<'n, 'a> {
    /// What references mean.
    pub names: &'n Names<'a>,
    /// The same with what stands for secrets.
    pub identities: &'n Names<'a>,
    /// Declared providers.
    pub providers: &'n Providers,
    /// Reads the files that arguments name.
    pub files: &'n Files,
    /// The date in the lock file, which is that of the root module.
    pub date: Option<&'n str>,
}

impl ImagesHere<'_, '_> {
    /// Every image. What is wrong is added to `found`.
    pub fn decode(&self, images: &mut Images, conditions: &mut Conditions, found: &mut Diagnostics) {
        for (name, written) in &self.names.declared.images {
            let Ok(instances) = self.names.instances(name, &written.span) else {
                continue;
            };
            let mut said = Vec::new();
            for (address, each) in &instances.all {
                let mut own = Diagnostics::new();
                match self.decode_one(written, address, each.as_ref(), conditions, &mut own) {
                    Decoded::Whole(spec) => drop(images.specs.insert(address.clone(), *spec)),
                    Decoded::Waits => images.waiting.push(address.clone()),
                    Decoded::Broken => {}
                }
                said.extend(own.into_iter().map(|one| (address, one)));
            }
            found.extend(of_instances(said, instances.all.len()));
        }
    }

    fn decode_one(
        &self,
        written: &Written,
        address: &ImageAddress,
        each: Option<&(String, Value)>,
        conditions: &mut Conditions,
        found: &mut Diagnostics,
    ) -> Decoded {
        let within = |names| Within {
            names,
            image: Some(address),
            each,
            own: None,
        };
        let evaluate = InImage {
            plain: within(self.names),
            identities: within(self.identities),
        };
        let mut decoder = Decoder::new(&evaluate, self.files, Some(address));
        let object = decoder.block(written, &IMAGE);
        found.extend(decoder.found);
        let about = address.to_string();
        for (kind, guards) in [
            (PRECONDITION.name, Guards::Image(address.clone())),
            (POSTCONDITION.name, Guards::On(address.clone())),
        ] {
            conditions.of_lifecycle(&evaluate.plain, written, kind, (&about, guards), found);
        }
        if object.is_unread() {
            return Decoded::Waits;
        }
        let provider = match object.text("provider") {
            None if written.body.attribute("provider").is_none() => self.providers.default_for(&written.span, found),
            _ => self.providers.first(),
        };
        let about = Decoding {
            address: address.clone(),
            directory: self.files.directory().to_owned(),
            provider,
            architecture: Architecture::of_this_host(),
            date: self.date.map(str::to_owned),
        };
        let Some(spec) = ImageSpec::decode(object, about, found) else {
            return Decoded::Broken;
        };
        if self.providers.publishes_locally(&spec.provider) {
            found.extend(check_local(&spec.object));
        }
        Decoded::Whole(Box::new(spec))
    }
}

/// Says of which of several images something is said, unless it is said of all: its place is the same in all of them.
fn of_instances(said: Vec<(&ImageAddress, Diagnostic)>, several: usize) -> Diagnostics {
    let key = |one: &Diagnostic| {
        let place = one.labels.first().map(|label| label.span.to_string());
        (place, one.summary.clone(), one.notes.clone())
    };
    let mut count: BTreeMap<_, usize> = BTreeMap::new();
    for (_, one) in &said {
        *count.entry(key(one)).or_default() += 1;
    }
    let named = |(address, one): (&ImageAddress, Diagnostic)| match count[&key(&one)] < several {
        true => one.note(format!("in {address}")),
        false => one,
    };
    said.into_iter().map(named).collect()
}

/// What came of a block.
enum Decoded {
    Whole(Box<ImageSpec>),
    /// It needs a data source that has not been read.
    Waits,
    Broken,
}

/// What each image needs: its base, what it depends on, and every image whose attributes it reads.
fn needs(specs: &BTreeMap<ImageAddress, ImageSpec>) -> Needs {
    let of = |spec: &ImageSpec| {
        let base = spec
            .source
            .base()
            .zip(spec.source.span())
            .map(|(base, span)| (base.clone(), span.clone()));
        let declared = spec.depends_on.iter().map(|one| (one.value.clone(), one.span.clone()));
        let mut needs: Vec<(ImageAddress, Span)> = base.into_iter().chain(declared).collect();
        read_by(&spec.object, &spec.address, &mut needs);
        needs
    };
    specs
        .iter()
        .map(|(address, spec)| (address.clone(), of(spec)))
        .collect()
}

fn read_by(object: &Object, own: &ImageAddress, needs: &mut Vec<(ImageAddress, Span)>) {
    for argument in object
        .arguments
        .values()
        .filter(|argument| !argument.value.is_wholly_known())
    {
        let leaves = argument.value.leaves().into_iter();
        let others = leaves.filter(|(of, _)| of.image != *own);
        needs.extend(others.map(|(of, _)| (of.image, argument.span.clone())));
    }
    object.blocks.iter().for_each(|block| read_by(block, own, needs));
}

/// A reproducible image can be sealed only if all that its bases bring along can be.
fn check_seal(spec: &ImageSpec, specs: &BTreeMap<ImageAddress, ImageSpec>, found: &mut Diagnostics) {
    let Some(seal) = &spec.seal else { return };
    let base_of = |spec: &ImageSpec| spec.source.base().and_then(|base| specs.get(base));
    // A cycle among them is an error already; the number of images bounds the walk.
    for base in std::iter::successors(base_of(spec), |base| base_of(base)).take(specs.len()) {
        seal.check_base(base, found);
    }
}

/// An image runs on what its base runs on.
fn inherit_architecture(
    specs: &mut BTreeMap<ImageAddress, ImageSpec>,
    order: &[ImageAddress],
    found: &mut Diagnostics,
) {
    for address in order {
        let base = specs.get(address).and_then(|spec| spec.source.base());
        let Some(base) = base
            .and_then(|base| specs.get(base))
            .map(|base| (base.address.clone(), base.architecture))
        else {
            continue;
        };
        let Some(spec) = specs.get_mut(address) else { continue };
        spec.run_on(base.1);
        if spec.architecture != base.1 {
            let span = spec
                .object
                .get("architecture")
                .map_or(&spec.span, |argument| &argument.span);
            let error = Diagnostic::error(format!("{address} has another architecture than its source"));
            found.push(error.label(span, format!("{} is {}", base.0, base.1.name())));
        }
    }
}
