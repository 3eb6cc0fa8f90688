//! What is checked of volumes, partitions, file systems and mounts before anything is built.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::volume::{Format, Layout, Partition, PartitionTable, Volume};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{Object, suggest};
use crate::source::{Span, Spanned};
use crate::units::Size;

/// Names of partition types that stand for a GUID or an MBR code.
const KINDS: &[&str] = &["linux-root", "linux", "esp", "bios-boot", "swap"];

/// Partitions begin at the first MiB, so that they are aligned on every medium.
const BEFORE: u64 = 1 << 20;
/// What a GPT needs behind the last partition: its second copy, in a MiB of its own.
const BEHIND_GPT: u64 = 1 << 20;

/// Least sizes. Sources: mkfs.xfs(8) refuses below 300 MB, mkfs.btrfs(8) below 109 MiB; the others need a few blocks.
const LEAST: &[(&str, Size)] = &[
    ("xfs", Size::mib(300)),
    ("btrfs", Size::mib(109)),
    ("ext4", Size::mib(1)),
    ("vfat", Size::mib(1)),
    ("swap", Size::mib(1)),
];

/// Longest labels in bytes. Sources: mke2fs(8), mkfs.xfs(8), mkfs.btrfs(8), mkfs.fat(8), mkswap(8).
/// The read-only ones have none.
const LABELS: &[(&str, usize)] = &[
    ("ext4", 16),
    ("xfs", 12),
    ("btrfs", 255),
    ("vfat", 11),
    ("swap", 15),
    ("squashfs", 0),
    ("erofs", 0),
];

/// Checks all volumes of an image.
pub(super) fn check(image: &Object, volumes: &[Volume], scratch: bool, found: &mut Diagnostics) {
    for volume in volumes.iter().filter(|volume| volume.object.whole) {
        if let Some(layout) = &volume.layout {
            check_volume(volume, layout, found);
        }
    }
    let mounts: Vec<_> = volumes
        .iter()
        .flat_map(formats)
        .filter_map(|format| format.mount.as_ref())
        .collect();
    check_twice(&mounts, found);
    if scratch && volumes.iter().all(|volume| volume.object.whole) {
        check_root(image, volumes, &mounts, found);
    }
}

fn formats(volume: &Volume) -> Vec<&Format> {
    match &volume.layout {
        Some(Layout::Table { partitions, .. }) => partitions.iter().map(|partition| &partition.format).collect(),
        Some(Layout::Whole(format)) => vec![format],
        None => Vec::new(),
    }
}

fn check_volume(volume: &Volume, layout: &Layout, found: &mut Diagnostics) {
    let name = &volume.name;
    let Some(size) = &volume.size else {
        let error = Diagnostic::error(format!("volume \"{}\" needs a size: it begins blank", name.value));
        found.push(error.at(&volume.object.span).help("write size = \"8GiB\""));
        return;
    };
    match layout {
        Layout::Table { table, partitions } => {
            check_no_format(&volume.object, found);
            check_table(volume, *table, partitions, size, found);
        }
        Layout::Whole(format) => {
            if let Some(partition) = volume.object.children("partition").next() {
                let error = Diagnostic::error("partitions need a partition table").at(&partition.span);
                found.push(error.help("write partition_table = \"gpt\", or leave the line out"));
            }
            check_format(format, Some(size.value), &volume.object, found);
        }
    }
}

/// With a partition table, file systems are declared in the partitions.
fn check_no_format(volume: &Object, found: &mut Diagnostics) {
    for name in ["filesystem", "label", "mkfs_options", "mount", "options"] {
        if let Some(argument) = volume.written(name) {
            let error =
                Diagnostic::error(format!("a volume with partitions takes no \"{name}\"")).at(&argument.name_span);
            found.push(error.help("write it in a partition block"));
        }
    }
}

