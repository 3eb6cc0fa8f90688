//! The fuzz targets over their corpus, and over mutations of it, on stable: see fuzz/README.md.

#![allow(clippy::disallowed_methods, clippy::print_stdout)] // The rules are for the product.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long one input may take, on a loaded machine and unoptimised.
const LONGEST: Duration = Duration::from_secs(20);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = root().join("fuzz/corpus").join(target);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let all: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(!all.is_empty(), "{target} has no corpus");
    all
}

/// Recorded expressions are a corpus, too.
fn expressions() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(root().join("testdata/lang/expressions.txt")).expect("the expressions");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(['#', '@']) && !line.is_empty());
    lines.map(|line| line.as_bytes().to_vec()).collect()
}

/// A small generator of numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

const PIECES: &[&str] = &[
    "${",
    "%{ if ",
    "%{ for x in ",
    "%{ endfor }",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "<<EOT\n",
    "<<-EOT\n",
    "EOT\n",
    "...",
    "[*]",
    ".*",
    ".0",
    " ? ",
    " : ",
    " => ",
    "for ",
    "null",
    "1e999",
    "-",
    "!",
    "\\u0000",
    "\u{feff}",
    "\r\n",
    "\n",
    "var.u",
    "var.s",
    "var.l",
    "9223372036854775808",
    "=",
    ",",
    "#",
    "//",
    "/*",
    "*/",
    "$${",
    "~}",
    "{~",
    "😀",
    "e\u{301}",
];

/// A few changes: bytes turned, cut out, doubled, pieces put in, another input spliced in.
fn mutated(all: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = all[chance.below(all.len())].clone();
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(24)).min(bytes.len());
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => {
                let other = &all[chance.below(all.len())];
                let from = chance.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    bytes
}

/// Feeds a target: first the corpus, then mutations of it as long as there is time.
fn feed(target: fn(&[u8]), all: &[Vec<u8>], seed: u64) {
    // Another seed draws other mutations.
    let other = std::env::var("BAKE_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed ^ other.unwrap_or(0_u64);
    let seconds = std::env::var("BAKE_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(1));
    let mut chance = Chance(seed);
    for bytes in all {
        one(target, bytes);
    }
    let mut mutations = 0_u64;
    while Instant::now() < until {
        one(target, &mutated(all, &mut chance));
        mutations += 1;
    }
    println!("{} inputs and {mutations} mutations of them", all.len());
}

fn one(target: fn(&[u8]), bytes: &[u8]) {
    let begin = Instant::now();
    let outcome = std::panic::catch_unwind(|| target(bytes));
    let shown = String::from_utf8_lossy(bytes);
    assert!(outcome.is_ok(), "it panics; the input is:\n{shown:?}");
    let took = begin.elapsed();
    assert!(took < LONGEST, "it takes {took:?}; the input is:\n{shown:?}");
}

#[test]
fn the_parser_takes_anything() {
    feed(
        targets::parser,
        &[corpus("parser"), corpus("fmt")].concat(),
        0x9e37_79b9,
    );
}

#[test]
fn the_evaluator_takes_anything() {
    feed(
        targets::evaluator,
        &[corpus("evaluator"), expressions()].concat(),
        0x85eb_ca6b,
    );
}

#[test]
fn the_formatter_takes_anything() {
    feed(targets::fmt, &[corpus("fmt"), corpus("parser")].concat(), 0xc2b2_ae35);
}

#[test]
fn the_plan_file_reader_takes_anything() {
    feed(targets::plan_file, &corpus("plan_file"), 0x27d4_eb2f);
}

#[test]
fn the_manifest_reader_takes_anything() {
    feed(targets::manifest, &corpus("manifest"), 0x1656_67b1);
}
