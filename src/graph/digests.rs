//! Content digests: what an image contains, node after node (design: "Digests").
//!
//! The content nodes of an image form one chain: disks, hooks, bootstrap, fstab, boot loader, steps. The digest of each is
//! over the architecture, what it adds itself, and the digest of the one before it; so a changed step changes the digests
//! behind it and none before it. Labels, addresses and names are not in it, but for names of partitions, which are bytes.

use crate::address::Address;
use crate::digest::{ContentHasher, Digest};
use crate::graph::shape::{Bytes, TableShape, VolumeShape};
use crate::schema::Recorded;
use crate::spec::{Architecture, ImageSpec};

/// Raised when bake makes other bytes of the same arguments.
pub const RECIPES: &[(&str, u32)] = &[
    ("volume", 1),
    ("partitions", 1),
    ("hook", 1),
    ("bootstrap", 1),
    ("fstab", 1),
    ("boot_loader", 1),
    ("provision", 1),
    ("seal", 1),
];

/// The recipe number of a kind of content node.
pub fn recipe(kind: &str) -> u32 {
    RECIPES
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(1, |(_, recipe)| *recipe)
}

/// A node that adds to the content of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentNode {
    /// Its address.
    pub address: Address,
    /// The recipe number of its kind.
    pub recipe: u32,
    /// Over what it adds itself.
    pub content: Digest,
    /// Over that and all before it.
    pub digest: Digest,
}

impl ContentNode {
    /// Its name within the image: `provision["nginx"]`.
    pub fn name(&self) -> String {
        self.address
            .node
            .as_ref()
            .map_or_else(String::new, |node| node.to_string())
    }
}

/// The content nodes of an image so far.
#[derive(Debug, Clone)]
pub struct Chain {
    /// In order.
    pub nodes: Vec<ContentNode>,
    seed: Digest,
}

impl Chain {
    /// Begins with what holds for every node: the architecture, and arguments of the image block itself.
    /// A reproducible image has a date, which all its steps see.
    pub fn new(architecture: Architecture, image: &Recorded, date: Option<i64>) -> Chain {
        let mut hasher = ContentHasher::new("image", 1);
        hasher.text("architecture", architecture.name());
        if let Some(date) = date {
            hasher.text("date", &date.to_string());
        }
        let own = image
            .arguments
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "architecture" | "fstab"));
        for (name, argument) in own.filter(|(_, argument)| argument.class.is_content()) {
            hasher.digest(name, &argument.digest);
        }
        Chain {
            nodes: Vec::new(),
            seed: hasher.finish(),
        }
    }

    /// Adds a node with its own content; answers its digest.
    pub fn add(&mut self, address: Address, kind: &str, content: Digest) -> Digest {
        let digest = ContentHasher::new("node", 1)
            .digest("after", &self.last())
            .digest("content", &content)
            .finish();
        self.nodes.push(ContentNode {
            address,
            recipe: recipe(kind),
            content,
            digest,
        });
        digest
    }

    /// The digest of the last node: that of the image when all are in.
    pub fn last(&self) -> Digest {
        self.nodes.last().map_or(self.seed, |node| node.digest)
    }
}

/// The image that another one is built on, as far as that one's content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseIdentity {
    /// Its digest.
    pub digest: Digest,
    /// How often it was built by force.
    pub build_number: u64,
}

/// What a volume's origin adds; none for a blank one.
pub fn origin(volume: &VolumeShape, base: Option<BaseIdentity>) -> Option<Digest> {
    let mut hasher = ContentHasher::new("volume", recipe("volume"));
    match (&volume.bytes, base) {
        (Bytes::Blank, _) | (Bytes::Base(_), None) => return None,
        (Bytes::Base(name), Some(base)) => {
            let number = base.build_number.to_string();
            hasher
                .digest("image", &base.digest)
                .text("build", &number)
                .text("volume", name)
        }
        (Bytes::File(_, digest), _) => hasher.digest("file", digest),
        (Bytes::Snapshot(id), _) => hasher.text("snapshot", &id.0),
        (Bytes::Ami(id), _) => hasher.text("ami", id),
    };
    Some(hasher.finish())
}

/// What the layout of a volume adds: its block, and the names of partitions, which stand in the table.
///
/// `recorded` is what is written down of the whole image. None for a volume that comes from a source and is taken as it is.
pub fn layout(spec: &ImageSpec, recorded: &Recorded, volume: &VolumeShape, is_root: bool) -> Option<Digest> {
    let written = |block| spec.object.recorded_in(recorded, block);
    let own = volume.object.as_ref().map(written);
    let root = spec
        .object
        .blocks
        .iter()
        .find(|block| is_root && block.block.name == "root");
    let root = root.map(written);
    let parts = || own.iter().chain(&root).map(AsRef::as_ref);
    let plain = |one: &Recorded| {
        !one.arguments
            .values()
            .any(|one| one.class.is_content() && !one.by_default)
    };
    if volume.bytes != Bytes::Blank && parts().all(plain) {
        return None;
    }
    let mut hasher = ContentHasher::new("partitions", recipe("partitions"));
    for part in parts() {
        part.feed(&mut hasher, |class| class.is_content());
    }
    if let TableShape::Write(_, entries) = &volume.table {
        entries.iter().for_each(|(name, ..)| {
            hasher.text("partition", name);
        });
    }
    Some(hasher.finish())
}