fn check_table(
    volume: &Volume,
    table: PartitionTable,
    partitions: &[Partition],
    size: &Spanned<Size>,
    found: &mut Diagnostics,
) {
    if partitions.is_empty() {
        let error = Diagnostic::error("a partition table needs partition blocks").at(&volume.object.span);
        found.push(error.help("write partition blocks, or partition_table = \"none\""));
        return;
    }
    for (partition, at) in partitions.iter().zip(1..) {
        check_kind(partition, table, found);
        check_gpt_name(&partition.name, table, found);
        if partition.size.is_none() && at < partitions.len() {
            let span = partition_object(volume, at - 1)
                .and_then(|block| block.written("size"))
                .map(|size| &size.span);
            let error = Diagnostic::error("only the last partition may take all that is left");
            found.push(
                error
                    .label(span.unwrap_or(&partition.name.span), "others follow")
                    .help("write a size such as \"512MiB\""),
            );
        }
    }
    let most = if table == PartitionTable::Mbr { 4 } else { 128 };
    if let Some(extra) = partitions.get(most) {
        let what = if table == PartitionTable::Mbr { "mbr" } else { "gpt" };
        let error = Diagnostic::error(format!(
            "a partition table of type {what} holds at most {most} partitions"
        ));
        found.push(error.label(&extra.name.span, "one too many"));
    }
    let left = check_sizes(volume, table, partitions, size, found);
    for (at, partition) in partitions.iter().enumerate() {
        if let Some(object) = partition_object(volume, at) {
            check_format(
                &partition.format,
                partition.size.as_ref().map(|size| size.value).or(left),
                object,
                found,
            );
        }
    }
}

fn partition_object(volume: &Volume, at: usize) -> Option<&Object> {
    volume.object.children("partition").nth(at).map(Arc::as_ref)
}

/// Whether the partitions fit; answers what is left for the last one if it takes the rest.
fn check_sizes(
    volume: &Volume,
    table: PartitionTable,
    partitions: &[Partition],
    size: &Spanned<Size>,
    found: &mut Diagnostics,
) -> Option<Size> {
    let aligned = |bytes: u64| bytes.div_ceil(BEFORE) * BEFORE;
    let declared: u64 = partitions
        .iter()
        .filter_map(|one| one.size.as_ref())
        .map(|size| aligned(size.value.as_bytes()))
        .sum();
    let behind = if table == PartitionTable::Gpt { BEHIND_GPT } else { 0 };
    let needed = declared + BEFORE + behind;
    let takes_rest = partitions.iter().any(|one| one.size.is_none());
    let left = size.value.as_bytes().checked_sub(needed);
    match left {
        Some(left) if left > 0 || !takes_rest => Some(Size::bytes(left)),
        _ => {
            let needed = Size::bytes(needed + if takes_rest { BEFORE } else { 0 });
            let error = Diagnostic::error(format!("the partitions of volume \"{}\" do not fit", volume.name.value));
            found.push(error.label(&size.span, format!("they need at least {needed}, with the table")));
            None
        }
    }
}

