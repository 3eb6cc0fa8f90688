//! btrfs, made and grown by btrfs-progs.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// btrfs.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "btrfs",
    package: "btrfs-progs",
    make: Some(make),
    grow: Grow::Mounted(&["btrfs", "filesystem", "resize", "max"]),
    check: &["btrfs", "check", "--readonly"],
    repair: None,
    mountable: true,
    copy_options: &[],
    fsck_pass: 0,
    grub_module: "btrfs",
    sealing: Sealing::Never("mkfs.btrfs writes the moment and random identifiers, so two makings of one tree differ"),
};

fn make(format: &Format<'_>) -> Vec<String> {
    let words = ["mkfs.btrfs", "-q", "-f", "-U", format.uuid];
    command(&words, format.label.map(|label| ("-L", label)), format)
}
