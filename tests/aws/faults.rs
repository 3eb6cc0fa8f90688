//! The table of faults: for each call that makes, changes or removes something, its answer lost, 500 three times, throttled
//! ten times, bake killed right before and right after. At the end of the next run there is exactly one of what was wanted,
//! nothing is left over, and the exit code and the words of the first run agree with what stood. The lab's log of calls is
//! the witness.
//!
//! What waits here waits for bake's own patience, so the cases run side by side.

use std::fmt::Debug;
use std::process::Output;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::bench::{Bench, both, from_scratch};
use crate::lab::Lab;
use crate::support::Running;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Lost,
    Broken,
    Throttled,
    KilledBefore,
    KilledAfter,
}

impl Fault {
    const ALL: [Fault; 5] = [
        Fault::Lost,
        Fault::Broken,
        Fault::Throttled,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ];

    fn order(self, action: &str) -> Value {
        match self {
            Fault::Lost => json!({ "action": action, "kind": "cut_after" }),
            Fault::Broken => json!({ "action": action, "kind": "status", "times": 3 }),
            Fault::Throttled => json!({ "action": action, "kind": "throttle", "times": 10 }),
            Fault::KilledBefore => json!({ "action": action, "kind": "hold_before" }),
            Fault::KilledAfter => json!({ "action": action, "kind": "hold_after" }),
        }
    }

    fn kills(self) -> bool {
        matches!(self, Fault::KilledBefore | Fault::KilledAfter)
    }
}

/// What bake is doing when it happens.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Build,
    Change,
    Destroy,
}

impl Doing {
    fn module(self) -> String {
        let module = from_scratch();
        let with = |words: &str| module.replace("  scratch {}", &format!("  {words}\n  scratch {{}}"));
        match self {
            Doing::Build => with("publish { tags = { app = \"shop\", team = \"a\" } }"),
            Doing::Change | Doing::Destroy => with(
                "description = \"the shop\"\n  publish {\n    tags = { app = \"store\" }\n    deprecate_after = \"90d\"\n  }",
            ),
        }
    }

    fn command(self) -> &'static [&'static str] {
        match self {
            Doing::Destroy => &["destroy", "-auto-approve"],
            _ => &["apply", "-auto-approve"],
        }
    }

    /// Images and snapshots in the end.
    fn ends_with(self) -> (usize, usize) {
        match self {
            Doing::Destroy => (0, 0),
            _ => (1, 1),
        }
    }
}

/// Calls without which nothing is made: every fault.
const CREATING: &[(Doing, &str)] = &[
    (Doing::Build, "CreateVolume"),
    (Doing::Build, "AttachVolume"),
    (Doing::Build, "CreateSnapshot"),
    (Doing::Build, "RegisterImage"),
    (Doing::Change, "CreateTags"),
];
/// Calls that change and remove, which the SDK repeats: waiting out the throttle is no other there.
const FURTHER: &[(Doing, &str)] = &[
    (Doing::Build, "DetachVolume"),
    (Doing::Build, "DeleteVolume"),
    (Doing::Change, "DeleteTags"),
    (Doing::Change, "ModifyImageAttribute"),
    (Doing::Change, "EnableImageDeprecation"),
    (Doing::Destroy, "DeregisterImage"),
    (Doing::Destroy, "DeleteSnapshot"),
];

/// Cases at once: they wait most of the time.
const AT_ONCE: usize = 8;

#[test]
fn whatever_happens_to_a_call_there_is_one_of_each_in_the_end() {
    let all = CREATING
        .iter()
        .flat_map(|call| Fault::ALL.map(|fault| (call, fault)))
        .chain(FURTHER.iter().flat_map(|call| {
            let others = Fault::ALL.into_iter().filter(|fault| *fault != Fault::Throttled);
            others.map(move |fault| (call, fault))
        }));
    // The longest first.
    let mut cases: Vec<_> = all.map(|((doing, action), fault)| (*doing, *action, fault)).collect();
    cases.sort_by_key(|(_, _, fault)| matches!(fault, Fault::Throttled | Fault::KilledBefore));
    let cases = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let bench = Bench::new(Lab::xen(), "");
                while let Some((doing, action, fault)) = next(&cases) {
                    let case = format!("{action} while bake is at {doing:?}, {fault:?}");
                    survives(&bench, doing, action, fault, &case);
                }
            });
        }
    });
}

