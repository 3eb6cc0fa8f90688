//! The nodes that publish an image: copies, what is announced in each region, parameters, and copies that go.

use std::sync::Arc;

use super::fate::Fate;
use super::nodes::update_address;
use super::publication::{Announcing, Switch};
use crate::address::{Address, ImageAddress};
use crate::nodes::share::Subject;
use crate::nodes::{Need, Node, NodeData, Parameter, RegionalCopy, Retire, Share};
use crate::providers::{ImageId, Keep, ObservedImage, Publication};
use crate::spec::{HookPoint, ProviderKey};

/// Puts the nodes that publish an image behind those that make or change it.
pub fn publish(fate: &Fate<'_>, nodes: &mut Vec<Arc<Node>>) {
    let Some(announcing) = fate.announcing.as_ref().filter(|announcing| announcing.is_needed()) else {
        return;
    };
    let making = Making { fate, announcing };
    let made = making.nodes();
    let first: Vec<Need> = made.iter().filter(|node| goes(node)).map(opened).collect();
    let last: Vec<Need> = made.iter().filter(|node| !goes(node)).map(opened).collect();
    for node in nodes
        .iter_mut()
        .filter(|node| node.address.image == fate.compiled.spec.address)
    {
        match &mut Arc::make_mut(node).data {
            // What an image was recorded with is forgotten when another record stands: what is in it goes before.
            NodeData::Image(image) => image.after.extend(first.iter().cloned()),
            NodeData::Update(update) => update.after.extend(first.iter().cloned()),
            NodeData::Hook(hook) if hook.point == HookPoint::AfterPublish => hook.after.extend(last.iter().cloned()),
            _ => {}
        }
    }
    nodes.extend(made.into_iter().map(Arc::new));
}

fn opened(node: &Node) -> Need {
    Need::Opened(node.address.clone())
}

/// Whether a node only takes a parameter away.
fn goes(node: &Node) -> bool {
    matches!(&node.data, NodeData::Parameter(parameter) if parameter.places.iter().all(|(_, subject)| subject.is_none()))
}

/// The nodes of one image.
struct Making<'a> {
    fate: &'a Fate<'a>,
    announcing: &'a Announcing,
}

