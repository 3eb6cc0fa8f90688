//! Where the bytes of a file lie: by extents, by maps of blocks (ext2, ext3), or in the inode itself.

use std::io;
use std::os::unix::fs::FileExt;

use super::reader::{INLINE_DATA, Inode, Reader, damaged};
use super::{number16, number32};

/// The blocks stand in a tree of extents.
const EXTENTS: u32 = 0x8_0000;
const EXTENT_MAGIC: u16 = 0xF30A;
/// A tree of extents is at most so deep (`EXT4_MAX_EXTENT_DEPTH`).
const DEEPEST: u16 = 5;
/// An extent that is longer is allocated but was never written: zeros.
const WRITTEN: u64 = 0x8000;
/// Blocks that an inode names itself; then come one, two and three levels of maps.
const DIRECT: usize = 12;

/// The content of a file.
#[derive(Debug)]
pub struct Content {
    /// Bytes.
    pub size: u64,
    /// In the order of the file.
    pieces: Vec<Piece>,
    /// All of it, if it stands in the inode.
    inline: Option<Vec<u8>>,
}

/// Bytes that lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// First byte in the file.
    first: u64,
    length: u64,
    /// First byte in the file system.
    at: u64,
}

impl Content {
    pub(super) fn of(reader: &Reader, inode: &Inode) -> io::Result<Content> {
        let mut content = Content {
            size: inode.size(),
            pieces: Vec::new(),
            inline: None,
        };
        let map = &inode.raw[0x28..0x64];
        if inode.flags() & INLINE_DATA != 0 {
            let rest = reader.attributes(inode, true)?;
            let rest = rest.get(std::ffi::OsStr::new("system.data")).cloned();
            content.inline = Some([map, &rest.unwrap_or_default()].concat());
        } else if inode.flags() & EXTENTS != 0 {
            content.extents(reader, map, DEEPEST)?;
        } else {
            content.maps(reader, map)?;
        }
        content.pieces.sort_by_key(|piece| piece.first);
        Ok(content)
    }

    /// Reads so many bytes; what nothing was written to is zeros.
    ///
    /// # Errors
    /// If the file ends before; as pread(2).
    pub fn read_exact_at(&self, reader: &Reader, into: &mut [u8], at: u64) -> io::Result<()> {
        let end = at + into.len() as u64;
        if end > self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into.fill(0);
        if let Some(bytes) = &self.inline {
            let found = bytes.get(at as usize..end as usize);
            into.copy_from_slice(found.ok_or_else(|| damaged("a file is longer than its inode holds"))?);
            return Ok(());
        }
        let from = self.pieces.partition_point(|piece| piece.first + piece.length <= at);
        for piece in self.pieces[from..].iter().take_while(|piece| piece.first < end) {
            let (start, stop) = (piece.first.max(at), (piece.first + piece.length).min(end));
            let part = &mut into[(start - at) as usize..(stop - at) as usize];
            reader.file.read_exact_at(part, piece.at + (start - piece.first))?;
        }
        Ok(())
    }

    /// The parts to which something was written, first byte and end, in order.
    pub fn written(&self) -> Vec<(u64, u64)> {
        if self.inline.is_some() {
            return vec![(0, self.size)];
        }
        let clipped = |piece: &Piece| (piece.first, (piece.first + piece.length).min(self.size));
        self.pieces
            .iter()
            .map(clipped)
            .filter(|(start, end)| start < end)
            .collect()
    }

    fn add(&mut self, reader: &Reader, first: u64, count: u64, block: u64) {
        let size = reader.layout.block;
        let piece = Piece {
            first: first * size,
            length: count * size,
            at: block * size,
        };
        match self.pieces.last_mut() {
            Some(last) if last.first + last.length == piece.first && last.at + last.length == piece.at => {
                last.length += piece.length;
            }
            _ => self.pieces.push(piece),
        }
    }

    fn extents(&mut self, reader: &Reader, node: &[u8], deepest: u16) -> io::Result<()> {
        let (count, depth) = (usize::from(number16(node, 2)), number16(node, 6));
        if number16(node, 0) != EXTENT_MAGIC || depth > deepest || 12 * (count + 1) > node.len() {
            return Err(damaged("a tree of extents is none"));
        }
        for entry in node[12..].chunks_exact(12).take(count) {
            let first = u64::from(number32(entry, 0));
            if depth == 0 {
                let length = u64::from(number16(entry, 4));
                let block = u64::from(number16(entry, 6)) << 32 | u64::from(number32(entry, 8));
                if length <= WRITTEN {
                    self.add(reader, first, length, block);
                }
            } else {
                let block = u64::from(number16(entry, 8)) << 32 | u64::from(number32(entry, 4));
                self.extents(reader, &read_block(reader, block)?, depth - 1)?;
            }
        }
        Ok(())
    }

    fn maps(&mut self, reader: &Reader, map: &[u8]) -> io::Result<()> {
        let blocks = self.size.div_ceil(reader.layout.block);
        let mut next = 0;
        for (index, entry) in map.chunks_exact(4).enumerate() {
            let levels = u32::try_from(index.saturating_sub(DIRECT - 1)).unwrap_or(0);
            self.map(reader, number32(entry, 0), levels, &mut next, blocks)?;
        }
        Ok(())
    }

    /// `block` is one of the content, or the map of others so many levels above them.
    fn map(&mut self, reader: &Reader, block: u32, levels: u32, next: &mut u64, blocks: u64) -> io::Result<()> {
        if *next >= blocks {
            return Ok(());
        }
        if block == 0 {
            *next += (reader.layout.block / 4).pow(levels);
            return Ok(());
        }
        if levels == 0 {
            self.add(reader, *next, 1, u64::from(block));
            *next += 1;
            return Ok(());
        }
        for entry in read_block(reader, u64::from(block))?.chunks_exact(4) {
            self.map(reader, number32(entry, 0), levels - 1, next, blocks)?;
        }
        Ok(())
    }
}

pub(super) fn read_block(reader: &Reader, number: u64) -> io::Result<Vec<u8>> {
    let mut block = vec![0; reader.layout.block as usize];
    let at = number.checked_mul(reader.layout.block);
    let at = at.ok_or_else(|| damaged("a block lies beyond its end"))?;
    reader.file.read_exact_at(&mut block, at)?;
    Ok(block)
}
