//! erofs, made of a tree by erofs-utils.

use super::seal::Anew;
use super::{FilesystemKind, Grow, Packed, Sealing};
use crate::host::command::Tool;

/// erofs: read-only.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "erofs",
    package: "erofs-utils",
    make: None,
    grow: Grow::Never,
    check: &[],
    repair: None,
    mountable: true,
    copy_options: &[],
    fsck_pass: 0,
    grub_module: "",
    sealing: Sealing::Packed(Packed {
        has_uuid: true,
        make,
        // fsck.erofs(1) extracts names, and neither hard links nor extended attributes.
        unpack: None,
    }),
};

/// mkfs.erofs(1) takes SOURCE_DATE_EPOCH for the time of making, and no time of a file that is later.
fn make(anew: &Anew<'_>) -> Tool {
    let (tree, file) = (anew.tree.display().to_string(), anew.file.display().to_string());
    let mut words = vec!["-d1", "-U", anew.uuid];
    words.extend(anew.options.iter().map(String::as_str));
    words.extend([&*file, &tree]);
    Tool::new("mkfs.erofs", &words)
        .env("SOURCE_DATE_EPOCH", &anew.date.to_string())
        .env("TZ", "UTC")
}
