//! File systems: how each is made, checked, grown and mounted. One file per kind; this is the table.

mod btrfs;
mod erofs;
mod ext4;
pub mod probe;
pub mod seal;
mod squashfs;
pub mod stand_in;
mod swap;
mod vfat;
mod xfs;

pub use probe::{Found, probe, volume_group};
pub use seal::{Packed, Sealing};

/// A kind of file system that can be declared.
#[derive(Debug, Clone, Copy)]
pub struct FilesystemKind {
    /// As it is written and as the kernel calls it.
    pub name: &'static str,
    /// The Debian package with its tools.
    pub package: &'static str,
    /// The command that makes an empty one; none of one that is made of a tree only ([`Sealing::Packed`]).
    pub make: Option<fn(&Format) -> Vec<String>>,
    /// How one is grown to the size of its device.
    pub grow: Grow,
    /// How one that was written is checked, unmounted; the device comes behind it.
    pub check: &'static [&'static str],
    /// How one that does not pass may be repaired; the device comes behind it.
    pub repair: Option<&'static str>,
    /// Whether it can be mounted.
    pub mountable: bool,
    /// Options with which a copy is mounted beside its original, whose UUID it shares.
    pub copy_options: &'static [&'static str],
    /// The pass of `fsck` at boot for `/` (fstab(5), sixth field; others get one more); 0 for kinds that need none.
    pub fsck_pass: u8,
    /// What GRUB needs to read it.
    pub grub_module: &'static str,
    /// How it is written with the same bytes each time.
    pub sealing: Sealing,
}

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Format<'a> {
    /// The device.
    pub device: &'a str,
    /// UUID; vfat uses its first 32 bits.
    pub uuid: &'a str,
    /// Label.
    pub label: Option<&'a str>,
    /// Further arguments of mkfs.
    pub options: &'a [String],
    /// Where the partition lies on its disk, if the device does not say so because it is a file.
    pub place: Option<Place>,
}

/// What a program that gets a block device asks the kernel for.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// First byte of the partition.
    pub start: u64,
    /// Bytes of the whole disk.
    pub disk: u64,
}

/// How a file system is grown.
#[derive(Debug, Clone, Copy)]
pub enum Grow {
    /// These commands, unmounted; the device comes behind each.
    Unmounted(&'static [&'static [&'static str]]),
    /// This command while it is mounted; the mount point comes behind it.
    Mounted(&'static [&'static str]),
    /// It cannot be.
    Never,
}

/// Every kind.
pub const FILESYSTEMS: &[FilesystemKind] = &[
    ext4::KIND,
    xfs::KIND,
    btrfs::KIND,
    vfat::KIND,
    squashfs::KIND,
    erofs::KIND,
    swap::KIND,
];

/// The kind of this name; `ext2` and `ext3` go by the tools of ext4.
pub fn kind(name: &str) -> Option<&'static FilesystemKind> {
    let name = match name {
        "ext2" | "ext3" => "ext4",
        other => other,
    };
    FILESYSTEMS.iter().find(|kind| kind.name == name)
}

/// How file systems of this kind are packed, if they are.
pub fn packed(name: &str) -> Option<Packed> {
    match kind(name)?.sealing {
        Sealing::Packed(packed) => Some(packed),
        _ => None,
    }
}

/// A command line: fixed words, the label if there is one, the user's own options, the device.
fn command(words: &[&str], label: Option<(&str, &str)>, format: &Format<'_>) -> Vec<String> {
    let label = label.into_iter().flat_map(|(option, label)| [option, label]);
    let fixed = words.iter().copied().chain(label).map(str::to_owned);
    let own = format.options.iter().cloned();
    fixed.chain(own).chain([format.device.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mkfs_gets_uuid_label_options_and_the_device_last() {
        let options = ["-O".to_owned(), "quota".to_owned()];
        let format = Format {
            device: "/dev/loop0p3",
            uuid: "11111111-2222-4333-8444-555555555555",
            label: Some("root"),
            options: &options,
            place: None,
        };
        let maker = |name: &str| kind(name).and_then(|kind| kind.make).expect("it is in the table");
        let line = |name: &str| maker(name)(&format).join(" ");
        assert_eq!(
            line("ext4"),
            "mkfs.ext4 -q -F -U 11111111-2222-4333-8444-555555555555 \
             -E hash_seed=11111111-2222-4333-8444-555555555555 -L root -O quota /dev/loop0p3"
        );
        assert!(line("xfs").contains("-m uuid=11111111-2222-4333-8444-555555555555 -L root"));
        assert!(line("vfat").starts_with("mkfs.vfat -i 11111111 -n root"));
        assert!(line("swap").ends_with("/dev/loop0p3"));
        let in_a_file = Format {
            place: Some(Place {
                start: 2 << 20,
                disk: 2 << 30,
            }),
            ..format
        };
        let line = maker("vfat")(&in_a_file).join(" ");
        assert!(
            line.starts_with("mkfs.vfat -i 11111111 -h 4096 -g 128/63 -n root"),
            "{line}"
        );
        assert!(kind("ntfs").is_none());
    }
}
