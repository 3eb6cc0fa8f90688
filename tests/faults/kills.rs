//! `kill -9` of bake: at every boundary of every node of a first build and of a replacement, in the middle of steps, and
//! again in the recovery of each. Afterwards nothing is left on the host, and the next apply recovers by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bake::nodes::NodeKind;

use crate::bench::*;
use crate::boundaries;
use crate::support::{Project, Running, Traces};

/// Where a life of two applies stands, and the plan that comes next.
struct Stage {
    name: &'static str,
    project: Project,
}

impl Stage {
    fn first() -> Stage {
        Stage {
            name: "a first build",
            project: project(&module("one", "one")),
        }
    }

    /// A release is replaced and goes; the other image is changed where it stands.
    fn second() -> Stage {
        let project = project(&module("one", "one"));
        project.done(APPLY);
        project.write("main.bake.hcl", &module("three", "two"));
        Stage {
            name: "a replacement",
            project,
        }
    }

    fn copy(&self) -> Project {
        copy(self.project.path())
    }
}

/// A kill before the n-th event, or before the n-th record that is flushed into the journal.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Event(usize),
    Flush(usize),
}

impl Moment {
    fn kill(self, project: &Project) -> bool {
        let fault = match self {
            Moment::Event(number) => Fault::kill("write", number).on(events(project)),
            Moment::Flush(number) => Fault::kill("fdatasync", number),
        };
        let ended = fault.run(project, APPLY);
        if let (true, Moment::Event(number)) = (ended.killed, self) {
            assert_eq!(told(project).len(), number - 1, "{self:?} is exact");
        }
        ended.killed
    }
}

/// Kills the recovery before its first call of a kind, the recovery of that before its second, and so on, until one
/// comes to its end. How many kills that were.
fn recover(project: &Project, calls: &'static str) -> usize {
    leave_temporary(project);
    for number in 1.. {
        let ended = Fault::kill(calls, number).run(project, RECOVER);
        Traces::wait_until_none(project.path());
        if !ended.killed {
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            Traces::assert_none(project.path());
            assert_eq!(left_temporary(project), [""; 0].map(Path::new));
            return number - 1;
        }
    }
    unreachable!("a recovery has an end")
}

/// Kills at every boundary of a stage; how many kills there were.
fn at_every_boundary(stage: &Stage) -> usize {
    let (planned, _) = boundaries::planned(&stage.project);
    let (count, met) = boundaries::undisturbed(&stage.copy());
    assert_eq!(planned, met, "{}: each half in the plan has its boundaries", stage.name);
    let kills = AtomicUsize::new(0);
    let flushes = AtomicUsize::new(0);
    let moments = (1..=count).map(Moment::Event).chain((1..=count).map(Moment::Flush));
    side_by_side(moments.enumerate(), |(case, moment)| {
        let known = flushes.load(Ordering::SeqCst);
        if matches!(moment, Moment::Flush(number) if known > 0 && number > known) {
            return;
        }
        let project = stage.copy();
        let killed = moment.kill(&project);
        Traces::wait_until_none(project.path());
        match moment {
            Moment::Event(_) => assert!(killed, "{moment:?} comes"),
            // The journal is flushed less often than events are told.
            Moment::Flush(number) if !killed => {
                flushes.fetch_max(number - 1, Ordering::SeqCst);
                return;
            }
            Moment::Flush(_) => {}
        }
        let of_recovery = recover(&project, ["write", "unlink"][case % 2]);
        kills.fetch_add(1 + of_recovery, Ordering::SeqCst);
        is_whole(&project);
    });
    assert!(flushes.into_inner() > 3, "the journal was flushed");
    kills.into_inner()
}

#[expect(clippy::print_stdout, reason = "a test says how much it tried")]
fn say(kills: usize, what: &str) {
    println!("{kills} kills of {what}");
}

#[test]
fn at_every_boundary_of_a_first_build() {
    let stage = Stage::first();
    say(at_every_boundary(&stage), stage.name);
}

#[test]
fn at_every_boundary_of_a_replacement() {
    let stage = Stage::second();
    say(at_every_boundary(&stage), stage.name);
}

/// What no plan of the local provider has: an import has a plan of its own, and only a cloud has regions and accounts.
const ELSEWHERE: [NodeKind; 4] = [
    NodeKind::Adopt,
    NodeKind::RegionalCopy,
    NodeKind::Share,
    NodeKind::Parameter,
];

