//! Disks of finished images in the formats that other programs read.

use std::path::Path;

use crate::host::command::Tool;
use crate::host::{files, sparse};
use crate::providers::ProviderError;

/// A format of disk images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The bytes of the disk, with holes.
    Raw,
    /// QEMU.
    Qcow2,
    /// VMware.
    Vmdk,
    /// Hyper-V and Azure, of a fixed size.
    Vhd,
}

impl Format {
    /// Every format by the name that people write.
    pub const ALL: &[(&str, Format)] = &[
        ("raw", Format::Raw),
        ("qcow2", Format::Qcow2),
        ("vmdk", Format::Vmdk),
        ("vhd", Format::Vhd),
    ];

    /// As qemu-img(1) calls it, with its options.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Format::Raw => &["raw"],
            Format::Qcow2 => &["qcow2"],
            Format::Vmdk => &["vmdk", "-o", "subformat=streamOptimized"],
            // Without force_size the size is rounded up to a cylinder, and the disk reads back larger than it was.
            Format::Vhd => &["vpc", "-o", "subformat=fixed,force_size=on"],
        }
    }
}

/// Writes a raw disk to a file in a format, over what is there.
///
/// # Errors
/// [`ProviderError::Full`] and the like; what was there then stays.
pub async fn export(disk: &Path, format: Format, to: &Path) -> Result<(), ProviderError> {
    let new = files::Coming::beside(to)?;
    if format == Format::Raw {
        let (disk, new) = (disk.to_owned(), new.path().to_owned());
        let filled = tokio::task::spawn_blocking(move || sparse::fill(&disk, &new)).await;
        filled.map_err(|panic| failed(&panic.to_string()))??;
    } else {
        let (from, target) = (disk.display().to_string(), new.path().display().to_string());
        let arguments = [&["convert", "-f", "raw", "-O"], format.arguments(), &[&from, &target]].concat();
        Tool::new("qemu-img", &arguments).run().await?;
    }
    Ok(new.keep()?)
}

fn failed(why: &str) -> ProviderError {
    ProviderError::Failed {
        what: "copy the disk".into(),
        why: why.to_owned(),
    }
}
