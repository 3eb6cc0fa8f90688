//! `volume` and `partition`: the blocks of the image and what is on them. What is checked of them stands in
//! [`super::layout`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layout;
use super::source::Source;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::schema::{Block, Class, Default, Object, Resolved, Type, argument, block, many};
use crate::source::{Span, Spanned};
use crate::units::Size;

/// File systems that can be made.
pub const FILESYSTEMS: &[&str] = &["ext4", "xfs", "btrfs", "vfat", "squashfs", "erofs", "swap"];

/// The table of `volume`.
pub static VOLUME: Block = block("volume")
    .labels(&["name"])
    .doc("A volume of the image; the first is the root volume. Each has its snapshot.")
    .arguments(&[
        argument("size", Type::Size, Class::Bytes).doc("Size in binary units. Default: that of the source."),
        argument("grow", Type::Bool, Class::Bytes)
            .default(Default::Bool(true))
            .doc("Whether root partition and file system of a source are grown to the size."),
        argument("partition_table", Type::Choice(&["gpt", "mbr", "none"]), Class::Bytes)
            .doc("Default: \"gpt\" if there are partition blocks, else \"none\"."),
        argument("filesystem", Type::Choice(FILESYSTEMS), Class::Bytes).doc("A file system on the whole volume."),
        argument("label", Type::Text, Class::Bytes).doc("Label of that file system."),
        argument("mkfs_options", Type::TextList, Class::Bytes).doc("Further arguments of its mkfs."),
        argument("mount", Type::Path, Class::Bytes).doc("Where in the image it is mounted."),
        argument("options", Type::TextList, Class::Bytes).doc("Mount options, in the build and in fstab."),
        argument("encrypted", Type::Bool, Class::Keys).doc("Whether the snapshot is encrypted (aws)."),
        argument("kms_key", Type::Text, Class::Keys).doc("Key id, ARN or alias that encrypts it (aws)."),
        argument("type", Type::Text, Class::Registration).doc("Volume type that instances get (aws): \"gp3\"."),
        argument("iops", Type::Integer(100, 1_000_000), Class::Registration).doc("Operations per second (aws)."),
        argument("throughput", Type::Integer(1, 100_000), Class::Registration).doc("MiB per second (aws)."),
        argument("device_name", Type::Text, Class::Registration).doc("Device name that instances see (aws)."),
        argument("tags", Type::TextMap, Class::Run).doc("Tags on the volume while it exists (aws)."),
    ])
    .blocks(&[many(&PARTITION)]);

/// The table of `partition`.
pub static PARTITION: Block = block("partition")
    .labels(&["name"])
    .doc("A partition, in the order of the table. Its label is its name in a GPT.")
    .arguments(&[
        argument("type", Type::Text, Class::Bytes).doc(
            "\"linux-root\", \"linux\", \"esp\", \"bios-boot\", \"swap\", a GUID (gpt) or two hexadecimal digits (mbr). \
             Default: by its file system and mount.",
        ),
        argument("size", Type::SizeOrRest, Class::Bytes)
            .doc("Size in binary units; the last may take all that is left: \"100%\", its default."),
        argument("filesystem", Type::Choice(FILESYSTEMS), Class::Bytes).doc("What is made in it. Default: nothing."),
        argument("label", Type::Text, Class::Bytes).doc("Label of the file system."),
        argument("mkfs_options", Type::TextList, Class::Bytes).doc("Further arguments of its mkfs."),
        argument("mount", Type::Path, Class::Bytes).doc("Where in the image it is mounted."),
        argument("options", Type::TextList, Class::Bytes).doc("Mount options, in the build and in fstab."),
    ]);

/// A volume of the image.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its label.
    pub name: Spanned<String>,
    /// `None`: as large as the source's.
    pub size: Option<Spanned<Size>>,
    /// Whether partition and file system of a source are grown to the size.
    pub grow: bool,
    /// What is on it; `None` where the source says.
    pub layout: Option<Layout>,
    /// The block.
    pub object: Arc<Object>,
}

/// What is on a blank volume.
#[derive(Debug, Clone)]
pub enum Layout {
    /// A partition table; partitions in source order.
    Table {
        /// gpt or mbr.
        table: PartitionTable,
        /// Never empty.
        partitions: Vec<Partition>,
    },
    /// A file system (or nothing) on the whole volume.
    Whole(Box<Format>),
}

/// Kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    /// GUID partition table.
    Gpt,
    /// DOS label.
    Mbr,
}

/// A declared partition.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Its label, also its name in a GPT.
    pub name: Spanned<String>,
    /// `linux-root`, `esp`, `bios-boot`, `swap`, a GUID or an MBR type.
    pub kind: Spanned<String>,
    /// `None`: all that is left (`"100%"`), only for the last one.
    pub size: Option<Spanned<Size>>,
    /// What is in it.
    pub format: Format,
}

/// A file system and where it is mounted.
#[derive(Debug, Clone, Default)]
pub struct Format {
    /// `ext4`, `xfs`, `btrfs`, `vfat`, `squashfs`, `erofs`, `swap`; none: raw.
    pub filesystem: Option<Spanned<String>>,
    /// Label of the file system.
    pub label: Option<String>,
    /// Further arguments of mkfs.
    pub mkfs_options: Vec<String>,
    /// Where it is mounted in the image, absolute.
    pub mount: Option<Spanned<String>>,
    /// Mount options, in the build and in fstab.
    pub options: Vec<String>,
}

