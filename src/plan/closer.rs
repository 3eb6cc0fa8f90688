//! What must be known only because something is to be made or shared: a plan in which nothing is asks none of it. A first plan
//! says what that is; with the answers it is made again.

use std::collections::{BTreeMap, BTreeSet};

use super::keys;
use super::observe::{Abroad, NamedKey, World};
use super::{Action, ImagePlan, Plan};
use crate::address::ImageAddress;
use crate::module::Module;
use crate::nodes::NodeData;
use crate::providers::{ImageId, ProviderError, Providers, Publication};
use crate::spec::{ImageSpec, ProviderKey, Source};

/// What a region is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfRegion {
    /// Keys by id or ARN.
    keys: BTreeSet<String>,
    /// What it encrypts, and with which key, where nothing is said.
    default: bool,
    /// Who holds these names.
    names: BTreeSet<String>,
}

/// Questions to the providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    regions: BTreeMap<(ProviderKey, String), OfRegion>,
    /// Encrypted images of others, on which something that is shared is built: under whose key?
    sources: BTreeSet<(ProviderKey, ImageId)>,
}

/// What a plan leaves open.
pub fn questions(plan: &Plan, module: &Module, world: &World) -> Questions {
    let mut asked = Questions::default();
    for spec in &module.images {
        let planned = plan.images.iter().find(|planned| planned.address == spec.address);
        if let (Some(planned), Some(home)) = (planned, world.region(&spec.provider)) {
            let about = About {
                plan,
                planned,
                spec,
                world,
                home,
            };
            about.ask(&mut asked);
        }
    }
    asked
}

/// One image.
struct About<'a> {
    plan: &'a Plan,
    planned: &'a ImagePlan,
    spec: &'a ImageSpec,
    world: &'a World,
    home: &'a str,
}

impl About<'_> {
    fn ask(&self, asked: &mut Questions) {
        let (copied, announced) = self.regions();
        let made = self.is_made();
        let block = self.spec.publish.object.as_ref();
        let wanted = block.map(|block| Publication::of_block(&block.recorded(), self.home));
        let wanted = wanted.unwrap_or_default();
        for (region, key) in keys::named(self.spec, self.home) {
            let is_needed = if region == self.home {
                made
            } else {
                copied.contains(region.as_str())
            };
            if is_needed && !keys::is_alias(&key) && self.world.key(&self.spec.provider, &region, &key).is_none() {
                self.of(&region, asked).keys.insert(key);
            }
        }
        let name = self.planned.after.as_ref().and_then(|after| after.name.clone());
        for region in &copied {
            self.of(region, asked).names.extend(name.clone());
        }
        if wanted.shares.is_empty() {
            return;
        }
        let touched = announced.iter().chain(&copied).copied();
        for region in touched.chain(made.then_some(self.home)) {
            let says = wanted.copies.get(region).is_some_and(Option::is_some);
            self.of(region, asked).default |= !says;
        }
        if let (Source::Ami(id), true) = (&self.spec.source, made) {
            let source = self.world.source(&self.spec.provider, &id.value);
            let is_encrypted = source.is_some_and(|source| source.encrypted.is_some());
            asked
                .sources
                .extend(is_encrypted.then(|| (self.spec.provider.clone(), ImageId(id.value.clone()))));
        }
    }

    fn is_made(&self) -> bool {
        matches!(self.planned.action, Action::Build | Action::Replace | Action::Register) && !self.nodes_of().is_empty()
    }

    fn nodes_of(&self) -> Vec<&NodeData> {
        let image: &ImageAddress = &self.spec.address;
        let nodes = self.plan.nodes.iter().filter(|node| node.address.image == *image);
        nodes.map(|node| &node.data).collect()
    }

    /// Regions to which it is copied, and those in which it is announced.
    fn regions(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let (mut copied, mut announced) = (BTreeSet::new(), BTreeSet::new());
        for data in self.nodes_of() {
            match data {
                NodeData::RegionalCopy(copy) => copied.insert(copy.region.as_str()),
                NodeData::Share(share) => announced.insert(share.region.as_str()),
                _ => false,
            };
        }
        (copied, announced)
    }

    fn of<'q>(&self, region: &str, asked: &'q mut Questions) -> &'q mut OfRegion {
        let place = (self.spec.provider.clone(), region.to_owned());
        asked.regions.entry(place).or_default()
    }
}

impl Questions {
    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.regions.values().all(|of| *of == OfRegion::default())
    }

    /// Asks the providers, and adds their answers to the world.
    ///
    /// # Errors
    /// Those of the provider that could not answer.
    pub async fn ask(&self, providers: &Providers, world: &mut World) -> Result<(), ProviderError> {
        for ((provider, region), of) in &self.regions {
            let Some(publishing) = providers.get(provider)?.publishing() else {
                continue;
            };
            for named in &of.keys {
                let key = publishing.key(region, named).await?;
                world.keys.push(NamedKey {
                    provider: provider.clone(),
                    region: region.clone(),
                    named: named.clone(),
                    key,
                });
            }
            let mut abroad = Abroad {
                provider: provider.clone(),
                region: region.clone(),
                default: None,
                names: BTreeMap::new(),
            };
            if of.default {
                abroad.default = Some(publishing.default_encryption(region).await?);
            }
            if !of.names.is_empty() {
                abroad.names = publishing.holders(region, &of.names).await?;
            }
            world.abroad.push(abroad);
        }
        for (provider, id) in &self.sources {
            if let Some(publishing) = providers.get(provider)?.publishing() {
                let key = publishing.source_key(id).await?;
                let mut seen = world.sources.iter_mut();
                let seen = seen.find(|(of, source)| of == provider && source.id == *id);
                seen.into_iter().for_each(|(_, source)| source.encrypted = Some(key));
            }
        }
        Ok(())
    }
}
