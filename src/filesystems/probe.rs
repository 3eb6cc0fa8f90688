//! What is on a device, read from the superblocks themselves.

/// How many bytes from the start of a device [`probe`] wants to see: the btrfs superblock lies at 64 KiB.
pub const HEAD: usize = 0x11000;

/// A file system that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `ext4`, `xfs`, ...; also kinds that bake does not make (`squashfs`, `LVM2_member`).
    pub kind: &'static str,
    /// As `blkid` prints it; empty where the kind has none.
    pub uuid: String,
    /// Label, if it has one.
    pub label: Option<String>,
}

/// Recognises a file system by the first [`HEAD`] bytes of its device; `None` if there is nothing that bake knows.
///
/// Sources: ext4(5) and the kernel's `Documentation/filesystems/ext4/super.rst`; xfs `xfs_format.h`; btrfs on-disk
/// format; "Microsoft FAT Specification"; mkswap(8) `swapheader.h`.
pub fn probe(head: &[u8]) -> Option<Found> {
    [ext, xfs, btrfs, swap, other, fat]
        .iter()
        .find_map(|reader| reader(head))
}

fn ext(head: &[u8]) -> Option<Found> {
    let superblock = head.get(1024..2048)?;
    if number16(superblock, 0x38) != 0xEF53 {
        return None;
    }
    let (compatible, incompatible) = (number32(superblock, 0x5C), number32(superblock, 0x60));
    let (journal, extents) = (compatible & 0x4 != 0, incompatible & !0x1F != 0);
    Some(Found {
        kind: match (extents, journal) {
            (true, _) => "ext4",
            (false, true) => "ext3",
            (false, false) => "ext2",
        },
        uuid: uuid(&superblock[0x68..0x78]),
        label: text(&superblock[0x78..0x88]),
    })
}

fn xfs(head: &[u8]) -> Option<Found> {
    head.starts_with(b"XFSB").then_some(())?;
    Some(Found {
        kind: "xfs",
        uuid: uuid(head.get(32..48)?),
        label: text(head.get(108..120)?),
    })
}

fn btrfs(head: &[u8]) -> Option<Found> {
    let superblock = head.get(0x10000..0x11000)?;
    (superblock[0x40..0x48] == *b"_BHRfS_M").then_some(())?;
    Some(Found {
        kind: "btrfs",
        uuid: uuid(&superblock[0x20..0x30]),
        label: text(&superblock[0x12B..0x22B]),
    })
}

fn swap(head: &[u8]) -> Option<Found> {
    (head.get(4086..4096)? == b"SWAPSPACE2").then_some(())?;
    Some(Found {
        kind: "swap",
        uuid: uuid(&head[1036..1052]),
        label: text(&head[1052..1068]),
    })
}

/// FAT12 and FAT16 keep serial and label in other places than FAT32.
fn fat(head: &[u8]) -> Option<Found> {
    (head.get(510..512)? == [0x55, 0xAA]).then_some(())?;
    let (serial, label) = match () {
        () if head[82..90].starts_with(b"FAT32") => (67, 71),
        () if head[54..62].starts_with(b"FAT") => (39, 43),
        () => return None,
    };
    let serial = number32(head, serial);
    Some(Found {
        kind: "vfat",
        uuid: format!("{:04X}-{:04X}", serial >> 16, serial & 0xFFFF),
        label: text(&head[label..label + 11]).filter(|label| label != "NO NAME"),
    })
}

/// Kinds that bake does not make, so that messages can name them: where, what, and how `blkid` calls it.
const OTHERS: &[(usize, &[u8], &str)] = &[
    (0, b"hsqs", "squashfs"),
    (1024, &[0xE2, 0xE1, 0xF5, 0xE0], "erofs"),
    (0, b"LUKS\xBA\xBE", "crypto_LUKS"),
    (512, b"LABELONE", "LVM2_member"),
    (32769, b"CD001", "iso9660"),
    (3, b"NTFS    ", "ntfs"),
];

