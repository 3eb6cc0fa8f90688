//! What a disk is, whoever stores it: a Merkle tree over its blocks of 512 KiB, in which blocks of zeros count for nothing.
//!
//! Holes of a file, and where its file system put them, are not in it: only what is read. They are not read either, so a
//! large disk with little on it is hashed quickly. All processors work on it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{Explain, HostError, Kind, Result};
use super::{files, machine, sparse};
use crate::digest::{ContentHasher, Digest};

/// Bytes of a block; the last one of a disk may have fewer.
pub const BLOCK: u64 = 512 << 10;

/// The first line of a written list begins so.
const HEAD: &str = "bake blocks 1";

/// Blocks that a thread takes at a time.
const BATCH: usize = 16;

/// The blocks of a disk: the digest of each that is not all zeros, by its number from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Bytes of the disk.
    pub size: u64,
    digests: BTreeMap<u64, Digest>,
}

impl Blocks {
    /// Reads and hashes a file.
    ///
    /// # Errors
    /// As open(2) and read(2).
    pub fn of(path: &Path) -> Result<Blocks> {
        let operation = || format!("read {}", path.display());
        let size = path.metadata().doing(operation)?.len();
        let numbers = with_data(path, size).doing(operation)?;
        let next = AtomicUsize::new(0);
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..machine::processors())
                .map(|_| scope.spawn(|| hash_some(path, size, &numbers, &next)))
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            joined
                .map(|part| part.unwrap_or_else(|_| Err(io::Error::other("a thread that hashes ended early"))))
                .collect::<io::Result<Vec<_>>>()
        });
        Ok(Blocks {
            size,
            digests: parts.doing(operation)?.into_iter().flatten().collect(),
        })
    }

    /// The root of the tree, over the size too.
    pub fn root(&self) -> Digest {
        let mut level = self.digests.clone();
        let mut width = self.size.div_ceil(BLOCK);
        while width > 1 {
            level = parents(&level);
            width = width.div_ceil(2);
        }
        let mut hasher = ContentHasher::new("disk", 1);
        hasher
            .text("size", &self.size.to_string())
            .text("block", &BLOCK.to_string());
        if let Some(top) = level.get(&0) {
            hasher.digest("top", top);
        }
        hasher.finish()
    }

    /// How many blocks hold anything.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether all of it is zeros.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// The numbers of the blocks that are not the same in another disk, in order.
    pub fn differing(&self, other: &Blocks) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.digests.keys().chain(other.digests.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| self.digests.get(number) != other.digests.get(number));
        numbers
    }

    /// As text: the size, then a line for each block.
    pub fn to_text(&self) -> String {
        let lines = self
            .digests
            .iter()
            .map(|(number, digest)| format!("{number} {}\n", digest.hex()));
        format!("{HEAD} {} {BLOCK}\n", self.size) + &lines.collect::<String>()
    }

    /// Reads what [`Blocks::to_text`] wrote.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if it is anything else.
    pub fn read(path: &Path) -> Result<Blocks> {
        let text = String::from_utf8(files::read(path)?).unwrap_or_default();
        parse(&text).ok_or_else(|| {
            HostError::new(
                Kind::Invalid,
                format!("read {}", path.display()),
                "it is no list of blocks, or cut off",
            )
        })
    }
}

fn parse(text: &str) -> Option<Blocks> {
    let (first, rest) = text
        .strip_suffix('\n')?
        .split_once('\n')
        .unwrap_or((text.trim_end(), ""));
    let (size, block) = first.strip_prefix(HEAD)?.trim_start().split_once(' ')?;
    (block.parse() == Ok(BLOCK)).then_some(())?;
    let line = |line: &str| {
        let (number, digest) = line.split_once(' ')?;
        Some((number.parse().ok()?, digest.parse().ok()?))
    };
    Some(Blocks {
        size: size.parse().ok()?,
        digests: rest.lines().map(line).collect::<Option<_>>()?,
    })
}

/// The numbers of the blocks in which the file has data, in order.
fn with_data(path: &Path, size: u64) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = Vec::new();
    sparse::for_each_extent(&File::open(path)?, size, |start, end| {
        let first = (start / BLOCK).max(numbers.last().map_or(0, |last| last + 1));
        numbers.extend(first..end.div_ceil(BLOCK));
        Ok(())
    })?;
    Ok(numbers)
}

fn hash_some(path: &Path, size: u64, numbers: &[u64], next: &AtomicUsize) -> io::Result<Vec<(u64, Digest)>> {
    let file = File::open(path)?;
    let (mut block, zeros) = (vec![0; BLOCK as usize], vec![0; BLOCK as usize]);
    let mut digests = Vec::new();
    loop {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        let Some(rest) = numbers.get(first..).filter(|rest| !rest.is_empty()) else {
            return Ok(digests);
        };
        for number in rest.iter().take(BATCH) {
            let length = (size - number * BLOCK).min(BLOCK) as usize;
            file.read_exact_at(&mut block[..length], number * BLOCK)?;
            if block[..length] != zeros[..length] {
                digests.push((*number, Digest::of(&block[..length])));
            }
        }
    }
}

/// The next level: a node over each pair of which one is there at all.
fn parents(level: &BTreeMap<u64, Digest>) -> BTreeMap<u64, Digest> {
    let mut above: BTreeMap<u64, ContentHasher> = BTreeMap::new();
    for (number, digest) in level {
        let side = if number % 2 == 0 { "left" } else { "right" };
        let hasher = above
            .entry(number / 2)
            .or_insert_with(|| ContentHasher::new("blocks", 1));
        hasher.digest(side, digest);
    }
    above
        .into_iter()
        .map(|(number, hasher)| (number, hasher.finish()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(write: impl Fn(&File), size: u64) -> Blocks {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        write(file.as_file());
        Blocks::of(file.path()).unwrap()
    }

    #[test]
    fn holes_and_zeros_are_the_same_and_places_are_not() {
        let data = vec![7; 1000];
        let sparse = blocks(|file| file.write_all_at(&data, 3 * BLOCK + 5).unwrap(), 10 * BLOCK + 1);
        let dense = |file: &File| {
            file.write_all_at(&vec![0; 10 * BLOCK as usize], 0).unwrap();
            file.write_all_at(&data, 3 * BLOCK + 5).unwrap();
        };
        let written = blocks(dense, 10 * BLOCK + 1);
        assert_eq!((sparse.root(), sparse.len()), (written.root(), 1));
        let moved = blocks(|file| file.write_all_at(&data, 4 * BLOCK + 5).unwrap(), 10 * BLOCK + 1);
        assert_ne!(sparse.root(), moved.root());
        assert_eq!(sparse.differing(&moved), [3, 4]);
        let longer = blocks(|file| file.write_all_at(&data, 3 * BLOCK + 5).unwrap(), 10 * BLOCK + 2);
        assert_ne!(sparse.root(), longer.root());
        assert!(blocks(|_| {}, 3 * BLOCK).is_empty());
    }

    #[test]
    fn a_list_reads_what_it_wrote_and_nothing_else() {
        let last = |file: &File| file.write_all_at(&[1], 2 * BLOCK + 9).unwrap();
        let found = blocks(last, 2 * BLOCK + 10);
        assert_eq!(parse(&found.to_text()), Some(found.clone()));
        let empty = blocks(|_| {}, 1);
        assert_eq!(parse(&empty.to_text()), Some(empty));
        assert_eq!(parse(&found.to_text()[..40]), None);
        assert_eq!(parse("bake blocks 1 5 100\n"), None);
    }
}
