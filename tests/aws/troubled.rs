//! Calls that fail, answers that are lost, a bake that is killed: at the end of the next run there is one of each, and nothing else.

use serde_json::{Value, json};

use crate::bench::{Bench, both, from_scratch};
use crate::lab::Lab;
use crate::support::Running;

/// One run under this fault, then another without; what stands in the end is one image with its snapshot.
fn survives(fault: Value) {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.fault(fault.clone());
    let first = bench.run(&["apply", "-auto-approve"]);
    let images = bench.standing("images");
    assert_eq!(
        first.status.success(),
        images == 1,
        "{fault}: {images} images, and bake says {}",
        both(&first)
    );
    bench.lab.no_faults();
    bench.apply();
    bench.assert_standing(1, 1);
}

#[test]
fn a_lost_answer_makes_nothing_twice() {
    for action in ["CreateVolume", "AttachVolume", "CreateSnapshot", "RegisterImage"] {
        survives(json!({ "action": action, "kind": "cut_after" }));
    }
}

#[test]
fn throttling_is_waited_out() {
    for action in ["CreateVolume", "RegisterImage"] {
        let bench = Bench::new(Lab::xen(), &from_scratch());
        bench
            .lab
            .fault(json!({ "action": action, "kind": "throttle", "times": 3 }));
        bench.apply();
        bench.assert_standing(1, 1);
    }
}

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
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id() as i32),
        nix::sys::signal::Signal::SIGTERM,
    )
    .expect("bake runs");
    let status = child.wait().expect("bake ends");
    assert_eq!(status.code(), Some(143));
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    bench.assert_standing(0, 0);
}
