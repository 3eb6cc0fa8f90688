//! XFS, made and grown by xfsprogs.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// XFS.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "xfs",
    package: "xfsprogs",
    make: Some(make),
    grow: Grow::Mounted(&["xfs_growfs"]),
    check: &["xfs_repair", "-n"],
    repair: Some("xfs_repair"),
    mountable: true,
    // The kernel refuses a second XFS of one UUID (xfs(5), `nouuid`).
    copy_options: &["nouuid"],
    fsck_pass: 0,
    grub_module: "xfs",
    sealing: Sealing::Never("mkfs.xfs takes no directory and draws random numbers, so two makings of one tree differ"),
};

fn make(format: &Format<'_>) -> Vec<String> {
    let uuid = format!("uuid={}", format.uuid);
    let words = ["mkfs.xfs", "-q", "-f", "-m", &uuid];
    command(&words, format.label.map(|label| ("-L", label)), format)
}
