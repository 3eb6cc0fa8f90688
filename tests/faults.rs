//! `kill -9` of bake at every node boundary and in the middle of a step: the moments are taken from the stream of events of
//! an undisturbed run, so that a new node cannot be forgotten. Afterwards nothing is left on the host, and the next apply recovers by itself and succeeds.
//!
//! Needs root, and Debian's busybox-static.

#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

mod support;

use std::time::Duration;

use support::{Project, Running, Traces};

const MODULE: &str = r#"
image "tiny" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "gpt"
    partition "root" {
      type       = "linux-root"
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }
  }
  bootstrap "tar" {
    path = "root.tar"
  }
  provision "shell" "one" {
    inline = ["echo one > /one", "echo in the middle", "/bin/busybox sleep 0.3", "echo two > /two"]
  }
}
"#;

const APPLY: &[&str] = &["apply", "-auto-approve", "-json", "-parallelism", "1"];
const RECOVER: &[&str] = &["recover"];

fn project() -> Project {
    let project = Project::new(MODULE);
    let pack = "mkdir -p root/bin root/etc root/tmp && cp /bin/busybox root/bin/busybox && ln -sf busybox root/bin/sh && \
                tar -cf root.tar -C root . && rm -r root";
    let packed = std::process::Command::new("sh")
        .args(["-c", pack])
        .current_dir(project.path())
        .status();
    assert!(packed.expect("sh starts").success(), "busybox-static is installed");
    project
}

/// How many lines a command writes when nobody disturbs it.
fn boundaries(project: &Project, arguments: &[&str]) -> usize {
    let mut running = Running::start(project.bake(arguments));
    std::iter::from_fn(|| running.event()).count()
}

/// Kills a command when it has written so many lines.
fn kill_at(project: &Project, arguments: &[&str], line: usize) {
    let mut running = Running::start(project.bake(arguments));
    for _ in 0..line {
        if running.event().is_none() {
            break;
        }
    }
    running.kill();
    Traces::wait_until_none(project.path());
}

/// Kills a command when it has run for so long.
fn kill_after(project: &Project, arguments: &[&str], moment: Duration) {
    let running = Running::start(project.bake(arguments));
    std::thread::sleep(moment);
    running.kill();
    Traces::wait_until_none(project.path());
}

fn is_whole(project: &Project) {
    project.done(APPLY);
    Traces::wait_until_none(project.path());
    let shelves = ["images", "snapshots", "volumes"].map(|shelf| project.shelf(shelf).len());
    assert_eq!(
        shelves,
        [1, 3, 0],
        "one image, one snapshot with its record and list of blocks, no volume"
    );
    assert_eq!(project.journals(), 0);
    assert!(project.done(&["plan", "-no-color"]).contains("No changes"));
}

#[test]
fn bake_can_be_killed_at_every_boundary_of_apply_and_of_its_recovery() {
    let undisturbed = project();
    let lines = boundaries(&undisturbed, APPLY);
    assert!(lines > 20, "an apply has more events than {lines}");
    let mut kills = 0;
    for line in 0..lines {
        let project = project();
        kill_at(&project, APPLY, line);
        kills += 1;
        // The recovery, the recovery of the recovery, and so on, each a little later: the whole takes some milliseconds.
        for moment in [0, 2, 4, 6, 9, 13] {
            kill_after(&project, RECOVER, Duration::from_millis(moment));
            kills += 1;
        }
        is_whole(&project);
    }
    #[expect(clippy::print_stdout, reason = "the test says how much it tried")]
    {
        println!("{kills} kills");
    }
}
