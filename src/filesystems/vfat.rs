//! FAT, made and checked by dosfstools.

use super::{FilesystemKind, Format, Grow, Sealing, command};

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// FAT; its size in bits follows from the size of the partition, as mkfs.fat(8) chooses it.
pub const KIND: FilesystemKind = FilesystemKind {
    name: "vfat",
    package: "dosfstools",
    make: Some(make),
    grow: Grow::Never,
    check: &["fsck.vfat", "-n"],
    repair: Some("fsck.vfat -a"),
    mountable: true,
    copy_options: &[],
    fsck_pass: 1,
    grub_module: "fat",
    sealing: Sealing::Fat,
};

fn make(format: &Format<'_>) -> Vec<String> {
    let id: String = format.uuid.chars().filter(|c| *c != '-').take(8).collect();
    let mut words = vec!["mkfs.vfat", "-i", &id];
    let place = format.place.map(|place| {
        let (heads, sectors) = geometry(place.disk);
        ((place.start / SECTOR).to_string(), format!("{heads}/{sectors}"))
    });
    words.extend(
        place
            .iter()
            .flat_map(|(before, geometry)| ["-h", before, "-g", geometry]),
    );
    command(&words, format.label.map(|label| ("-n", label)), format)
}

/// Heads and sectors of a track that mkfs.fat(8) takes for a disk whose kernel names none, by its size: those of the SD Card
/// File System Specification (part 2, "CHS Recommendation") up to 256 MiB, then those of LBA assist.
fn geometry(disk: u64) -> (u64, u64) {
    const CYLINDERS: u64 = 1024;
    let sectors = disk / SECTOR;
    let least = |steps: &[(u64, u64)], else_: u64| {
        let step = steps.iter().find(|(most, _)| sectors <= *most);
        step.map_or(else_, |(_, heads)| *heads)
    };
    match sectors <= 512 << 10 {
        true => (
            least(&[(32 << 10, 2), (64 << 10, 4), (256 << 10, 8)], 16),
            least(&[(4 << 10, 16)], 32),
        ),
        false => (
            least(&[16, 32, 64, 128].map(|heads| (heads * 63 * CYLINDERS, heads)), 255),
            63,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_the_geometry_that_mkfs_gives_it() {
        let of = |mebibytes: u64| geometry(mebibytes << 20);
        assert_eq!([of(1), of(16), of(17), of(96)], [(2, 16), (2, 32), (4, 32), (8, 32)]);
        assert_eq!(
            [of(200), of(300), of(2048), of(65536)],
            [(16, 32), (16, 63), (128, 63), (255, 63)]
        );
    }
}