fn next<T: Debug>(cases: &Mutex<Vec<T>>) -> Option<T> {
    cases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop()
}

fn survives(bench: &Bench, doing: Doing, action: &str, fault: Fault, case: &str) {
    bench.project.write("main.bake.hcl", &Doing::Build.module());
    if doing != Doing::Build {
        bench.apply();
    }
    bench.project.write("main.bake.hcl", &doing.module());
    if doing == Doing::Destroy {
        bench.apply();
    }
    let begun = Tally::of(bench);
    bench.lab.fault(fault.order(action));
    if fault.kills() {
        let mut bake = bench.bake(doing.command());
        bake.arg("-json");
        let running = Running::start(bake);
        bench.lab.until_struck(1);
        running.kill();
    } else {
        agrees(bench, doing, &bench.run(doing.command()), case);
    }
    assert!(bench.lab.get("faults")[0]["struck"] != json!(0), "{case}: it was met");
    bench.lab.no_faults();
    let text = bench.done(doing.command());
    let (images, snapshots) = doing.ends_with();
    stands(bench, images, snapshots, case);
    assert_eq!(bench.project.journals(), 0, "{case}: {text}");
    let made = Tally::of(bench).since(&begun);
    let was = if doing == Doing::Build { (0, 0) } else { (1, 1) };
    assert_eq!(
        made.balance(),
        (images as i64 - was.0, snapshots as i64 - was.1, 0),
        "{case}: {made:?}"
    );
    if doing != Doing::Destroy {
        let plan = bench.done(&["plan"]);
        assert!(plan.contains("No changes"), "{case}: {plan}");
        bench.done(&["destroy", "-auto-approve"]);
    }
    stands(bench, 0, 0, case);
}

/// Images and snapshots, and nothing that should not outlive a run.
fn stands(bench: &Bench, images: usize, snapshots: usize, case: &str) {
    let all = bench.lab.inventory();
    let kinds = ["images", "snapshots", "volumes", "attachments"];
    let is = kinds.map(|kind| all[kind].as_array().map_or(0, Vec::len));
    assert_eq!(is, [images, snapshots, 0, 0], "{case}: {all:#}");
}

/// The exit code and the words of a run that met a fault agree with what stands after it.
fn agrees(bench: &Bench, doing: Doing, output: &Output, case: &str) {
    let text = both(output);
    let all = bench.lab.inventory();
    let count = |kind: &str| all[kind].as_array().map_or(0, Vec::len);
    let is = (count("images"), count("snapshots"));
    match output.status.code() {
        Some(0) => {
            assert_eq!(is, doing.ends_with(), "{case}: {text}");
            assert!(text.contains("Nothing is left running."), "{case}: {text}");
        }
        Some(1) if doing == Doing::Build => {
            assert_eq!(is.0, 0, "{case}: {text}");
            assert!(text.contains("Exit code 1."), "{case}: {text}");
            assert_eq!(text.contains("Kept: image.base.snapshot"), is.1 == 1, "{case}: {text}");
        }
        Some(1) => assert!(text.contains("Exit code 1."), "{case}: {text}"),
        other => panic!("{case}: {other:?}: {text}"),
    }
    assert_eq!((count("volumes"), count("attachments")), (0, 0), "{case}: {text}");
}

/// What calls have made and removed, as the lab's log tells.
#[derive(Debug, Clone)]
struct Tally(Vec<(&'static str, i64)>);

const COUNTED: &[&str] = &[
    "RegisterImage",
    "DeregisterImage",
    "CreateSnapshot",
    "DeleteSnapshot",
    "CreateVolume",
    "DeleteVolume",
];

impl Tally {
    fn of(bench: &Bench) -> Tally {
        Tally(
            COUNTED
                .iter()
                .map(|action| (*action, bench.effects(action) as i64))
                .collect(),
        )
    }

    fn since(&self, before: &Tally) -> Tally {
        let pairs = self.0.iter().zip(&before.0);
        Tally(pairs.map(|((action, now), (_, then))| (*action, now - then)).collect())
    }

    /// Images, snapshots and volumes more than before.
    fn balance(&self) -> (i64, i64, i64) {
        let of = |at: usize| self.0[at].1 - self.0[at + 1].1;
        (of(0), of(2), of(4))
    }
}
