//! Values that wait for images, as far as the plan can settle them already.

use std::collections::BTreeMap;

use super::PlannedOutput;
use crate::address::{Address, ImageAddress};
use crate::diagnostic::Diagnostics;
use crate::lang::value::Value;
use crate::module::OutputSpec;
use crate::providers::ImageId;

/// What is known of images once their fate is decided.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<ImageAddress, Facts>);

/// What is known of one image. Values are made of it when they are asked for: most of a thousand images never are.
#[derive(Debug, Clone, Default)]
struct Facts {
    release: Option<String>,
    digest: Option<String>,
    name: Option<String>,
    id: Option<String>,
    /// By place.
    ids: Option<BTreeMap<String, ImageId>>,
}

impl Facts {
    fn value(&self, attribute: &str) -> Option<Value> {
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        match attribute {
            "release" => text(&self.release),
            "digest" => text(&self.digest),
            "name" => text(&self.name),
            "id" => text(&self.id),
            "ids" => self.ids.as_ref().map(|ids| {
                let ids = ids
                    .iter()
                    .map(|(place, id)| (place.clone(), Value::from(id.0.as_str())));
                Value::map(crate::lang::types::Type::String, ids.collect())
            }),
            _ => None,
        }
    }
}

impl Known {
    fn facts(&mut self, image: &ImageAddress) -> &mut Facts {
        self.0.entry(image.clone()).or_default()
    }

    /// What an image says of itself: `release` and `digest`, 12 hex digits each.
    pub fn identity(&mut self, image: &ImageAddress, release_id: &str, digest: &str) {
        let facts = self.facts(image);
        (facts.release, facts.digest) = (Some(release_id.to_owned()), Some(digest.to_owned()));
    }

    /// Its name.
    pub fn name(&mut self, image: &ImageAddress, name: &str) {
        self.facts(image).name = Some(name.to_owned());
    }

    /// Its id, and those of its copies by place, which are known as long as nothing new is made.
    pub fn id(&mut self, image: &ImageAddress, id: &ImageId, ids: BTreeMap<String, ImageId>) {
        let facts = self.facts(image);
        (facts.id, facts.ids) = (Some(id.0.clone()), Some(ids));
    }

    /// Its id is not known any more: a new image is registered.
    pub fn forget_id(&mut self, image: &ImageAddress) {
        let facts = self.facts(image);
        (facts.id, facts.ids) = (None, None);
    }

    /// Ids of copies are not known any more: some are made.
    pub fn forget_copies(&mut self, image: &ImageAddress) {
        self.facts(image).ids = None;
    }

    fn output(&self, node: &Address, attribute: &str) -> Option<Value> {
        match node.node {
            None => self.0.get(&node.image)?.value(attribute),
            Some(_) => None,
        }
    }

    /// The value with all that is known put in; what is not known waits, and so does what the clock or chance decides at
    /// apply.
    pub fn settle(&self, value: &Value) -> Value {
        value.resolve_partly(&|of, attribute| self.output(of, attribute))
    }

    /// Why outputs never get a value: all that they wait for is known, and does not have what they ask of it.
    pub fn impossible(&self, outputs: &[OutputSpec]) -> Diagnostics {
        let known = |of: &Address, attribute: &str| self.output(of, attribute);
        let asked = outputs.iter().filter(|output| !output.value.contains_sensitive());
        let errors = asked.filter_map(|output| {
            let mut error = output.value.resolve_ready(&known)?.err()?;
            // What waits has lost its place in the file.
            error.labels.clear();
            Some(error.label(&output.span, "this output asks for it"))
        });
        errors.collect()
    }

    /// The outputs of the module.
    pub fn outputs(&self, outputs: &[OutputSpec]) -> BTreeMap<String, PlannedOutput> {
        let planned = |output: &OutputSpec| PlannedOutput {
            value: self.settle(&output.value),
            before: None,
            description: output.description.clone(),
        };
        outputs
            .iter()
            .map(|output| (output.name.clone(), planned(output)))
            .collect()
    }
}

/// Which images a value waits for: `image.base`.
pub fn waits_for(value: &Value) -> Vec<ImageAddress> {
    let mut images: Vec<ImageAddress> = value.leaves().into_iter().map(|(of, _)| of.image).collect();
    images.dedup();
    images
}
