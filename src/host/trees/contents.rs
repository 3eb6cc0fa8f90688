//! The bytes of many pairs of files, compared on all processors.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::side::{Opened, Side};
use crate::host::machine;

/// Bytes that are compared at a time.
const CHUNK: usize = 256 << 10;

/// Files that a thread takes at a time.
const BATCH: usize = 32;

/// A file that both trees have.
#[derive(Debug)]
pub struct Candidate {
    /// Absolute in the trees.
    pub path: PathBuf,
    /// How many bytes it has in both.
    pub size: u64,
    /// What it is in the first and in the second.
    pub inodes: (u64, u64),
}

/// The files whose bytes differ: the number of the candidate, and the first byte that does, from 0. In the order of the
/// candidates.
///
/// # Errors
/// As openat2(2) and pread(2); no link is followed.
pub fn differing(sides: (&Side, &Side), candidates: &[Candidate]) -> io::Result<Vec<(usize, u64)>> {
    let next = AtomicUsize::new(0);
    let parts = std::thread::scope(|scope| {
        let work = || scope.spawn(|| compare_some(sides, candidates, &next));
        let workers: Vec<_> = (0..machine::processors()).map(|_| work()).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|part| part.unwrap_or_else(|_| Err(io::Error::other("a thread that compares ended early"))))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut found: Vec<(usize, u64)> = parts?.into_iter().flatten().collect();
    found.sort_unstable();
    Ok(found)
}

fn compare_some(sides: (&Side, &Side), candidates: &[Candidate], next: &AtomicUsize) -> io::Result<Vec<(usize, u64)>> {
    let mut buffers = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut found = Vec::new();
    loop {
        let begin = next.fetch_add(BATCH, Ordering::Relaxed);
        let Some(rest) = candidates.get(begin..).filter(|rest| !rest.is_empty()) else {
            return Ok(found);
        };
        for (candidate, number) in rest.iter().take(BATCH).zip(begin..) {
            let one = sides.0.open(&candidate.path, candidate.inodes.0)?;
            let other = sides.1.open(&candidate.path, candidate.inodes.1)?;
            let differs = first_difference(&one, &other, candidate.size, &mut buffers)?;
            found.extend(differs.map(|at| (number, at)));
        }
    }
}

fn first_difference(
    one: &Opened<'_>,
    other: &Opened<'_>,
    size: u64,
    (ours, theirs): &mut (Vec<u8>, Vec<u8>),
) -> io::Result<Option<u64>> {
    let mut at = 0;
    while at < size {
        let wish = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let (ours, theirs) = (&mut ours[..wish], &mut theirs[..wish]);
        one.read_exact_at(ours, at)?;
        other.read_exact_at(theirs, at)?;
        if ours != theirs {
            let within = ours.iter().zip(theirs.iter()).position(|(a, b)| a != b);
            return Ok(within.map(|within| at + within as u64));
        }
        at += wish as u64;
    }
    Ok(None)
}
