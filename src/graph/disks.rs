//! The nodes of an image's disks: volume, attachment, partitions and file systems of each, and the mounts.

use super::compile::Build;
use super::digests;
use super::hooks::hooks_at;
use super::ids::uuid;
use super::shape::{Bytes, Slot, TableShape, VolumeShape, lies_in};
use super::summary;
use crate::digest::Digest;
use crate::nodes::filesystem::Action;
use crate::nodes::mount::Chroot;
use crate::nodes::partitions::{Entry, Table};
use crate::nodes::volume::Origin;
use crate::nodes::{Attachment, Filesystem, Mount, Need, Partitions, Ref, Volume};
use crate::providers::VolumeWish;
use crate::spec::HookPoint;

impl Build<'_> {
    /// Volume, attachment, partitions and file systems of one volume.
    pub(super) fn volume(&mut self, volume: &VolumeShape, is_root: bool) {
        let spec = self.spec;
        let name = volume.name.as_str();
        let at = spec.address.node("volume", name);
        let content = digests::origin(volume, self.base.map(|base| base.identity));
        let node = Volume {
            provider: spec.provider.clone(),
            name: name.to_owned(),
            size: volume.size,
            origin: self.origin(volume),
            wish: wish(volume),
            after: self.begin_after(),
        };
        self.push(at.clone(), node, Some(&volume.span), summary::volume(spec, volume));
        if let Some(content) = content {
            self.content(&at, "volume", content);
        }
        let attachment = spec.address.node("attachment", name);
        let node = Attachment { volume: Ref::new(at) };
        self.push(attachment, node, None, format!("attach volume {name:?}"));
        self.partitions(volume, is_root);
        volume.slots.iter().for_each(|slot| self.filesystem(volume, slot));
    }

    fn origin(&self, volume: &VolumeShape) -> Origin {
        match &volume.bytes {
            Bytes::Blank => Origin::Blank,
            Bytes::Snapshot(id) => Origin::Snapshot(id.clone()),
            Bytes::Ami(id) => Origin::Ami(id.clone()),
            Bytes::File(path, digest) => Origin::File {
                path: path.clone(),
                digest: *digest,
            },
            Bytes::Base(name) => {
                let base = self
                    .spec
                    .source
                    .base()
                    .expect("only images with a base inherit volumes");
                Origin::Built {
                    image: Ref::new(base.itself()),
                    volume: name.clone(),
                }
            }
        }
    }

    /// Images of `depends_on` stand before anything of this one is begun.
    fn begin_after(&self) -> Vec<Need> {
        self.spec
            .depends_on
            .iter()
            .map(|image| Need::Opened(image.value.itself()))
            .collect()
    }

    fn partitions(&mut self, volume: &VolumeShape, is_root: bool) {
        let spec = self.spec;
        let at = spec.address.node("partitions", volume.name.as_str());
        let content = digests::layout(spec, self.recorded, volume, is_root);
        let digest = content.map(|content| self.chain.add(at.clone(), "partitions", content));
        let after = match volume.table {
            TableShape::Hooks => hooks_at(spec, HookPoint::BeforeMount),
            _ => Vec::new(),
        };
        let node = Partitions {
            attachment: Ref::new(spec.address.node("attachment", volume.name.as_str())),
            table: table(volume, &digest.unwrap_or(self.chain.last())),
            after,
        };
        self.push(at, node, Some(&volume.span), summary::partitions(volume));
        self.mark(content, digest);
    }

    fn filesystem(&mut self, volume: &VolumeShape, slot: &Slot) {
        let at = self.spec.address.node("filesystem", label_of(volume, slot));
        let action = match &slot.make {
            Some(make) => Action::Make {
                kind: make.kind.clone(),
                label: make.label.clone(),
                uuid: uuid(&self.chain.last(), "filesystem", &slot.label),
                options: make.options.clone(),
            },
            None => Action::Use {
                grow: volume.grow && is_mounted_at_root(slot),
            },
        };
        let node = Filesystem {
            partitions: Ref::new(self.spec.address.node("partitions", volume.name.as_str())),
            on: slot.on.clone(),
            action,
            sealed: self.spec.seal.is_some() && !slot.swap,
            checked: slot.mount.is_some(),
        };
        self.push(at, node, Some(&volume.span), summary::filesystem(volume, slot));
    }

    /// The mounts of the image, `/` first.
    pub(super) fn mounts(&mut self) {
        let spec = self.spec;
        let shape = std::mem::take(&mut self.shape);
        let mut before: Vec<&str> = Vec::new();
        for (volume, slot) in shape.mounts() {
            let Some((target, span)) = &slot.mount else { continue };
            let within = before.iter().filter(|outer| lies_in(target, outer));
            let node = Mount {
                filesystem: Ref::new(spec.address.node("filesystem", label_of(volume, slot))),
                target: target.clone(),
                options: slot.options.clone(),
                within: within
                    .map(|outer| Ref::new(spec.address.node("mount", *outer)))
                    .collect(),
                after: hooks_at(spec, HookPoint::BeforeMount),
                chroot: (target == "/").then(|| self.chroot()),
                discard: spec.seal.is_none(),
            };
            self.push(
                spec.address.node("mount", target),
                node,
                Some(span),
                format!("mount {target}"),
            );
            before.push(target);
        }
        self.shape = shape;
    }

    fn chroot(&self) -> Chroot {
        Chroot {
            mounts: self.spec.mounts.clone(),
            network: self.spec.network.clone(),
            services: self.spec.build.services,
            mount_path: self.spec.build.mount_path.clone(),
        }
    }
}

/// How the volume is made, as its block says.
fn wish(volume: &VolumeShape) -> VolumeWish {
    let Some(block) = &volume.object else {
        return VolumeWish::default();
    };
    VolumeWish {
        encrypted: block.get("encrypted").and_then(|argument| argument.value.as_bool()),
        key: block.text("kms_key").map(str::to_owned),
        kind: block.text("type").map(str::to_owned),
        iops: block.integer("iops"),
        throughput: block.integer("throughput"),
        tags: block.map("tags"),
    }
}

/// `root/esp`, or `data` for a whole volume: how the file system is called.
pub(super) fn label_of(volume: &VolumeShape, slot: &Slot) -> String {
    match slot.label.as_str() {
        "" => volume.name.clone(),
        label => format!("{}/{label}", volume.name),
    }
}

fn is_mounted_at_root(slot: &Slot) -> bool {
    slot.mount.as_ref().is_some_and(|(target, _)| target == "/")
}

fn table(volume: &VolumeShape, digest: &Digest) -> Table {
    let entry = |(name, kind, size): &(String, String, _)| Entry {
        name: name.clone(),
        kind: kind.clone(),
        size: *size,
        uuid: uuid(digest, "partition", name),
    };
    match &volume.table {
        TableShape::Write(kind, entries) => Table::Write {
            kind: *kind,
            disk: uuid(digest, "disk", ""),
            entries: entries.iter().map(entry).collect(),
        },
        TableShape::Read => Table::Read { grow: volume.grow },
        TableShape::Hooks => Table::Read { grow: false },
        TableShape::None => Table::None,
    }
}
