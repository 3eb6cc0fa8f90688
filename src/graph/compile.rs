//! All nodes of a full build of one image, from its spec and the shape of the image that it is built on.
//!
//! Effects follow one another: hooks, bootstrap, fstab, boot loader, steps in source order. A snapshot needs what has to be
//! *closed* (mounts, file systems, partitions, and with `local` the attachment) rather than opened: a node that is to be
//! closed before the snapshot cannot also be kept open by it.

use std::borrow::Cow;
use std::sync::Arc;

use super::digests::{self, BaseIdentity, Chain, ContentNode};
use super::disks::label_of;
use super::finish::settle;
use super::shape::Shape;
use super::summary;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{ContentHasher, Digest};
use crate::nodes::fstab::Line;
use crate::nodes::{
    Arguments, BootLoader, Bootstrap, Fstab, Mount, Node, NodeData, PlannedArgument, PlannedFile, Provision, Ref,
    Surroundings,
};
use crate::schema::{Object, Recorded};
use crate::source::Span;
use crate::spec::{HookPoint, ImageSpec};

/// An image with all nodes of a full build.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What it was compiled from.
    pub spec: Arc<ImageSpec>,
    /// The whole block as it is recorded.
    pub recorded: Arc<Recorded>,
    /// Its disks.
    pub shape: Shape,
    /// What adds to its content, in order.
    pub content: Vec<ContentNode>,
    /// Of its last content node.
    pub digest: Digest,
    /// In an order in which they could be opened.
    pub nodes: Vec<Arc<Node>>,
}

/// The image that another one is built on.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    /// Its disks.
    pub shape: &'a Shape,
    /// Its content.
    pub identity: BaseIdentity,
    /// Its spec.
    pub spec: &'a ImageSpec,
}

impl<'a> Base<'a> {
    /// A compiled image that was built by force so many times.
    pub fn of(compiled: &'a Compiled, build_number: u64) -> Base<'a> {
        Base {
            shape: &compiled.shape,
            identity: BaseIdentity {
                digest: compiled.digest,
                build_number,
            },
            spec: &compiled.spec,
        }
    }
}

/// The disks of an image, on those of its base.
///
/// # Errors
/// What [`Shape::of`] says; a base in another provider or of another architecture.
pub fn shape(spec: &ImageSpec, base: Option<(&ImageSpec, &Shape)>) -> Result<Shape, Diagnostics> {
    if let Some((base, _)) = base {
        fits(spec, base)?;
    }
    Shape::of(spec, base.map(|(_, shape)| shape))
}

/// Compiles one image.
///
/// # Errors
/// Those of [`shape()`].
pub fn image(spec: &Arc<ImageSpec>, base: Option<Base<'_>>) -> Result<Compiled, Diagnostics> {
    let shape = shape(spec, base.map(|base| (base.spec, base.shape)))?;
    let recorded = Arc::new(spec.object.recorded());
    let mut build = Build {
        spec,
        recorded: &recorded,
        base,
        chain: Chain::new(spec.architecture, &recorded, spec.seal.as_ref().map(|seal| seal.date)),
        shape,
        nodes: Vec::new(),
        last: None,
    };
    build.everything();
    let Build {
        chain,
        shape,
        mut nodes,
        ..
    } = build;
    let digest = chain.last();
    settle(&mut nodes, digest, &recorded, &chain);
    let mut nodes: Vec<_> = nodes.into_iter().map(Arc::new).collect();
    let mut content = chain.nodes;
    // The list of pointers stands where the nodes stood, and has room for all of them.
    nodes.shrink_to_fit();
    content.shrink_to_fit();
    Ok(Compiled {
        spec: Arc::clone(spec),
        recorded,
        shape,
        content,
        digest,
        nodes,
    })
}

fn fits(spec: &ImageSpec, base: &ImageSpec) -> Result<(), Diagnostic> {
    let at = spec.source.span().unwrap_or(&spec.span);
    if spec.provider != base.provider {
        let (own, other) = (spec.provider.to_string(), base.provider.to_string());
        return Err(
            Diagnostic::error(format!("{} cannot be built on {}", spec.address, base.address))
                .label(
                    at,
                    format!("{} lives with {other}, {} with {own}", base.address, spec.address),
                )
                .help("give both the same provider"),
        );
    }
    if spec.architecture != base.architecture {
        let (own, other) = (spec.architecture.name(), base.architecture.name());
        return Err(
            Diagnostic::error(format!("{} cannot be built on {}", spec.address, base.address))
                .label(at, format!("{} is {other}, {} is {own}", base.address, spec.address))
                .help("leave architecture out: it is that of the source"),
        );
    }
    Ok(())
}

/// An image under construction.
pub(super) struct Build<'a> {
    pub(super) spec: &'a ImageSpec,
    /// All of its block.
    pub(super) recorded: &'a Recorded,
    pub(super) base: Option<Base<'a>>,
    pub(super) chain: Chain,
    pub(super) shape: Shape,
    pub(super) nodes: Vec<Node>,
    /// The effect after which the next one comes.
    pub(super) last: Option<Address>,
}

