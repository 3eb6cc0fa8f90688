//! Devices of an image as its steps see them, with the links that a device manager would make on a machine.

use std::path::Path;

use super::filesystem::{FilesystemHandle, head};
use crate::filesystems;
use crate::host::helper::ShownDevice;

/// The disk of a file system with all its partitions.
///
/// Without `disk/by-uuid` grub-mkconfig writes `root=/dev/loop0p3` into the image, which then boots nowhere.
pub fn shown(filesystem: &FilesystemHandle) -> Vec<ShownDevice> {
    let disk = ShownDevice {
        path: filesystem.disk.clone(),
        links: if filesystem.partitions.is_empty() {
            links(&filesystem.disk)
        } else {
            Vec::new()
        },
    };
    let partitions = filesystem.partitions.values().map(|device| {
        let partuuid = filesystem.partuuid.iter().filter(|_| *device == filesystem.device);
        let by_partition = partuuid.map(|uuid| format!("disk/by-partuuid/{uuid}"));
        ShownDevice {
            path: device.clone(),
            links: links(device).into_iter().chain(by_partition).collect(),
        }
    });
    std::iter::once(disk).chain(partitions).collect()
}

/// By UUID and label of what is on a device; none for a device that holds nothing (yet).
fn links(device: &Path) -> Vec<String> {
    let found = head(device).ok().and_then(|head| filesystems::probe(&head));
    let Some(found) = found else { return Vec::new() };
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let uuid = Some(format!("disk/by-uuid/{}", found.uuid)).filter(|_| plain(&found.uuid));
    let label = found
        .label
        .filter(|label| plain(label))
        .map(|label| format!("disk/by-label/{label}"));
    uuid.into_iter().chain(label).collect()
}