impl Making<'_> {
    fn image(&self) -> Address {
        let spec = &self.fate.compiled.spec;
        match self.fate.stays() {
            Some(release) => update_address(spec, release),
            None => spec.address.itself(),
        }
    }

    fn address(&self) -> &ImageAddress {
        &self.fate.compiled.spec.address
    }

    fn provider(&self) -> ProviderKey {
        self.fate.compiled.spec.provider.clone()
    }

    fn nodes(&self) -> Vec<Node> {
        let copies = self.announcing.copies.iter();
        let mut all: Vec<Node> = copies.map(|(region, unwanted)| self.copy(region, unwanted)).collect();
        all.extend(self.announcing.shares.iter().map(|region| self.share(region)));
        let ready: Vec<Need> = all.iter().map(opened).collect();
        let parameters = self.announcing.parameters.iter();
        all.extend(parameters.map(|(name, switch)| self.parameter(name, switch, &ready)));
        let pointed: Vec<Need> = all.iter().map(opened).collect();
        let withdrawn = self.announcing.withdrawn.iter();
        all.extend(withdrawn.map(|(region, id)| self.withdrawal(region, id, &pointed)));
        all
    }

    fn node(&self, address: Address, data: impl Into<NodeData>, summary: String) -> Node {
        Node {
            address,
            data: data.into(),
            span: Some(self.fate.compiled.spec.publish_span().clone()),
            summary,
            content: None,
            digest: None,
        }
    }

    fn copy(&self, region: &str, unwanted: &[ImageId]) -> Node {
        let wanted = &self.announcing.wanted;
        let data = RegionalCopy {
            provider: self.provider(),
            image: self.image(),
            region: region.to_owned(),
            key: wanted.copies.get(region).cloned().flatten(),
            snapshot_tags: wanted.snapshot_tags.clone(),
            unwanted: unwanted.to_vec(),
        };
        self.node(self.copy_address(region), data, format!("copy to {region}"))
    }

    fn copy_address(&self, region: &str) -> Address {
        self.address().node("copy", region)
    }

    /// What is in a region when this is done.
    fn subject(&self, region: &str) -> Subject {
        let standing = self.announcing.standing.get(region);
        match standing {
            _ if region == self.announcing.home => Subject::Itself,
            Some(id) => Subject::Standing(id.clone()),
            None => Subject::Made(self.copy_address(region)),
        }
    }

    fn share(&self, region: &str) -> Node {
        let wanted = &self.announcing.wanted;
        let publish = &self.fate.compiled.spec.publish;
        let data = Share {
            provider: self.provider(),
            image: self.image(),
            region: region.to_owned(),
            subject: self.subject(region),
            deprecate_after: publish.deprecate_after.as_ref().map(|after| after.value),
            snapshot_tags: wanted.snapshot_tags.clone(),
            shares: self.announcing.asks_shares.then(|| wanted.shares.clone()),
            protect: wanted.protect,
        };
        self.node(
            self.address().node("share", region),
            data,
            format!("announce in {region}"),
        )
    }

    fn parameter(&self, name: &str, switch: &Switch, ready: &[Need]) -> Node {
        let holds = switch
            .holds
            .iter()
            .map(|region| (region.clone(), Some(self.subject(region))));
        let goes = switch.goes.iter().map(|region| (region.clone(), None));
        let data = Parameter {
            provider: self.provider(),
            image: self.image(),
            name: name.to_owned(),
            wish: switch.wish.clone(),
            places: holds.chain(goes).collect(),
            after: match switch.holds.is_empty() {
                true => Vec::new(),
                false => ready.to_vec(),
            },
        };
        let summary = match switch.holds.is_empty() {
            true => format!("remove parameter {name}"),
            false => format!("point {name} to it"),
        };
        self.node(self.address().node("parameter", name), data, summary)
    }

    fn withdrawal(&self, region: &str, id: &ImageId, pointed: &[Need]) -> Node {
        let spec = &self.fate.compiled.spec;
        let mut after = vec![Need::Opened(self.image())];
        after.extend(pointed.iter().cloned());
        let data = Retire {
            provider: self.provider(),
            image: id.clone(),
            name: id.to_string(),
            keep: match spec.lifecycle.delete_snapshots {
                true => Keep::Nothing,
                false => Keep::All,
            },
            region: Some(region.to_owned()),
            after,
        };
        let address = self.address().node("withdraw", format!("{region}/{id}"));
        self.node(address, data, format!("remove the copy in {region}"))
    }
}

/// Parameters of an image of which all releases go but these: they hold the newest of them, or go too.
pub fn abandon(address: &ImageAddress, current: &ObservedImage, left: Option<&ObservedImage>) -> Vec<Node> {
    let Some(published) = current.published.as_deref() else {
        return Vec::new();
    };
    if left.is_some_and(|left| left.id == current.id) {
        return Vec::new();
    }
    let regions = std::iter::once(&published.region).chain(&current.manifest.regions);
    let holds = |region: &String| {
        let left = left?;
        if *region == published.region {
            return Some(Subject::Standing(left.id.clone()));
        }
        let copies = left.published.iter().flat_map(|published| &published.copies);
        let copy = copies.filter(|copy| copy.region == *region).map(|copy| copy.id.clone());
        copy.map(Subject::Standing).next()
    };
    let places: Vec<_> = regions.map(|region| (region.clone(), holds(region))).collect();
    let recorded = Publication::of(&current.manifest.spec, &published.region);
    let node = |(name, wish): (String, _)| Node {
        data: Parameter {
            provider: current.provider.clone(),
            image: address.itself(),
            name: name.clone(),
            wish,
            places: places.clone(),
            after: Vec::new(),
        }
        .into(),
        span: None,
        summary: match left {
            Some(left) => format!("point {name} to release {}", left.manifest.release),
            None => format!("remove parameter {name}"),
        },
        address: address.node("parameter", name),
        content: None,
        digest: None,
    };
    recorded.parameters.into_iter().map(node).collect()
}
