//! The plan of `bake import`: an image that bake did not make becomes a release of an address of the module.
//!
//! What its disk holds cannot be known, so its digest is that of where it comes from: no module has it, and the next plan
//! says that only a build makes the image what the module says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assemble::standing;
use super::observe::World;
use super::options::Mode;
use super::{Action, Cause, FORMAT, ImagePlan, Plan, Release, releases};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{ContentHasher, Digest};
use crate::module::Module;
use crate::nodes::image::SnapshotSource;
use crate::nodes::volume::Origin;
use crate::nodes::{Adopt, Image, Node, NodeData, Ref, Snapshot, Volume};
use crate::providers::foreign::{Foreign, ForeignVolume, Matter};
use crate::providers::manifest::{self, BuiltVolume, Imported};
use crate::providers::{Holder, Manifest, ObservedImage, Owner, SnapshotId, VolumeWish};
use crate::schema::Recorded;
use crate::spec::{ImageSpec, default_name};
use crate::units::Size;

/// The image block of an address.
///
/// # Errors
/// An address that the module does not declare.
pub fn declared<'a>(module: &'a Module, address: &ImageAddress) -> Result<&'a ImageSpec, Diagnostic> {
    let found = module.images.iter().find(|spec| spec.address == *address);
    found.map(Arc::as_ref).ok_or_else(|| {
        let known: Vec<String> = module.images.iter().map(|spec| spec.address.to_string()).collect();
        let error = Diagnostic::error(format!("the module declares no {address}"));
        let error = match known.is_empty() {
            true => error.note("it declares no image"),
            false => error.note(format!("it declares {}", known.join(", "))),
        };
        error.help("write the image block first: it says what the image is to be, and import puts one under it")
    })
}

/// Plans the adoption of `foreign` as a release of a declared image. Of one that is ours already the plan is empty.
///
/// # Errors
/// What cannot be adopted; what somebody else has, or another address; an address of which bake has built releases.
pub fn make(module: &Module, spec: &ImageSpec, world: &World, foreign: Foreign) -> Result<Plan, Diagnostics> {
    let import = Import {
        module,
        spec,
        releases: world.releases(&spec.address),
        digest: digest(spec, &foreign),
        foreign,
    };
    let image = match import.already() {
        Some(release) => import.stands(release),
        None => {
            import.check()?;
            import.image()
        }
    };
    let nodes = match image.action {
        Action::Import => import.nodes(),
        _ => Vec::new(),
    };
    Ok(Plan {
        format: FORMAT,
        bake: env!("CARGO_PKG_VERSION").to_owned(),
        mode: Mode::Import,
        owner: module.owner.clone(),
        about: Some(BTreeSet::from([image.address.clone()])),
        images: vec![image],
        nodes: nodes.into_iter().map(Arc::new).collect(),
        providers: module.providers.clone(),
        outputs: BTreeMap::new(),
        inputs: module.inputs.clone(),
        world: standing(world),
        warnings: module.warnings.clone(),
    })
}

/// Stands for content that nobody can know.
fn digest(spec: &ImageSpec, foreign: &Foreign) -> Digest {
    let mut hasher = ContentHasher::new("imported", 1);
    hasher.text("provider", &spec.provider.kind);
    match &foreign.matter {
        Matter::Image { id, .. } => hasher.text("image", &id.0),
        Matter::Disk { digest, .. } => hasher.digest("disk", digest),
    };
    hasher.finish()
}

struct Import<'a> {
    module: &'a Module,
    spec: &'a ImageSpec,
    /// Releases that stand, the current one first.
    releases: &'a [ObservedImage],
    digest: Digest,
    foreign: Foreign,
}