fn other(head: &[u8]) -> Option<Found> {
    let is_at = |(at, magic, _): &&(usize, &[u8], &str)| head.get(*at..*at + magic.len()) == Some(*magic);
    let (_, _, kind) = OTHERS.iter().find(is_at)?;
    // The superblock of erofs (`erofs_fs.h`) has one; those of the others are of no use here.
    let id = head.get(1024 + 48..1024 + 64).filter(|_| *kind == "erofs");
    Some(Found {
        kind,
        uuid: id.map_or_else(String::new, uuid),
        label: None,
    })
}

/// The volume group to which an LVM physical volume belongs, from the first copy of its metadata; `None` if there is none.
///
/// The metadata is text, and the group's name stands in front of its first block (lvm2, `lib/format_text/layout.h`).
pub fn volume_group(head: &[u8]) -> Option<String> {
    const OPENING: &[u8] = b" {\nid = \"";
    let at = head.windows(OPENING.len()).position(|window| window == OPENING)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(byte);
    let name: Vec<u8> = head[..at]
        .iter()
        .rev()
        .copied()
        .take_while(|byte| is_name(byte))
        .collect();
    let name: String = name.iter().rev().map(|byte| char::from(*byte)).collect();
    Some(name).filter(|name| !name.is_empty())
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from(number16(bytes, at)) | u32::from(number16(bytes, at + 2)) << 16
}

fn uuid(bytes: &[u8]) -> String {
    let hex = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    [hex(0..4), hex(4..6), hex(6..8), hex(8..10), hex(10..16)].join("-")
}

fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (at, bytes) in parts {
            head[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn superblocks_are_told_apart() {
        let id: Vec<u8> = (0..16).collect();
        let as_text = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        let ext4 = head(&[(1080, &[0x53, 0xEF]), (1120, &[0x40]), (1128, &id), (1144, b"root")]);
        let found = probe(&ext4).unwrap();
        assert_eq!(
            (found.kind, found.uuid.as_str(), found.label.as_deref()),
            ("ext4", as_text, Some("root"))
        );
        let xfs = probe(&head(&[(0, b"XFSB"), (32, &id)])).unwrap();
        assert_eq!((xfs.kind, xfs.uuid.as_str(), xfs.label), ("xfs", as_text, None));
        let btrfs = probe(&head(&[(0x10040, b"_BHRfS_M"), (0x10020, &id), (0x1012B, b"data")])).unwrap();
        assert_eq!(
            (btrfs.kind, btrfs.uuid.as_str(), btrfs.label.as_deref()),
            ("btrfs", as_text, Some("data"))
        );
        let swap = probe(&head(&[(4086, b"SWAPSPACE2"), (1036, &id)])).unwrap();
        assert_eq!((swap.kind, swap.uuid.as_str()), ("swap", as_text));
    }

    #[test]
    fn both_layouts_of_fat() {
        let boot: (usize, &[u8]) = (510, &[0x55, 0xAA]);
        let small = probe(&head(&[
            boot,
            (54, b"FAT16   "),
            (39, &[0xDD, 0xCC, 0xBB, 0xAA]),
            (43, b"ESP        "),
        ]));
        let small = small.unwrap();
        assert_eq!(
            (small.uuid.as_str(), small.label.as_deref()),
            ("AABB-CCDD", Some("ESP"))
        );
        let large = probe(&head(&[
            boot,
            (82, b"FAT32   "),
            (67, &[4, 3, 2, 1]),
            (71, b"NO NAME    "),
        ]))
        .unwrap();
        assert_eq!((large.uuid.as_str(), large.label), ("0102-0304", None));
    }

    #[test]
    fn nothing_is_nothing_and_foreign_kinds_are_named() {
        assert_eq!(probe(&[0; HEAD]), None);
        assert_eq!(probe(&[0; 10]), None);
        // A partition table has the FAT's end mark, and is none.
        assert_eq!(probe(&head(&[(510, &[0x55, 0xAA])])), None);
        assert_eq!(probe(&head(&[(512, b"LABELONE")])).unwrap().kind, "LVM2_member");
        let group = head(&[(512, b"LABELONE"), (4608, b"vg-0.a {\nid = \"Xy\"")]);
        assert_eq!(volume_group(&group).as_deref(), Some("vg-0.a"));
        assert_eq!(volume_group(&head(&[])), None);
    }
}
