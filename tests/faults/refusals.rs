//! System calls that fail where bake writes down what must survive: a clear error, nothing half-written, and the next apply
//! succeeds.

use std::path::PathBuf;
use std::process::Command;

use crate::bench::*;
use crate::support::{Project, Traces};

/// For people: errors are not in the stream of events.
const PLAIN: &[&str] = &["apply", "-auto-approve", "-parallelism", "1"];

/// An error for people, of which the reader learns what could not be written.
fn is_clear(ended: &Ended, place: &str, case: &str) {
    let said = &ended.said;
    let words = ["no space is left", "failed to read or write", "is full"];
    assert_eq!(ended.code, Some(1), "{case}: {said}");
    assert!(
        words.iter().any(|words| said.to_lowercase().contains(words)),
        "{case}: {said}"
    );
    assert!(said.contains(place), "{case}: {said}");
    assert!(
        !said.contains("panicked") && !said.contains("os error"),
        "{case}: {said}"
    );
}

fn nothing_is_half_written(project: &Project) {
    Traces::wait_until_none(project.path());
    for shelf in ["images", "snapshots", "volumes"] {
        let names = project.shelf(shelf);
        assert!(!names.iter().any(|name| name.starts_with(".new-")), "{names:?}");
    }
    for image in project.shelf("images") {
        let shown = project.done(&["images"]);
        let id = image.trim_end_matches(".json");
        assert!(shown.contains(id), "{shown}");
    }
}

fn refuse(error: &'static str, calls: &'static str, number: usize, on: Option<PathBuf>) -> Fault {
    Fault {
        calls,
        what: error,
        number,
        on,
    }
}

/// Each flush of the journal of an apply, one after the other.
#[test]
fn a_journal_that_cannot_be_flushed_stops_the_apply() {
    side_by_side(["error=EIO", "error=ENOSPC"], |error| {
        for number in 1.. {
            let project = project(&module("one", "one"));
            let ended = refuse(error, "fdatasync", number, None).run(&project, PLAIN);
            if ended.code == Some(0) {
                assert!(number > 3, "the journal is flushed");
                break;
            }
            is_clear(&ended, "/journal/", &format!("{error} at flush {number}"));
            nothing_is_half_written(&project);
            is_whole(&project);
        }
    });
}

#[test]
fn a_store_that_cannot_be_written_stops_the_apply() {
    let shelves = ["volumes", "snapshots", "images"];
    let cases = shelves
        .iter()
        .flat_map(|shelf| ["error=EIO", "error=ENOSPC"].map(|error| (*shelf, error)));
    side_by_side(cases, |(shelf, error)| {
        for number in [1, 2] {
            let project = project(&module("one", "one"));
            let place = project.path().join(".bake/store").join(shelf);
            let ended = refuse(error, "fsync", number, Some(place)).run(&project, PLAIN);
            let case = format!("{error} at {number} in {shelf}");
            if ended.code != Some(0) {
                is_clear(&ended, shelf, &case);
            }
            nothing_is_half_written(&project);
            is_whole(&project);
        }
    });
}

/// A recovery that cannot write down what it did has done it all the same, and does no harm when it is run again.
#[test]
fn a_recovery_that_cannot_write_is_run_again() {
    let project = project(&module("one", "one"));
    let killed = Fault::kill("write", 12).on(events(&project)).run(&project, APPLY);
    assert!(killed.killed);
    Traces::wait_until_none(project.path());
    let ended = refuse("error=EIO", "fdatasync", 1, None).run(&project, RECOVER);
    is_clear(&ended, "/journal/", "recover");
    project.done(RECOVER);
    Traces::assert_none(project.path());
    assert_eq!(project.journals(), 0);
    is_whole(&project);
}

/// A disk that is really full, under the journal alone: once before its first line, once in the middle of the build.
#[test]
fn a_full_disk_under_the_journal_says_so() {
    for kib in [4, 8] {
        let project = project(&module("one", "one"));
        let script = format!(
            "mkdir -p .bake/journal; mount -t tmpfs -o size={kib}k none .bake/journal
             $BAKE apply -auto-approve; echo \"code $?\"; umount .bake/journal; ls .bake/store/images .bake/store/volumes"
        );
        let output = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .env("BAKE", env!("CARGO_BIN_EXE_bake"))
            .current_dir(project.path())
            .output()
            .expect("unshare starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("code 1"), "{kib}: {said}");
        assert!(
            said.contains("/journal/") && said.to_lowercase().contains("no space is left"),
            "{kib}: {said}"
        );
        nothing_is_half_written(&project);
        is_whole(&project);
    }
}