impl Import<'_> {
    /// The release that it is already: the image itself, or a copy of the same disk.
    fn already(&self) -> Option<&ObservedImage> {
        self.releases.iter().find(|release| match &self.foreign.matter {
            Matter::Image { id, .. } => release.id == *id && release.provider == self.spec.provider,
            Matter::Disk { .. } => release.manifest.digest == self.digest,
        })
    }

    fn check(&self) -> Result<(), Diagnostic> {
        let (from, address) = (&self.foreign.from, &self.spec.address);
        let cannot = |why: String| Diagnostic::error(format!("cannot import {from} as {address}: {why}"));
        if let Some((why, help)) = &self.foreign.unusable {
            return Err(cannot(why.clone()).help(help));
        }
        if let Some(holder) = &self.foreign.holder {
            return Err(self.held(cannot, holder));
        }
        if let Some(built) = self.releases.iter().find(|one| one.manifest.imported.is_none()) {
            let (number, id) = (built.manifest.release, &built.id);
            return Err(cannot(format!("bake has built its release {number} ({id})"))
                .note("what is imported counts as the newest release, and would take the place of what was built")
                .help(format!(
                    "choose another address, or remove what stands: bake destroy -target '{address}'"
                )));
        }
        Ok(())
    }

    fn held(&self, cannot: impl Fn(String) -> Diagnostic, holder: &Holder) -> Diagnostic {
        let what = holder
            .address
            .as_ref()
            .map_or_else(|| "an image".to_owned(), ToString::to_string);
        match &holder.owner {
            Some(owner) if *owner == self.module.owner => cannot(format!("it is {what} of this project"))
                .help("a moved block gives an image of this project another address"),
            Some(Owner { project, workspace }) => {
                cannot(format!("it is {what} of project {project}, workspace {workspace}")).help(
                    "bake never takes what another project has marked; that project may let go of it by removing its bake: tags",
                )
            }
            None => cannot("somebody has marked it".to_owned()),
        }
    }

    fn number(&self) -> u64 {
        self.releases.first().map_or(1, |current| current.manifest.release + 1)
    }

    fn recorded(&self) -> Recorded {
        self.foreign.facts.clone().beside(&self.spec.object.recorded())
    }

    fn manifest(&self, recorded: &Recorded) -> Manifest {
        let (owner, address) = (&self.module.owner, &self.spec.address);
        Manifest {
            format: manifest::FORMAT,
            bake: env!("CARGO_PKG_VERSION").to_owned(),
            owner: owner.clone(),
            address: address.clone(),
            release: self.number(),
            digest: self.digest,
            release_id: releases::release_id(owner, address, &self.digest, recorded),
            build_number: 0,
            created: match &self.foreign.matter {
                Matter::Image { created, .. } => created.clone(),
                Matter::Disk { .. } => String::new(),
            },
            spec: Arc::new(recorded.clone()),
            nodes: Vec::new(),
            built_on: None,
            volumes: self.volumes(),
            regions: Vec::new(),
            imported: Some(Imported {
                from: self.foreign.from.clone(),
            }),
        }
    }

    /// The root volume is called as the module calls it, the others by their devices.
    fn volumes(&self) -> Vec<BuiltVolume> {
        let root = self.root();
        let volume = |name: String, snapshot: SnapshotId, size: Size| BuiltVolume {
            name,
            snapshot,
            size,
            blocks: None,
            mounts: BTreeMap::new(),
        };
        match &self.foreign.matter {
            Matter::Disk { size, .. } => vec![volume(root, SnapshotId(String::new()), *size)],
            Matter::Image { volumes, .. } => {
                let each = volumes.iter().enumerate().map(|(index, one): (usize, &ForeignVolume)| {
                    let name = if index == 0 { root.clone() } else { one.device.clone() };
                    volume(name, one.snapshot.clone(), one.size)
                });
                each.collect()
            }
        }
    }

    fn root(&self) -> String {
        let first = self.spec.volumes.first();
        first.map_or_else(|| "root".to_owned(), |volume| volume.name.value.clone())
    }

    fn name(&self, manifest: &Manifest) -> String {
        match &self.foreign.matter {
            Matter::Image { name, .. } => name.clone(),
            Matter::Disk { .. } => default_name(&self.spec.address, &manifest.release_id),
        }
    }

    fn nodes(&self) -> Vec<Node> {
        let address = &self.spec.address;
        let manifest = self.manifest(&self.recorded());
        let name = self.name(&manifest);
        let provider = self.spec.provider.clone();
        let node = |address, data: NodeData, summary: String| Node {
            address,
            data,
            span: Some(self.spec.span.clone()),
            summary,
            content: None,
            digest: None,
        };
        let from = &self.foreign.from;
        match &self.foreign.matter {
            Matter::Image { id, .. } => {
                let adopt = Adopt {
                    provider,
                    image: id.clone(),
                    name,
                    manifest,
                };
                vec![node(
                    address.node("adopt", id.0.as_str()),
                    adopt.into(),
                    format!("adopt {from}"),
                )]
            }
            Matter::Disk { path, digest, .. } => {
                let root = self.root();
                let (volume, snapshot) = (
                    address.node("volume", root.as_str()),
                    address.node("snapshot", root.as_str()),
                );
                let copied = Volume {
                    provider: provider.clone(),
                    name: root.clone(),
                    size: None,
                    origin: Origin::File {
                        path: path.clone(),
                        digest: *digest,
                    },
                    wish: VolumeWish::default(),
                    after: Vec::new(),
                };
                let kept = Snapshot {
                    provider: provider.clone(),
                    volume: Ref::new(volume.clone()),
                    name: root.clone(),
                    digest: self.digest,
                    tags: Default::default(),
                    after: Vec::new(),
                };
                let image = Image {
                    provider,
                    name,
                    description: None,
                    snapshots: vec![(root.clone(), SnapshotSource::Made(Ref::new(snapshot.clone())))],
                    inherits: None,
                    tags: None,
                    deprecate_after: None,
                    manifest,
                    timed: BTreeMap::new(),
                    after: Vec::new(),
                };
                vec![
                    node(volume, copied.into(), format!("copy {from}")),
                    node(snapshot, kept.into(), format!("snapshot of volume {root:?}")),
                    node(address.itself(), image.into(), "register the image".to_owned()),
                ]
            }
        }
    }

    fn image(&self) -> ImagePlan {
        let recorded = self.recorded();
        let manifest = self.manifest(&recorded);
        let from = self.foreign.from.clone();
        let id = match &self.foreign.matter {
            Matter::Image { id, .. } => Some(id.clone()),
            Matter::Disk { .. } => None,
        };
        ImagePlan {
            after: Some(Release {
                id,
                name: Some(self.name(&manifest)),
                number: manifest.release,
                digest: Some(self.digest),
                spec: manifest.spec.clone(),
            }),
            action: Action::Import,
            causes: vec![Cause::Imported { from }],
            ..self.untouched()
        }
    }

    fn stands(&self, release: &ObservedImage) -> ImagePlan {
        let release = super::assemble::release_of(release);
        ImagePlan {
            before: Some(release.clone()),
            after: Some(release),
            ..self.untouched()
        }
    }

    fn untouched(&self) -> ImagePlan {
        ImagePlan {
            address: self.spec.address.clone(),
            provider: self.spec.provider.clone(),
            action: Action::None,
            span: Some(self.spec.span.clone()),
            causes: Vec::new(),
            before: self.releases.first().map(super::assemble::release_of),
            after: None,
            changes: Vec::new(),
            drift: Vec::new(),
            steps: Vec::new(),
            retire: Vec::new(),
            moved_from: None,
            estimate: None,
        }
    }
}
