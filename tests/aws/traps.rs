//! The traps of Packer's `amazon-chroot`, each with the tests that say that it does not happen: docs/traps.md lists them.

#[path = "traps/calls.rs"]
mod calls;
#[path = "traps/disks.rs"]
mod disks;
#[path = "traps/images.rs"]
mod image;
#[path = "traps/publication.rs"]
mod publication;
#[path = "traps/steps.rs"]
mod steps;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, both, mounted, on_ami};

const DEBIAN: &str = "debian-12-amd64-20261115-2015";
/// Where the root partition of the lab's disks begins; before it is one for the boot code.
const ROOT: u64 = 2 << 20;

#[test]
fn every_trap_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/traps.md")).expect("the page is there");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Some((cells.get(1)?.parse::<usize>().ok()?, cells[3].to_owned()))
    });
    let rows: Vec<(usize, String)> = rows.collect();
    let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=55).collect::<Vec<_>>());
    for (number, tests) in rows {
        for test in tests.split("; ") {
            let (file, name) = test.split_once(' ').expect("a file and a test");
            let text = fs::read_to_string(root.join(file.trim_matches('`')));
            let text = text.unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
            assert!(text.contains(&format!("fn {name}()")), "{number}: {test}");
        }
    }
}

/// The parameters of the last call of an action.
fn asked(bench: &Bench, action: &str) -> Value {
    let calls = bench.lab.calls();
    let last = calls.iter().rev().find(|call| call["action"] == action);
    last.unwrap_or_else(|| panic!("{action} was called"))["parameters"].clone()
}

/// Plans, which must fail with these words and make nothing.
fn refused(bench: &Bench, module: &str, words: &[&str]) {
    bench.project.write("main.bake.hcl", module);
    let output = bench.run(&["plan"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

fn snapshots(bench: &Bench) -> Vec<String> {
    let all = bench.lab.inventory();
    let ids = all["snapshots"].as_array().into_iter().flatten();
    ids.filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect()
}

fn images(bench: &Bench) -> Vec<String> {
    let all = bench.lab.inventory();
    let ids = all["images"].as_array().into_iter().flatten();
    ids.filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect()
}

/// A file of the only image, which is built on one of the lab's disks.
fn file(bench: &Bench, path: &str) -> String {
    let disk = bench.lab.disk(&snapshots(bench)[0]);
    let mut text = String::new();
    mounted(&disk, ROOT, |root| {
        text = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    });
    text
}

/// An image on the lab's Debian with this in its block.
fn with(bench: &Bench, block: &str) -> String {
    on_ami(&bench.lab.image(DEBIAN)).replace("  provision", &format!("  {block}\n  provision"))
}

/// The same with other lines in its step.
fn running(bench: &Bench, lines: &[&str]) -> String {
    on_ami(&bench.lab.image(DEBIAN)).replace("[\"echo hello > /greeting\"]", &format!("{lines:?}"))
}
