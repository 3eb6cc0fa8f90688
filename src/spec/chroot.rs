//! `root`, `mounts`, `network` and `build`: where and how the steps of an image run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::check_absolute;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{Block, Class, Default as Missing, Object, Type, argument, block, many};

/// The table of `root`.
pub static ROOT: Block = block("root").doc("Which part of a source is `/`.").arguments(&[
    argument("partition", Type::Text, Class::Bytes)
        .default(Missing::Text("auto"))
        .doc("\"auto\" (by type, then by content), a number, \"label=...\", \"uuid=...\" or \"whole\"."),
    argument("options", Type::TextList, Class::Run).doc("Mount options while building."),
]);

/// The table of `mounts`.
pub static MOUNTS: Block = block("mounts")
    .doc("Mounts of the chroot beside the image's own.")
    .arguments(&[argument("defaults", Type::Bool, Class::Run)
        .default(Missing::Bool(true))
        .doc("Whether /proc, /sys, /dev and /run are mounted.")])
    .blocks(&[many(&MOUNT)]);

/// The table of `mount` in `mounts`.
pub static MOUNT: Block = block("mount")
    .doc("One more mount, made after the others, in order.")
    .arguments(&[
        argument("type", Type::Text, Class::Run)
            .default(Missing::Text("bind"))
            .doc("\"bind\", or a file system type: \"tmpfs\"."),
        argument("source", Type::Text, Class::Run).doc("What is mounted: of \"bind\" a path on the builder host."),
        argument("target", Type::Path, Class::Run)
            .required()
            .doc("Where in the image, absolute."),
        argument("options", Type::TextList, Class::Run).doc("Mount options."),
        argument("read_only", Type::Bool, Class::Run)
            .default(Missing::Bool(false))
            .doc("Whether it is read-only."),
    ]);

/// The table of `network`.
pub static NETWORK: Block = block("network")
    .doc("Name resolution and network of the steps.")
    .arguments(&[
        argument("mode", Type::Choice(&["host", "none"]), Class::Run)
            .default(Missing::Text("host"))
            .doc("\"host\": the network of the builder host. \"none\": loopback only."),
        argument("resolv_conf", Type::Bool, Class::Run)
            .default(Missing::Bool(true))
            .doc("Whether steps get the name resolution of the builder host. It never stays in the image."),
        argument("hosts", Type::TextMap, Class::Run)
            .doc("Further names for /etc/hosts while building: name to address."),
    ]);

/// The table of `build`.
pub static BUILD: Block = block("build").doc("How the build runs.").arguments(&[
    argument("mount_path", Type::Path, Class::Run)
        .doc("Where the root is mounted on the builder host. Default: a private directory."),
    argument("services", Type::Bool, Class::Run)
        .default(Missing::Bool(false))
        .doc("Whether packages may start services while building."),
    argument("wrapper", Type::TextList, Class::Run)
        .doc("A command, with arguments, that runs every step: [\"nice\", \"-n\", \"10\"]."),
    argument("backend", Type::Text, Class::Run)
        .doc("How volumes reach the builder host.")
        .unsupported("a choice of the backend is not supported yet: volumes are attached to this host"),
    argument("device", Type::Path, Class::Run)
        .doc("Device name at which the volume is attached (aws).")
        .unsupported("a fixed device is not supported yet: the kernel chooses a free one"),
    argument("isolation", Type::Text, Class::Run)
        .doc("What steps are kept apart from.")
        .unsupported("a choice of the isolation is not supported yet: steps run in namespaces of their own"),
]);

/// Which partition of a source is `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// `auto`, a number, `label=`, `uuid=`, `whole`.
    pub partition: RootPartition,
    /// Mount options while building (class R).
    pub options: Vec<String>,
}

/// How the root partition of a source is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootPartition {
    /// By type, then by content.
    #[default]
    Auto,
    /// By number.
    Number(u32),
    /// By file system label.
    Label(String),
    /// By file system UUID.
    Uuid(String),
    /// There is no partition table.
    Whole,
}

/// Mounts of the chroot beside the image's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounts {
    /// Whether `/proc`, `/sys`, `/dev`, `/run` are mounted.
    pub defaults: bool,
    /// More, in order.
    pub extra: Vec<ExtraMount>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraMount {
    /// `bind`, `tmpfs`, `proc`, ...
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Where, in the image.
    pub target: String,
    /// Options, as in fstab.
    pub options: Vec<String>,
    /// Whether it is read-only.
    pub read_only: bool,
}

