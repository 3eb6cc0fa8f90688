//! Registrations that are refused, a bake that is killed or stopped, steps that fail: nothing is left, and the next run goes on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::bench::{Bench, both, from_scratch};
use crate::lab::Lab;
use crate::support::Running;

#[test]
fn a_registration_that_is_denied_keeps_the_snapshot() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench
        .lab
        .fault(json!({ "action": "RegisterImage", "kind": "error", "code": "UnauthorizedOperation", "times": null }));
    let output = bench.run(&["apply", "-auto-approve"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    bench.assert_standing(0, 1);
    bench.lab.no_faults();
    let plan = bench.done(&["plan"]);
    assert!(plan.contains("snapshot"), "{plan}");
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "CreateVolume"), "{calls:?}");
    bench.assert_standing(1, 1);
}

#[test]
fn after_kill_9_the_next_run_leaves_nothing() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    for line in [4, 7, 10, 14, 18, 22] {
        let mut running = Running::start(bench.bake(&["apply", "-auto-approve", "-json"]));
        for _ in 0..line {
            if running.event().is_none() {
                break;
            }
        }
        running.kill();
    }
    // The journals gone as well: what is left is found by its tags.
    let _ = std::fs::remove_dir_all(bench.project.path().join(".bake"));
    bench.apply();
    bench.assert_standing(1, 1);
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let module = from_scratch().replace("echo hello > /greeting", "exit 3");
    let bench = Bench::new(Lab::nvme(), &module);
    let output = bench.run(&["apply", "-auto-approve"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    bench.assert_standing(0, 0);
}

/// What is waited for elsewhere does not keep bake from stopping.
#[test]
fn sigterm_ends_the_wait_for_a_snapshot_and_tears_down() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.set(json!({ "snapshot": 300 }));
    let mut child = bench.bake(&["apply", "-auto-approve"]).spawn().expect("bake starts");
    for _ in 0..600 {
        if bench.standing("snapshots") > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let begun = std::time::Instant::now();
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("bake runs");
    let status = child.wait().expect("bake ends");
    assert_eq!(status.code(), Some(143));
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    bench.assert_standing(0, 0);
}

/// The first signal stops the script that runs, and all that it began; then everything is torn down.
#[test]
fn sigint_and_sigterm_stop_the_script_and_tear_down() {
    let bench = Bench::new(Lab::nvme(), "");
    for (signal, code, long) in [(Signal::SIGINT, 130, "31337"), (Signal::SIGTERM, 143, "31338")] {
        let lines = format!("echo begun; (/bin/busybox sleep {long} &) ; /bin/busybox sleep {long}");
        bench.project.write(
            "main.bake.hcl",
            &from_scratch().replace("echo hello > /greeting", &lines),
        );
        let mut bake = bench.bake(&["apply", "-auto-approve", "-json"]);
        let mut child = bake.stdout(Stdio::piped()).spawn().expect("bake starts");
        let mut events = BufReader::new(child.stdout.take().expect("it was asked for above")).lines();
        let begun = events.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"line\":\"begun\"")));
        assert!(begun.is_some(), "the step runs");
        let begun = Instant::now();
        kill(Pid::from_raw(child.id() as i32), signal).expect("bake runs");
        let last = events.map_while(Result::ok).last().unwrap_or_default();
        let status = child.wait().expect("bake ends");
        assert_eq!(status.code(), Some(code), "{signal}: {last}");
        assert!(last.contains(&format!("\"exit_code\":{code}")), "{last}");
        assert!(
            begun.elapsed().as_secs() < 60,
            "not when the script is done: {:?}",
            begun.elapsed()
        );
        assert_eq!(running(long), 0, "{signal}: the script and what it began");
        bench.assert_standing(0, 0);
        assert_eq!(bench.project.journals(), 0);
    }
}

/// Processes of this host with this word in their command line.
fn running(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("proc is mounted").flatten();
    let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split('\0').any(|one| one == word)).count()
}