#[test]
fn no_kind_of_node_is_forgotten() {
    let (_, mut met) = boundaries::planned(&Stage::first().project);
    met.extend(boundaries::planned(&Stage::second().project).1);
    let all = boundaries::kinds();
    let missing: BTreeSet<_> = all.difference(&met).filter(|kind| !ELSEWHERE.contains(kind)).collect();
    assert!(
        missing.is_empty(),
        "put these into the module of the tests: {missing:?}"
    );
}

/// What a run that dies at its end has written down until then.
#[test]
fn a_journal_takes_at_most_a_kilobyte_for_each_node() {
    let stage = Stage::first();
    let (halves, _) = boundaries::planned(&stage.project);
    let nodes = halves.iter().filter(|(_, half)| half == "open").count();
    let (count, _) = boundaries::undisturbed(&stage.copy());
    let project = stage.copy();
    // The last event of all comes when the journal is gone; the one before it is that the last node is done.
    assert!(Moment::Event(count - 1).kill(&project));
    let journals = std::fs::read_dir(project.path().join(".bake/journal"))
        .expect("it stands")
        .flatten();
    let bytes: u64 = journals.map(|entry| entry.metadata().expect("a file").len()).sum();
    assert!(
        bytes > 1000 && bytes <= 1024 * nodes as u64,
        "{bytes} bytes for {nodes} nodes"
    );
}

/// A volume that begins as a disk image, which a program converts.
const CONVERTED: &str = r#"
image "converted" {
  source {
    file = "disk.qcow2"
  }
  root {
    partition = "whole"
  }
}
"#;

/// A program that a node runs on the builder host never comes to its end.
#[test]
fn in_the_middle_of_what_nodes_run() {
    let whole = module("one", "one");
    let tools = [
        ("mkfs.ext4", &*whole),
        ("tar", &*whole),
        ("grub-mkimage", &*whole),
        ("qemu-img", CONVERTED),
    ];
    side_by_side(tools, |(tool, module)| {
        let project = project(module);
        std::fs::write(project.path().join("disk.qcow2"), b"QFI\xfb").expect("the project can be written");
        let bin = project.path().join("bin");
        std::fs::create_dir(&bin).expect("the project can be written");
        let begun = project.path().join("begun");
        let script = format!("#!/bin/sh\ntouch {}\nexec sleep 1000\n", begun.display());
        project.write(&format!("bin/{tool}"), &script);
        let mut mode = std::fs::metadata(bin.join(tool)).expect("written").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        std::fs::set_permissions(bin.join(tool), mode).expect("it is ours");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut bake = project.bake(APPLY);
        bake.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null());
        let mut bake = bake.spawn().expect("bake starts");
        wait_for(&begun);
        bake.kill().expect("it runs");
        bake.wait().expect("it ends");
        Traces::wait_until_none(project.path());
        project.write("main.bake.hcl", &whole);
        is_whole(&project);
    });
}

fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} comes", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A step in the image sleeps after it has said something.
#[test]
fn in_the_middle_of_a_step() {
    let project = project(&module("one", "one").replace("sleep 0.05", "sleep 1000"));
    let mut running = Running::start(project.bake(APPLY));
    while running.event().is_some_and(|event| event["line"] != "in the middle") {}
    running.kill();
    Traces::wait_until_none(project.path());
    project.write("main.bake.hcl", &module("one", "one"));
    is_whole(&project);
}

/// What bake itself does to the store: between each two names that it makes, changes and removes there.
#[test]
fn in_the_middle_of_work_on_the_store() {
    let stages = [Stage::first(), Stage::second()];
    let kills = AtomicUsize::new(0);
    let shelves = ["volumes", "snapshots", "images"];
    let cases = stages.iter().flat_map(|stage| shelves.map(|shelf| (stage, shelf)));
    side_by_side(cases, |(stage, shelf)| {
        for number in 1.. {
            let project = stage.copy();
            let place = project.path().join(".bake/store").join(shelf);
            let ended = Fault::kill("fsync", number).on(place).run(&project, APPLY);
            Traces::wait_until_none(project.path());
            is_whole(&project);
            if !ended.killed {
                assert!(number > 1, "{}: {shelf} is written", stage.name);
                return;
            }
            kills.fetch_add(1, Ordering::SeqCst);
        }
    });
    say(kills.into_inner(), "work on the store");
}
