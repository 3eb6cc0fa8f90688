//! Values that wait for images, as far as the plan can settle them already.

use std::collections::BTreeMap;

use super::PlannedOutput;
use crate::address::{Address, ImageAddress};
use crate::lang::value::Value;
use crate::module::OutputSpec;
use crate::providers::ImageId;
use crate::spec::ProviderKey;

/// What is known of images once their fate is decided.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<ImageAddress, BTreeMap<String, Value>>);

impl Known {
    /// What an image says of itself: `release` and `digest`, 12 hex digits each.
    pub fn identity(&mut self, image: &ImageAddress, release_id: &str, digest: &str) {
        let own = self.0.entry(image.clone()).or_default();
        own.insert("release".into(), Value::from(release_id));
        own.insert("digest".into(), Value::from(digest));
    }

    /// Its name.
    pub fn name(&mut self, image: &ImageAddress, name: &str) {
        self.0
            .entry(image.clone())
            .or_default()
            .insert("name".into(), Value::from(name));
    }

    /// Its id, which is known as long as no new image is registered.
    pub fn id(&mut self, image: &ImageAddress, provider: &ProviderKey, id: &ImageId) {
        let own = self.0.entry(image.clone()).or_default();
        let place = BTreeMap::from([(provider.kind.clone(), Value::from(id.0.as_str()))]);
        own.insert("id".into(), Value::from(id.0.as_str()));
        own.insert("ids".into(), Value::map(crate::lang::types::Type::String, place));
    }

    /// Its id is not known any more: a new image is registered.
    pub fn forget_id(&mut self, image: &ImageAddress) {
        let own = self.0.entry(image.clone()).or_default();
        own.remove("id");
        own.remove("ids");
    }

    fn output(&self, node: &Address, attribute: &str) -> Option<Value> {
        match node.node {
            None => self.0.get(&node.image)?.get(attribute).cloned(),
            Some(_) => None,
        }
    }

    /// The value with all that is known put in; what is not known waits, and so does what the clock or chance decides at
    /// apply.
    pub fn settle(&self, value: &Value) -> Value {
        value.resolve_partly(&|of, attribute| self.output(of, attribute))
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
