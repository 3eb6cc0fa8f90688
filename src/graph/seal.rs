//! The node that makes an image's bytes depend on its spec alone: behind all mounts, before hooks of `before_snapshot`.

use super::compile::Build;
use super::digests;
use super::disks::label_of;
use super::summary;
use crate::digest::ContentHasher;
use crate::nodes::seal::Sealed;
use crate::nodes::{Check, Need, Ref, Seal};

impl Build<'_> {
    /// Seals a reproducible image.
    pub(super) fn seal(&mut self) {
        let spec = self.spec;
        let Some(seal) = &spec.seal else { return };
        let closed = self.of_kind("mount").cloned().map(Need::Closed);
        let node = Seal {
            filesystems: self.sealed(),
            date: seal.date,
            rules: seal.rules.clone(),
            after: self.last.iter().cloned().map(Need::Opened).chain(closed).collect(),
            origins: None,
        };
        let mut content = ContentHasher::new("seal", digests::recipe("seal"));
        content.text("date", &seal.date.to_string());
        seal.rules.iter().for_each(|rule| {
            content.text("rule", rule);
        });
        let at = spec.address.only("seal");
        self.push(at.clone(), node, Some(&seal.span), summary::seal(seal, &self.shape));
        self.content(&at, "seal", content.finish());
        self.last = Some(at);
    }

    /// Checks every file system that was mounted.
    pub(super) fn check(&mut self) {
        let mounted = self.shape.mounts().into_iter();
        let filesystems: Vec<_> = mounted
            .map(|(volume, slot)| Ref::new(self.spec.address.node("filesystem", label_of(volume, slot))))
            .collect();
        if filesystems.is_empty() {
            return;
        }
        let closed = self.of_kind("mount").cloned().map(Need::Closed);
        let after = self.last.iter().cloned().map(Need::Opened).chain(closed).collect();
        let summary = format!("check {}", summary::count(filesystems.len(), "file system"));
        let at = self.spec.address.only("check");
        self.push(at.clone(), Check { filesystems, after }, None, summary);
        self.last = Some(at);
    }

    fn sealed(&self) -> Vec<Sealed> {
        let slots = self
            .shape
            .volumes
            .iter()
            .flat_map(|volume| volume.slots.iter().map(move |slot| (volume, slot)));
        slots
            .filter(|(_, slot)| !slot.swap)
            .map(|(volume, slot)| Sealed {
                filesystem: Ref::new(self.spec.address.node("filesystem", label_of(volume, slot))),
                attachment: Ref::new(self.spec.address.node("attachment", volume.name.as_str())),
                target: slot.mount.as_ref().map(|(target, _)| target.clone()),
                options: slot.make.as_ref().map(|make| make.options.clone()).unwrap_or_default(),
            })
            .collect()
    }
}
