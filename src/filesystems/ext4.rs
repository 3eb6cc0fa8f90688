//! ext4, made and grown by e2fsprogs.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// ext4.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "ext4",
    package: "e2fsprogs",
    make: Some(make),
    // resize2fs refuses a file system that has not been checked since its last mount.
    grow: Grow::Unmounted(&[&["e2fsck", "-f", "-p"], &["resize2fs"]]),
    check: &["e2fsck", "-f", "-n"],
    repair: Some("e2fsck -f -y"),
    mountable: true,
    copy_options: &[],
    fsck_pass: 1,
    grub_module: "ext2",
    sealing: Sealing::Tree,
};

fn make(format: &Format<'_>) -> Vec<String> {
    let seed = format!("hash_seed={}", format.uuid);
    let words = ["mkfs.ext4", "-q", "-F", "-U", format.uuid, "-E", &seed];
    command(&words, format.label.map(|label| ("-L", label)), format)
}