fn check_kind(partition: &Partition, table: PartitionTable, found: &mut Diagnostics) {
    let kind = partition.kind.value.as_str();
    let known = KINDS.contains(&kind)
        || match table {
            PartitionTable::Gpt => is_guid(kind),
            PartitionTable::Mbr => kind.len() == 2 && u8::from_str_radix(kind, 16).is_ok_and(|code| code != 0),
        };
    if !known {
        let meant = suggest(kind, KINDS.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
        let error = Diagnostic::error(format!("unknown partition type \"{kind}\""));
        let wanted = match table {
            PartitionTable::Gpt => "a GUID",
            PartitionTable::Mbr => "two hexadecimal digits",
        };
        let error = error.label(&partition.kind.span, meant.unwrap_or_default());
        found.push(error.help(format!("known: {}, or {wanted}", KINDS.join(", "))));
    }
    if kind == "bios-boot" && table == PartitionTable::Mbr {
        let error = Diagnostic::error("a bios-boot partition stands only in a gpt");
        found.push(error.label(
            &partition.kind.span,
            "with an mbr, GRUB lies in front of the first partition",
        ));
    }
    if let (true, Some(filesystem)) = (kind == "bios-boot", &partition.format.filesystem) {
        let error = Diagnostic::error("a bios-boot partition takes no file system");
        found.push(error.label(&filesystem.span, "GRUB writes its code there"));
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Source: UEFI specification, "GPT Partition Entry": 72 bytes of UTF-16.
fn check_gpt_name(name: &Spanned<String>, table: PartitionTable, found: &mut Diagnostics) {
    if table == PartitionTable::Gpt && name.value.encode_utf16().count() > 36 {
        let error = Diagnostic::error("the name of a partition has at most 36 characters");
        found.push(error.at(&name.span));
    }
}

fn check_format(format: &Format, size: Option<Size>, block: &Object, found: &mut Diagnostics) {
    let Some(filesystem) = &format.filesystem else {
        for name in ["label", "mkfs_options", "mount", "options"] {
            if let Some(argument) = block.written(name) {
                let error = Diagnostic::error(format!("\"{name}\" needs a filesystem")).at(&argument.name_span);
                found.push(error.help("write filesystem = \"ext4\""));
            }
        }
        return;
    };
    let kind = filesystem.value.as_str();
    let least = LEAST.iter().find(|(name, _)| *name == kind).map(|(_, least)| *least);
    if let Some(least) = least.filter(|least| size.is_some_and(|size| size < *least)) {
        let span = block.written("size").map_or(&filesystem.span, |size| &size.span);
        let is = size.map_or_else(String::new, |size| format!("this is {size}"));
        found.push(Diagnostic::error(format!("{kind} needs at least {least}")).label(span, is));
    }
    let longest = LABELS
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(255, |(_, longest)| *longest);
    if let (Some(label), Some(argument)) = (&format.label, block.get("label"))
        && label.len() > longest
    {
        let error = Diagnostic::error(format!("a label of {kind} has at most {longest} characters"));
        found.push(error.label(&argument.span, format!("this has {}", label.len())));
    }
    if let Some(mount) = &format.mount {
        check_mount(mount, kind, found);
    }
}

fn check_mount(mount: &Spanned<String>, kind: &str, found: &mut Diagnostics) {
    if kind == "swap" {
        found.push(
            Diagnostic::error("swap is not mounted")
                .at(&mount.span)
                .help("leave out mount"),
        );
    }
    if kind == "vfat" && mount.value == "/" {
        let error = Diagnostic::error("vfat cannot hold a system: it has no owners and no links");
        found.push(error.at(&mount.span).help("write filesystem = \"ext4\""));
    }
    found.extend(not_absolute(&mount.value, &mount.span));
}

/// Whether a path in the image is absolute and in its shortest form; nothing if it is not known yet.
pub(super) fn check_absolute(block: &Object, name: &str, found: &mut Diagnostics) {
    if let Some(path) = block.spanned_text(name) {
        found.extend(not_absolute(path.value.trim_end_matches('/'), &path.span).filter(|_| path.value != "/"));
    }
}

fn not_absolute(path: &str, span: &Span) -> Option<Diagnostic> {
    let parts = || path.split('/').skip(1);
    let normal = path == "/" || parts().all(|part| !part.is_empty() && part != "." && part != "..");
    match (path.starts_with('/'), normal) {
        (true, true) => None,
        (false, _) => Some(Diagnostic::error("a path in the image is absolute").label(span, "it must begin with /")),
        (true, false) => {
            let error = Diagnostic::error("a path in the image has no empty parts, no \".\" and no \"..\"");
            Some(error.at(span))
        }
    }
}

fn check_twice(mounts: &[&Spanned<String>], found: &mut Diagnostics) {
    let mut first: BTreeMap<&str, &Span> = BTreeMap::new();
    for mount in mounts {
        if let Some(standing) = first.insert(&mount.value, &mount.span) {
            let error = Diagnostic::error(format!("two file systems are mounted at \"{}\"", mount.value));
            found.push(
                error
                    .label(&mount.span, "here again")
                    .label(standing, "the first is here"),
            );
        }
    }
}

/// From scratch, the root volume holds `/`, unless commands of the user partition it.
fn check_root(image: &Object, volumes: &[Volume], mounts: &[&Spanned<String>], found: &mut Diagnostics) {
    let Some(root) = volumes.first() else { return };
    let bare = matches!(&root.layout, Some(Layout::Whole(format)) if format.filesystem.is_none());
    let by_hook = bare
        && image
            .children("hook")
            .any(|hook| hook.block.kind == Some("before_mount"));
    let formats = formats(root);
    let mut in_first = formats.iter().filter_map(|format| format.mount.as_ref());
    // Of a table without partitions, and of a path that is none, something else is said.
    if by_hook || formats.is_empty() || in_first.any(|mount| mount.value == "/" || !mount.value.starts_with('/')) {
        return;
    }
    let error = match mounts.iter().find(|mount| mount.value == "/") {
        Some(mount) => {
            let error = Diagnostic::error("the root must be on the first volume");
            error
                .label(&mount.span, "this is another")
                .label(&root.object.span, "the first volume")
        }
        None => {
            let error = Diagnostic::error("nothing is mounted at \"/\"").label(&root.object.span, "the root volume");
            error.help("write mount = \"/\" where its file system is declared")
        }
    };
    found.push(error);
}