/// Name resolution and network of the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `host` or `none`.
    pub mode: NetworkMode,
    /// Whether steps get the host's name resolution.
    pub resolv_conf: bool,
    /// More lines for `/etc/hosts` while building: name to address.
    pub hosts: BTreeMap<String, String>,
}

/// What network steps see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// The builder host's.
    Host,
    /// None but loopback.
    None,
}

/// How the build runs (class R).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Where the root is mounted on the builder host, if the default (a private directory) will not do.
    pub mount_path: Option<PathBuf>,
    /// Whether packages may start services (default: no).
    pub services: bool,
    /// Command before each step: `["nice", "-n", "10"]`.
    pub wrapper: Vec<String>,
}

/// `root`, if it is written.
pub(super) fn root(image: &Object, found: &mut Diagnostics) -> Root {
    let Some(block) = image.child("root") else {
        return Root::default();
    };
    let partition = block.spanned_text("partition").and_then(|written| {
        let parsed = root_partition(&written.value);
        if parsed.is_none() {
            let label = "\"auto\", a number from 1, \"label=...\", \"uuid=...\" or \"whole\" is wanted";
            found.push(Diagnostic::error("argument \"partition\" has a bad value").label(&written.span, label));
        }
        parsed
    });
    Root {
        partition: partition.unwrap_or_default(),
        options: block.list("options"),
    }
}

fn root_partition(text: &str) -> Option<RootPartition> {
    let value = |prefix| {
        text.strip_prefix(prefix)
            .filter(|rest: &&str| !rest.is_empty())
            .map(str::to_owned)
    };
    match text {
        "auto" => Some(RootPartition::Auto),
        "whole" => Some(RootPartition::Whole),
        _ => None
            .or_else(|| value("label=").map(RootPartition::Label))
            .or_else(|| value("uuid=").map(RootPartition::Uuid))
            .or_else(|| {
                text.parse()
                    .ok()
                    .filter(|number| (1..=128).contains(number))
                    .map(RootPartition::Number)
            }),
    }
}

/// `mounts`; the default ones if the block is left out.
pub(super) fn mounts(image: &Object, found: &mut Diagnostics) -> Mounts {
    let Some(block) = image.child("mounts") else {
        return Mounts {
            defaults: true,
            extra: Vec::new(),
        };
    };
    let extra = block.children("mount").map(|mount| {
        let kind = mount.text("type").unwrap_or("bind").to_owned();
        if kind == "bind" && mount.whole && mount.get("source").is_none() {
            found.push(Diagnostic::error("a bind mount needs \"source\"").at(&mount.span));
        }
        check_absolute(mount, "target", found);
        ExtraMount {
            source: mount.text("source").unwrap_or(&kind).to_owned(),
            target: mount.text("target").unwrap_or_default().to_owned(),
            options: mount.list("options"),
            read_only: mount.is_on("read_only"),
            kind,
        }
    });
    Mounts {
        defaults: block.is_on("defaults"),
        extra: extra.collect(),
    }
}

/// `network`; the host's if the block is left out.
pub(super) fn network(image: &Object, found: &mut Diagnostics) -> Network {
    let Some(block) = image.child("network") else {
        return Network {
            mode: NetworkMode::Host,
            resolv_conf: true,
            hosts: BTreeMap::new(),
        };
    };
    let hosts = block.map("hosts");
    for (name, address) in hosts
        .iter()
        .filter(|(_, address)| address.parse::<std::net::IpAddr>().is_err())
    {
        let span = block.get("hosts").map_or(&block.span, |argument| &argument.span);
        let error = Diagnostic::error(format!("{address:?} is no IP address"));
        found.push(error.label(span, format!("of the host {name:?}")));
    }
    Network {
        mode: match block.text("mode") {
            Some("none") => NetworkMode::None,
            _ => NetworkMode::Host,
        },
        resolv_conf: block.is_on("resolv_conf"),
        hosts,
    }
}

/// `build`, if it is written.
pub(super) fn build(image: &Object, found: &mut Diagnostics) -> Build {
    let Some(block) = image.child("build") else {
        return Build::default();
    };
    check_absolute(block, "mount_path", found);
    Build {
        mount_path: block.text("mount_path").map(PathBuf::from),
        services: block.is_on("services"),
        wrapper: block.list("wrapper"),
    }
}
