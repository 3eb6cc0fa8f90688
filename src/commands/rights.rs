//! What this user can build on this host: everything as root, sealed images of a local store in a user namespace.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::filesystems;
use crate::host::{HostError, machine, rootless};
use crate::nodes::filesystem::Action::Make;
use crate::nodes::partitions::Table;
use crate::nodes::volume::Origin;
use crate::nodes::{Node, NodeData};
use crate::plan::{Action, ImagePlan, Plan};
use crate::spec::HookPoint;

/// Rights of this process.
#[derive(Debug)]
pub enum Rights {
    /// Root of the host.
    Root,
    /// Root of a user namespace.
    Namespace,
    /// None: why the host gives no user namespace.
    User(HostError),
}

impl Rights {
    /// Root's, or those of a user namespace, into which this process goes for good. It must be asked before a second thread
    /// exists.
    pub fn obtain() -> Rights {
        match (machine::is_root(), machine::has_devices()) {
            (true, true) => Rights::Root,
            (true, false) => Rights::Namespace,
            (false, _) => rootless::become_root().map_or_else(Rights::User, |()| Rights::Namespace),
        }
    }

    /// That anything can be built.
    ///
    /// # Errors
    /// If nothing can: why, and what to do.
    pub fn some(&self) -> Result<(), Diagnostic> {
        match self {
            Rights::User(error) => Err(without(Diagnostic::error("only root can build on this host"), error)),
            _ => Ok(()),
        }
    }

    /// Whether all can be built that the plan builds; what only changes a store needs no more than rights on it.
    ///
    /// # Errors
    /// For each image that cannot: why, and what to do.
    pub fn check(&self, plan: &Plan) -> Result<(), Diagnostics> {
        let builds = |image: &&ImagePlan| matches!(image.action, Action::Build | Action::Replace);
        let errors: Diagnostics = plan
            .images
            .iter()
            .filter(builds)
            .filter_map(|image| self.refusal(image, plan))
            .collect();
        errors.into_result(()).map(drop)
    }

    fn refusal(&self, image: &ImagePlan, plan: &Plan) -> Option<Diagnostic> {
        let refused = Diagnostic::error(format!("{} can only be built by root", image.address));
        let refused = image.span.iter().fold(refused, Diagnostic::at);
        match self {
            Rights::Root => None,
            Rights::User(error) => Some(without(refused, error)),
            Rights::Namespace => {
                let own = plan.nodes.iter().filter(|node| node.address.image == image.address);
                let nodes: Vec<&Node> = own.map(|node| &**node).collect();
                let (why, help) = obstacle(image, &nodes)?;
                Some(refused.note(why).help(help))
            }
        }
    }
}

/// Why there is no user namespace, and what gives one.
fn without(refused: Diagnostic, error: &HostError) -> Diagnostic {
    let help = error.help.as_deref().unwrap_or("see user_namespaces(7)");
    refused
        .note(format!("without root bake builds in a user namespace, and {error}"))
        .help(format!("{help}; or run bake as root, such as with sudo"))
}

/// Hooks that get a disk on which nothing is mounted.
const ON_DEVICES: [HookPoint; 2] = [HookPoint::BeforeMount, HookPoint::BeforeSnapshot];

/// What keeps an image from being built without devices, and what to do.
fn obstacle(image: &ImagePlan, nodes: &[&Node]) -> Option<(String, String)> {
    let found = |why: &str, help: &str| Some((why.to_owned(), format!("{help}, or run bake apply as root")));
    if image.provider.kind != "local" {
        return found(
            "without root no block device can be attached or mounted",
            "build it with provider local",
        );
    }
    let seal = nodes.iter().find_map(|node| match &node.data {
        NodeData::Seal(seal) => Some(seal),
        _ => None,
    });
    let Some(seal) = seal else {
        return found(
            "without root there are no loop devices: file systems are written from their trees, which only the seal of a \
             reproducible image does",
            "let it be reproducible: reproducible = true, on ext4 and vfat",
        );
    };
    if !seal.rules.iter().any(|rule| rule == "devices") {
        return found(
            "it keeps what is in /dev, and without root no device node can be made",
            "take devices out of keep",
        );
    }
    nodes.iter().find_map(|node| match &node.data {
        NodeData::Hook(hook) if ON_DEVICES.contains(&hook.point) => {
            let name = hook.point.name();
            let why = format!("its {name} hook works on a block device, and without root there is none");
            found(&why, "leave the hook out")
        }
        NodeData::Partitions(partitions) => match &partitions.table {
            Table::Read { .. } if !partitions.after.is_empty() => found(
                "its table is written by a hook, which needs a block device",
                "declare the partitions",
            ),
            _ => None,
        },
        NodeData::Filesystem(filesystem) => match &filesystem.action {
            Make { kind, .. } if filesystems::packed(kind).is_some_and(|packed| packed.unpack.is_none()) => {
                let why = format!("what was written as {kind} has to be compared, and only root can mount it");
                found(&why, "write filesystem = \"squashfs\"")
            }
            _ => None,
        },
        NodeData::Volume(volume) => match &volume.origin {
            Origin::Ami(_) => found("its source is no disk of this host", "build it on another image"),
            _ => None,
        },
        _ => None,
    })
}