impl<'a> Build<'a> {
    /// What is written down of one of its blocks.
    pub(super) fn recorded(&self, block: &Arc<Object>) -> Cow<'a, Recorded> {
        self.spec.object.recorded_in(self.recorded, block)
    }

    fn everything(&mut self) {
        let shape = self.shape.clone();
        for (index, volume) in shape.volumes.iter().enumerate() {
            self.volume(volume, index == 0);
        }
        self.hooks(HookPoint::BeforeMount);
        self.mounts();
        self.hooks(HookPoint::AfterMount);
        self.effects();
        self.hooks(HookPoint::BeforeUnmount);
        self.seal();
        self.check();
        self.hooks(HookPoint::BeforeSnapshot);
        self.snapshots();
        self.image();
        self.hooks(HookPoint::AfterPublish);
        self.hooks(HookPoint::OnFailure);
        self.hooks(HookPoint::Always);
    }

    pub(super) fn push(&mut self, address: Address, data: impl Into<NodeData>, span: Option<&Span>, summary: String) {
        self.nodes.push(Node {
            address,
            data: data.into(),
            span: span.cloned(),
            summary,
            content: None,
            digest: None,
        });
    }

    /// Makes the node that was pushed last a content node.
    pub(super) fn content(&mut self, address: &Address, kind: &str, content: Digest) {
        let digest = self.chain.add(address.clone(), kind, content);
        self.mark(Some(content), Some(digest));
    }

    pub(super) fn mark(&mut self, content: Option<Digest>, digest: Option<Digest>) {
        if let Some(node) = self.nodes.last_mut() {
            (node.content, node.digest) = (content, digest);
        }
    }

    /// Bootstrap, fstab, boot loader and steps.
    fn effects(&mut self) {
        let Some(root) = self.root() else { return };
        let spec = self.spec;
        if let Some(part) = &spec.bootstrap {
            let node = Bootstrap {
                kind: part.kind.clone(),
                architecture: spec.architecture,
                arguments: arguments(&part.object),
                within: self.surroundings(&root),
                anew: false,
            };
            self.effect(spec.address.only("bootstrap"), node, &part.object, &part.kind);
        }
        if spec.fstab {
            self.fstab(&root);
        }
        if let Some(part) = &spec.boot_loader {
            self.boot_loader(&root, part);
        }
        for step in &spec.steps {
            let node = Provision {
                kind: step.kind.clone(),
                label: step.label.value.clone(),
                arguments: arguments(&step.object),
                within: self.surroundings(&root),
                turned: false,
            };
            let at = spec.address.node("provision", step.label.value.as_str());
            self.effect(at, node, &step.object, &step.kind);
        }
    }

    /// An effect whose content is its block.
    fn effect(&mut self, at: Address, node: impl Into<NodeData>, object: &Arc<Object>, kind: &str) {
        let recorded = self.recorded(object);
        let name = at.node.as_ref().map_or("", |node| node.kind.as_str()).to_owned();
        let mut content = ContentHasher::new(&name, digests::recipe(&name));
        content.text("kind", kind);
        recorded.feed(&mut content, |class| class.is_content());
        self.push(at.clone(), node, Some(&object.span), summary::block(kind, &recorded));
        self.content(&at, &name, content.finish());
        self.last = Some(at);
    }

    fn boot_loader(&mut self, root: &Ref<Mount>, part: &crate::spec::Part) {
        let Some((volume, slot)) = self.shape.mounts().into_iter().next() else {
            return;
        };
        let address = &self.spec.address;
        let node = BootLoader {
            kind: part.kind.clone(),
            architecture: self.spec.architecture,
            partitions: Ref::new(address.node("partitions", volume.name.as_str())),
            root: Ref::new(address.node("filesystem", label_of(volume, slot))),
            arguments: arguments(&part.object),
            within: self.surroundings(root),
        };
        self.effect(address.only("boot_loader"), node, &part.object, &part.kind);
    }

    fn fstab(&mut self, root: &Ref<Mount>) {
        let swap = |(volume, slot)| (volume, slot, "none".to_owned());
        let mounted = |(volume, slot): (_, &super::shape::Slot)| {
            let target = slot
                .mount
                .as_ref()
                .map(|(target, _)| target.clone())
                .unwrap_or_default();
            (volume, slot.clone(), target)
        };
        let swaps = self.shape.volumes.iter().flat_map(|volume| {
            let swaps = volume.slots.iter().filter(|slot| slot.swap && slot.make.is_some());
            swaps.map(move |slot| (volume, slot.clone()))
        });
        let lines = self.shape.mounts().into_iter().map(mounted).chain(swaps.map(swap));
        let lines: Vec<Line> = lines
            .map(|(volume, slot, target)| Line {
                filesystem: Ref::new(self.spec.address.node("filesystem", label_of(volume, &slot))),
                target,
                options: slot.options.clone(),
            })
            .collect();
        let mut content = ContentHasher::new("fstab", digests::recipe("fstab"));
        for line in &lines {
            content
                .text("target", &line.target)
                .text("options", &line.options.join(","));
        }
        let at = self.spec.address.only("fstab");
        let summary = summary::count(lines.len(), "line");
        let within = self.surroundings(root);
        self.push(at.clone(), Fstab { lines, within }, None, summary);
        self.content(&at, "fstab", content.finish());
        self.last = Some(at);
    }

    fn root(&self) -> Option<Ref<Mount>> {
        let at = self.spec.address.node("mount", "/");
        self.nodes.iter().any(|node| node.address == at).then(|| Ref::new(at))
    }

    fn surroundings(&self, root: &Ref<Mount>) -> Surroundings {
        let mounts = self.of_kind("mount").filter(|at| **at != root.at);
        Surroundings {
            root: root.clone(),
            mounts: mounts.cloned().map(Ref::new).collect(),
            after: self.last.iter().cloned().collect(),
            wrapper: self.spec.build.wrapper.clone(),
            date: self.spec.seal.as_ref().map(|seal| seal.date),
        }
    }

    /// Nodes of a kind so far.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Address> {
        let of = move |node: &&Node| node.address.node.as_ref().is_some_and(|name| name.kind == kind);
        self.nodes.iter().filter(of).map(|node| &node.address)
    }
}

/// The arguments of a block and, under their names, those of blocks in it.
pub(super) fn arguments(object: &Object) -> Arguments {
    let mut all = Arguments::default();
    collect_arguments(object, "", &mut all);
    all
}

fn collect_arguments(object: &Object, prefix: &str, into: &mut Arguments) {
    for (name, resolved) in &object.arguments {
        let files = resolved.files.iter().map(|file| PlannedFile {
            path: file.path.clone(),
            absolute: file.absolute.clone(),
            kind: file.kind,
            digest: file.digest,
        });
        let argument = PlannedArgument {
            value: resolved.value.clone(),
            identity: resolved.identity.clone(),
            files: files.collect(),
        };
        into.0.insert(format!("{prefix}{name}"), argument);
    }
    for block in &object.blocks {
        collect_arguments(block, &format!("{prefix}{}.", block.block.name), into);
    }
}
