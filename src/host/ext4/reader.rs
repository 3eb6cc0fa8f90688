//! Inodes and names, as they stand in the file. Nothing in it is believed: what does not fit is an error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FileType, RawMode};

use super::attributes::Attributes;
use super::content::Content;
use super::{INCOMPATIBLE_RECOVER, INCOMPATIBLE_UNREAD, Layout, ROOT, number16, number32, time_of};
use crate::host::error::{Explain, HostError, Kind, Result};

/// Longest text of a link, and most bytes of names in one directory, that are believed.
const LONGEST_LINK: u64 = 64 << 10;
const LONGEST_DIRECTORY: u64 = 1 << 30;
/// The blocks of an inode are counted in blocks of the file system, and not in 512 bytes.
const HUGE_FILE: u32 = 0x4_0000;
/// The first bytes of the content stand in the inode itself.
pub(super) const INLINE_DATA: u32 = 0x1000_0000;

/// A file system in a file.
#[derive(Debug)]
pub struct Reader {
    pub(super) file: File,
    pub(super) layout: Layout,
}

/// An inode as it stands there.
#[derive(Debug, Clone)]
pub struct Inode {
    /// From 1.
    pub number: u32,
    pub(super) raw: Vec<u8>,
    block: u64,
}

impl Reader {
    /// Opens one.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if it is none of a layout that is known, or was not unmounted: its journal would have to be
    /// replayed first.
    pub fn open(path: &Path) -> Result<Reader> {
        let operation = || format!("read the ext4 in {}", path.display());
        let file = File::open(path).doing(operation)?;
        let invalid = |why: &str| HostError::new(Kind::Invalid, operation(), why);
        let layout = Layout::read(&file).doing(operation)?;
        let layout = layout.ok_or_else(|| invalid("its layout is none that bake knows"))?;
        if layout.incompatible & INCOMPATIBLE_UNREAD != 0 {
            return Err(invalid("it has a feature that bake does not read"));
        }
        if layout.incompatible & INCOMPATIBLE_RECOVER != 0 {
            return Err(invalid("it was not unmounted: its journal is not replayed"));
        }
        Ok(Reader { file, layout })
    }

    /// The root directory.
    ///
    /// # Errors
    /// As read(2).
    pub fn root(&self) -> io::Result<Inode> {
        self.inode(ROOT)
    }

    /// The inode of this number.
    ///
    /// # Errors
    /// If there is none.
    pub fn inode(&self, number: u32) -> io::Result<Inode> {
        let index = number.checked_sub(1).filter(|_| number <= self.layout.inodes);
        let index = index.ok_or_else(|| damaged("there is no inode of this number"))?;
        let (group, within) = (index / self.layout.per_group, index % self.layout.per_group);
        let group = self.layout.group(&self.file, u64::from(group))?;
        let mut raw = vec![0; self.layout.inode_size];
        let at = group.table + u64::from(within) * self.layout.inode_size as u64;
        self.file.read_exact_at(&mut raw, at)?;
        Ok(Inode {
            number,
            raw,
            block: self.layout.block,
        })
    }

