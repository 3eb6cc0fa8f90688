//! Swap space, made by mkswap.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// Swap space: it is never mounted, only named in `/etc/fstab`.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "swap",
    package: "util-linux",
    make: Some(make),
    grow: Grow::Never,
    check: &[],
    repair: None,
    mountable: false,
    copy_options: &[],
    fsck_pass: 0,
    grub_module: "",
    sealing: Sealing::AsMade,
};

fn make(format: &Format<'_>) -> Vec<String> {
    let words = ["mkswap", "-U", format.uuid];
    command(&words, format.label.map(|label| ("-L", label)), format)
}
