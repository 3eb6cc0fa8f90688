//! squashfs, made of a tree by squashfs-tools.

use std::path::Path;

use super::seal::Anew;
use super::{FilesystemKind, Grow, Packed, Sealing};
use crate::host::command::Tool;

/// squashfs: read-only, compressed, without a UUID or a label.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "squashfs",
    package: "squashfs-tools",
    make: None,
    grow: Grow::Never,
    check: &[],
    repair: None,
    mountable: true,
    copy_options: &[],
    fsck_pass: 0,
    grub_module: "",
    sealing: Sealing::Packed(Packed {
        has_uuid: false,
        make,
        unpack: Some(unpack),
    }),
};

/// mksquashfs(1) takes SOURCE_DATE_EPOCH for the time of making, and no time of a file that is later.
fn make(anew: &Anew<'_>) -> Tool {
    let (tree, file) = (anew.tree.display().to_string(), anew.file.display().to_string());
    let mut words = vec![&*tree, &file, "-noappend", "-no-progress", "-quiet"];
    words.extend(anew.options.iter().map(String::as_str));
    Tool::new("mksquashfs", &words)
        .env("SOURCE_DATE_EPOCH", &anew.date.to_string())
        .env("TZ", "UTC")
}

fn unpack(file: &Path, directory: &Path) -> Tool {
    let (file, directory) = (file.display().to_string(), directory.display().to_string());
    Tool::new(
        "unsquashfs",
        &["-no-progress", "-quiet", "-force", "-dest", &directory, &file],
    )
}