    /// The names in a directory and the numbers of their inodes, without `.` and `..`.
    ///
    /// # Errors
    /// If its entries do not fit into its blocks.
    pub fn names(&self, directory: &Inode) -> io::Result<BTreeMap<OsString, u32>> {
        let bytes = self.whole(directory, LONGEST_DIRECTORY)?;
        let mut names = BTreeMap::new();
        // One that stands in its inode begins with the number of its parent, and goes on behind the inode's 60 bytes.
        let parts = match directory.flags() & INLINE_DATA {
            0 => bytes.chunks(self.layout.block as usize).collect(),
            _ => vec![
                bytes.get(4..60).unwrap_or_default(),
                bytes.get(60..).unwrap_or_default(),
            ],
        };
        for part in parts {
            entries(part, &mut names)?;
        }
        Ok(names)
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// As read(2).
    pub fn target(&self, link: &Inode) -> io::Result<Vec<u8>> {
        let size = link.size();
        match link.blocks_of_content() == 0 && size < 60 && link.flags() & INLINE_DATA == 0 {
            true => Ok(link.raw[0x28..0x28 + size as usize].to_vec()),
            false => self.whole(link, LONGEST_LINK),
        }
    }

    /// The content of a file, to be read in parts.
    ///
    /// # Errors
    /// If the map of its blocks does not fit.
    pub fn content(&self, inode: &Inode) -> io::Result<Content> {
        Content::of(self, inode)
    }

    fn whole(&self, inode: &Inode, most: u64) -> io::Result<Vec<u8>> {
        if inode.size() > most {
            return Err(damaged("it is longer than can be"));
        }
        let mut bytes = vec![0; inode.size() as usize];
        self.content(inode)?.read_exact_at(self, &mut bytes, 0)?;
        Ok(bytes)
    }
}

/// The extended attributes of those of some inodes that have more than one.
///
/// # Errors
/// As [`Reader::open`] and [`Reader::attributes`].
pub fn several(path: &Path, inodes: &[u32]) -> Result<Vec<(u32, Attributes)>> {
    let reader = Reader::open(path)?;
    let read = |number: &u32| Ok((*number, reader.attributes(&reader.inode(*number)?, false)?));
    let all: io::Result<Vec<_>> = inodes.iter().map(read).collect();
    let mut all = all.doing(|| format!("read the extended attributes in {}", path.display()))?;
    all.retain(|(_, attributes)| attributes.len() > 1);
    Ok(all)
}

/// The entries of a block of a directory; those of its index look like ones that are not used.
fn entries(block: &[u8], into: &mut BTreeMap<OsString, u32>) -> io::Result<()> {
    let mut rest = block;
    while rest.len() >= 8 {
        let (inode, length, name) = (number32(rest, 0), usize::from(number16(rest, 4)), usize::from(rest[6]));
        if length < 8 || length > rest.len() || name + 8 > length {
            return Err(damaged("the entries of a directory do not fit into it"));
        }
        let text = &rest[8..8 + name];
        if inode != 0 && !matches!(text, b"" | b"." | b"..") {
            into.insert(OsString::from_vec(text.to_vec()), inode);
        }
        rest = &rest[length..];
    }
    Ok(())
}

impl Inode {
    /// Type and permission bits, as stat(2) gives them.
    pub fn mode(&self) -> RawMode {
        RawMode::from(number16(&self.raw, 0))
    }

    /// What it is.
    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.mode())
    }

    /// User.
    pub fn user(&self) -> u32 {
        u32::from(number16(&self.raw, 0x2)) | u32::from(number16(&self.raw, 0x78)) << 16
    }

    /// Group.
    pub fn group(&self) -> u32 {
        u32::from(number16(&self.raw, 0x18)) | u32::from(number16(&self.raw, 0x7A)) << 16
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        u64::from(number32(&self.raw, 0x4)) | u64::from(number32(&self.raw, 0x6C)) << 32
    }

    /// How many names it has.
    pub fn links(&self) -> u64 {
        u64::from(number16(&self.raw, 0x1A))
    }

    /// When its content last changed: seconds after 1970.
    pub fn modified(&self) -> i64 {
        time_of(&self.raw, 0x10, self.has(0x8C).then_some(0x88))
    }

    /// Bytes that it takes on the disk.
    pub fn taken(&self) -> u64 {
        let blocks = u64::from(number32(&self.raw, 0x1C)) | u64::from(number16(&self.raw, 0x74)) << 32;
        match self.flags() & HUGE_FILE {
            0 => blocks * 512,
            _ => blocks.saturating_mul(self.block),
        }
    }

    /// Which device a node is: major and minor number. Small ones stand in the first word, others in the second.
    pub fn device(&self) -> (u32, u32) {
        match (number32(&self.raw, 0x28), number32(&self.raw, 0x2C)) {
            (0, new) => ((new >> 8) & 0xFFF, new & 0xFF | (new >> 12) & 0xF_FF00),
            (old, _) => ((old >> 8) & 0xFF, old & 0xFF),
        }
    }

    pub(super) fn flags(&self) -> u32 {
        number32(&self.raw, 0x20)
    }

    /// The block with extended attributes; 0 if there is none.
    pub(super) fn attribute_block(&self) -> u64 {
        u64::from(number32(&self.raw, 0x68)) | u64::from(number16(&self.raw, 0x76)) << 32
    }

    /// Whether the part of the inode behind its first 128 bytes goes so far.
    fn has(&self, end: usize) -> bool {
        self.raw.len() > 128 && 128 + self.extra() >= end
    }

    /// Bytes behind the first 128 that have a meaning of their own; extended attributes follow.
    pub(super) fn extra(&self) -> usize {
        match self.raw.len() > 128 {
            true => usize::from(number16(&self.raw, 0x80)),
            false => 0,
        }
    }

    fn blocks_of_content(&self) -> u64 {
        let attributes = if self.attribute_block() == 0 { 0 } else { self.block };
        self.taken().saturating_sub(attributes)
    }
}

/// What is in the file is none that mke2fs or a kernel makes.
pub(super) fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the ext4 is damaged: {why}"))
}