/// The volumes of an image with the defaults that depend on what else is written filled in; a source without a `volume`
/// block gives one named `root`.
pub(super) fn decode(image: &mut Object, source: Option<&Source>, found: &mut Diagnostics) -> Vec<Volume> {
    let scratch = matches!(source, None | Some(Source::Scratch));
    let mut volumes = Vec::new();
    for block in image.blocks.iter_mut().filter(|block| block.block.name == "volume") {
        let blank = scratch || !volumes.is_empty();
        if blank {
            fill_in(Arc::make_mut(block));
        } else {
            check_nothing_declared(block, found);
        }
        volumes.push(volume(block, blank));
    }
    match (volumes.is_empty(), source) {
        (true, Some(Source::Scratch)) if image.meant.contains(&"volume") => {}
        (true, Some(Source::Scratch)) => {
            let error = Diagnostic::error("an image from scratch needs a volume block").at(&image.span);
            found.push(error.help("write volume \"root\" { ... } with a size, a filesystem and mount = \"/\""));
        }
        (true, Some(_)) => volumes.push(of_the_source(&image.span)),
        _ => {}
    }
    layout::check(image, &volumes, scratch, found);
    volumes
}

fn volume(block: &Arc<Object>, blank: bool) -> Volume {
    Volume {
        name: block.label(0).clone(),
        size: block.size("size"),
        grow: block.is_on("grow"),
        layout: if blank { Some(layout_of(block)) } else { None },
        object: Arc::clone(block),
    }
}

fn layout_of(block: &Object) -> Layout {
    let table = match block.text("partition_table") {
        Some("gpt") => PartitionTable::Gpt,
        Some("mbr") => PartitionTable::Mbr,
        _ => return Layout::Whole(Box::new(format(block))),
    };
    let partitions = block.children("partition").map(|block| Partition {
        name: block.label(0).clone(),
        kind: block
            .spanned_text("type")
            .unwrap_or_else(|| Spanned::new("linux".to_owned(), block.span.clone())),
        size: block.size("size"),
        format: format(block),
    });
    Layout::Table {
        table,
        partitions: partitions.collect(),
    }
}

fn format(block: &Object) -> Format {
    Format {
        filesystem: block.spanned_text("filesystem"),
        label: block.text("label").map(str::to_owned),
        mkfs_options: block.list("mkfs_options"),
        mount: block.spanned_text("mount"),
        options: block.list("options"),
    }
}

/// Writes down what stands for a table and types that were left out, so that writing them changes nothing.
fn fill_in(block: &mut Object) {
    let table = match block.children("partition").next() {
        Some(_) => "gpt",
        None => "none",
    };
    set_default(block, "partition_table", table);
    for partition in block.blocks.iter_mut().map(Arc::make_mut) {
        let kind = match (partition.text("filesystem"), partition.text("mount")) {
            (Some("swap"), _) => "swap",
            (_, Some("/")) => "linux-root",
            _ => "linux",
        };
        set_default(partition, "type", kind);
        set_default(partition, "size", "100%");
    }
}

/// Sets an argument that nobody wrote.
pub(super) fn set_default(block: &mut Object, name: &'static str, value: impl Into<Value>) {
    let resolved = || Resolved {
        value: value.into(),
        by_default: true,
        span: block.span.clone(),
        name_span: block.span.clone(),
        identity: None,
        files: Vec::new(),
    };
    if !block.arguments.contains_key(name) {
        block.arguments.insert(name, Box::new(resolved()));
    }
}

fn check_nothing_declared(block: &Object, found: &mut Diagnostics) {
    const LAYOUT: &[&str] = &[
        "partition_table",
        "filesystem",
        "label",
        "mkfs_options",
        "mount",
        "options",
    ];
    let arguments = LAYOUT
        .iter()
        .filter_map(|name| block.written(name))
        .map(|argument| &argument.name_span);
    let spans: Vec<&Span> = arguments
        .chain(block.children("partition").map(|partition| &partition.span))
        .collect();
    if let Some(first) = spans.first() {
        let error = Diagnostic::error("the root volume has what the source has on it");
        let error = error.label(first, "this can be declared only of blank volumes");
        found.push(error.help("leave it out, or begin with scratch {}"));
    }
}

fn of_the_source(span: &Span) -> Volume {
    let grow = VOLUME.argument("grow").and_then(|row| row.default.value());
    let mut object = Object {
        block: &VOLUME,
        labels: vec![Spanned::new("root".to_owned(), span.clone())],
        arguments: litemap::LiteMap::new(),
        blocks: Vec::new(),
        span: span.clone(),
        unread: false,
        meant: Box::default(),
        whole: true,
    };
    let resolved = grow.map(|value| Resolved {
        value,
        by_default: true,
        span: span.clone(),
        name_span: span.clone(),
        identity: None,
        files: Vec::new(),
    });
    object
        .arguments
        .extend(resolved.map(|resolved| ("grow", Box::new(resolved))));
    volume(&Arc::new(object), false)
}
