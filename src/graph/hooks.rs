//! The nodes of hooks: what each waits for, and thereby what stands while it runs.

use super::compile::{Build, arguments};
use super::{digests, summary};
use crate::address::Address;
use crate::digest::ContentHasher;
use crate::nodes::{Hook, Need, Node, NodeData, Ref};
use crate::spec::{HookPoint, ImageSpec};

/// Kinds of nodes that work in the mounted image.
pub(super) const EFFECTS: [&str; 4] = ["bootstrap", "fstab", "boot_loader", "provision"];

impl Build<'_> {
    /// Every hook of a point.
    pub(super) fn hooks(&mut self, point: HookPoint) {
        for hook in self.spec.hooks.iter().filter(|hook| hook.point == point) {
            let at = self.spec.address.node("hook", hook_label(point, hook.index));
            let node = Hook {
                point,
                arguments: arguments(&hook.object),
                after: self.hook_needs(point),
                date: self
                    .spec
                    .seal
                    .as_ref()
                    .map(|seal| seal.date)
                    .filter(|_| point <= HookPoint::BeforeSnapshot),
            };
            let recorded = self.recorded(&hook.object);
            self.push(
                at.clone(),
                node,
                Some(&hook.object.span),
                summary::hook(point, &recorded),
            );
            if point <= HookPoint::BeforeSnapshot {
                let mut content = ContentHasher::new("hook", digests::recipe("hook"));
                content.text("point", point.name());
                recorded.feed(&mut content, |class| class.is_content());
                self.content(&at, "hook", content.finish());
            }
            self.last = Some(at);
        }
    }

    /// What a hook waits for, and thereby what stands while it runs.
    fn hook_needs(&self, point: HookPoint) -> Vec<Need> {
        let opened = |kind: &'static str| self.of_kind(kind).cloned().map(Need::Opened);
        let closed = |kind: &'static str| self.of_kind(kind).cloned().map(Need::Closed);
        let disks = opened("volume").chain(opened("attachment"));
        let last = self.last.iter().cloned().map(Need::Opened);
        let effects = EFFECTS.into_iter().flat_map(opened);
        let image = Need::Opened(self.spec.address.itself());
        match point {
            HookPoint::BeforeMount => disks
                .chain(self.tables().into_iter().map(Need::Opened))
                .chain(last)
                .collect(),
            HookPoint::AfterMount | HookPoint::BeforeUnmount => disks
                .chain(opened("partitions"))
                .chain(opened("mount"))
                .chain(last)
                .collect(),
            HookPoint::BeforeSnapshot => disks
                .chain(opened("partitions"))
                .chain(closed("mount"))
                .chain(closed("filesystem"))
                .chain(last)
                .collect(),
            HookPoint::AfterPublish => [image].into_iter().chain(last).collect(),
            HookPoint::OnFailure => {
                let hooks = self.hooks_until(HookPoint::BeforeUnmount);
                let all = disks
                    .chain(opened("partitions"))
                    .chain(opened("filesystem"))
                    .chain(opened("mount"));
                all.chain(effects).chain(hooks).collect()
            }
            HookPoint::Always => [image].into_iter().chain(opened("hook")).collect(),
        }
    }

    /// Tables that are written or read before the hooks of `before_mount`, not by them.
    fn tables(&self) -> Vec<Address> {
        let free = |node: &&Node| matches!(&node.data, NodeData::Partitions(table) if table.after.is_empty());
        self.nodes
            .iter()
            .filter(free)
            .map(|node| node.address.clone())
            .collect()
    }

    fn hooks_until(&self, last: HookPoint) -> impl Iterator<Item = Need> {
        let of = move |node: &&Node| matches!(&node.data, NodeData::Hook(hook) if hook.point <= last);
        self.nodes
            .iter()
            .filter(of)
            .map(|node| Need::Opened(node.address.clone()))
    }
}

/// The hooks of a point, as nodes point to them.
pub(super) fn hooks_at(spec: &ImageSpec, point: HookPoint) -> Vec<Ref<Hook>> {
    let hooks = spec.hooks.iter().filter(|hook| hook.point == point);
    hooks
        .map(|hook| Ref::new(spec.address.node("hook", hook_label(point, hook.index))))
        .collect()
}

/// `before_mount`, and `before_mount/1` for the second one.
fn hook_label(point: HookPoint, index: usize) -> String {
    match index {
        0 => point.name().to_owned(),
        more => format!("{}/{more}", point.name()),
    }
}
