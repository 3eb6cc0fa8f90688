//! FAT, made and checked by dosfstools.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// FAT; its size in bits follows from the size of the partition, as mkfs.fat(8) chooses it.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "vfat",
    package: "dosfstools",
    make,
    grow: Grow::Never,
    check: &["fsck.vfat", "-n"],
    mountable: true,
    copy_options: &[],
    fsck_pass: 1,
    grub_module: "fat",
    sealing: Sealing::Fat,
};

fn make(format: &Format<'_>) -> Vec<String> {
    let id: String = format.uuid.chars().filter(|c| *c != '-').take(8).collect();
    let mut words = vec!["mkfs.vfat", "-i", &id];
    let before = format.start.map(|start| (start / SECTOR).to_string());
    words.extend(before.iter().flat_map(|sectors| ["-h", sectors]));
    command(&words, format.label.map(|label| ("-n", label)), format)
}
