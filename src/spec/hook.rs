//! `hook`: commands on the builder host at certain moments of a build.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::schema::{Argument, Block, Class, Default, Holds, Object, Type, argument, block};

/// The tables of `hook`, one per moment, in the order in which they come. Only the first four can change the image.
pub static HOOKS: [Block; 7] = [
    hook(
        "before_mount",
        "Commands on the builder host, after bake's own partitioning and before anything is mounted. With `partition_table = \"none\"` they may partition, and the table is read after them.",
        SHAPING,
    ),
    hook(
        "after_mount",
        "Commands on the builder host, when all file systems of the image are mounted.",
        SHAPING,
    ),
    hook(
        "before_unmount",
        "Commands on the builder host, after the last step, with all file systems still mounted.",
        SHAPING,
    ),
    hook(
        "before_snapshot",
        "Commands on the builder host, when nothing is mounted any more and the volumes are still attached.",
        SHAPING,
    ),
    hook(
        "after_publish",
        "Commands on the builder host, when the image stands.",
        WATCHING,
    ),
    hook(
        "on_failure",
        "Commands on the builder host, when something failed up to the last hook before_unmount: the image is still as it was then, mounted where it was. A failing snapshot or registration is told by hook \"always\" only.",
        WATCHING,
    ),
    hook(
        "always",
        "Commands on the builder host, at the end, whatever happened.",
        WATCHING,
    ),
];

const SHAPING: &[Argument] = &arguments(Class::Bytes);
const WATCHING: &[Argument] = &arguments(Class::Run);

const fn hook(point: &'static str, doc: &'static str, arguments: &'static [Argument]) -> Block {
    block("hook")
        .kind(point)
        .doc(doc)
        .holds(Holds::SecretsAndBuild)
        .exactly_one(&["inline", "script", "command"])
        .arguments(arguments)
}

const fn arguments(class: Class) -> [Argument; 8] {
    [
        argument("inline", Type::TextList, class).doc("Lines of a script."),
        argument("script", Type::File, class).doc("A script on the builder host."),
        argument("command", Type::TextList, class).doc("A program with its arguments, run without a shell."),
        argument("interpreter", Type::TextList, class)
            .default(Default::List(&["/bin/sh", "-e"]))
            .doc("The command that gets the path of the script as its last argument."),
        argument("env", Type::TextMap, class).doc("Environment variables beside those of bake itself."),
        argument("working_directory", Type::Path, class)
            .doc("Where the commands begin. Default: the directory of the module."),
        argument("inputs", Type::Globs, class)
            .doc("Patterns of files that the commands read; when one of them changes, the image is built again."),
        argument("timeout", Type::Duration, Class::Run).doc("How long the hook may take before it is killed."),
    ]
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookPoint {
    /// After partitioning, before the file systems are mounted.
    BeforeMount,
    /// The root is mounted.
    AfterMount,
    /// All steps are done, the root is still mounted.
    BeforeUnmount,
    /// Nothing is mounted; the volume is still attached.
    BeforeSnapshot,
    /// The image stands.
    AfterPublish,
    /// The build failed while the image was mounted, before the teardown.
    OnFailure,
    /// At the end, whatever happened.
    Always,
}

impl HookPoint {
    /// As it is written: `before_mount`.
    pub const fn name(self) -> &'static str {
        match self {
            HookPoint::BeforeMount => "before_mount",
            HookPoint::AfterMount => "after_mount",
            HookPoint::BeforeUnmount => "before_unmount",
            HookPoint::BeforeSnapshot => "before_snapshot",
            HookPoint::AfterPublish => "after_publish",
            HookPoint::OnFailure => "on_failure",
            HookPoint::Always => "always",
        }
    }
}

/// Commands on the builder host.
#[derive(Debug, Clone)]
pub struct Hook {
    /// When.
    pub point: HookPoint,
    /// Its place among the hooks of this point, from 0.
    pub index: usize,
    /// `inline`, `env`, `inputs`, ... as plain values; `build.*` may be unknown in them.
    pub object: Arc<Object>,
}

/// The hooks of an image, in the order in which they are written.
pub(super) fn decode(image: &Object) -> Vec<Hook> {
    let mut counts = [0; HOOKS.len()];
    let hooks = image.children("hook").filter_map(|object| {
        let point = POINTS
            .iter()
            .position(|point| Some(point.name()) == object.block.kind)?;
        let index = counts[point];
        counts[point] += 1;
        Some(Hook {
            point: POINTS[point],
            index,
            object: object.clone(),
        })
    });
    hooks.collect()
}

const POINTS: [HookPoint; HOOKS.len()] = [
    HookPoint::BeforeMount,
    HookPoint::AfterMount,
    HookPoint::BeforeUnmount,
    HookPoint::BeforeSnapshot,
    HookPoint::AfterPublish,
    HookPoint::OnFailure,
    HookPoint::Always,
];
