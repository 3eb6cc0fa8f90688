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
use crate::lab::{Lab, REGION};
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
    /// What stands is copied, shared and pointed at.
    Publish,
    /// All of that goes.
    Withdraw,
}

impl Doing {
    fn module(self) -> String {
        let module = from_scratch();
        let with = |words: &str| module.replace("  scratch {}", &format!("  {words}\n  scratch {{}}"));
        match self {
            Doing::Build => with("publish { tags = { app = \"shop\", team = \"a\" } }"),
            Doing::Publish | Doing::Withdraw => with(&format!(
                "publish {{\n    tags = {{ app = \"shop\", team = \"a\" }}\n    regions = [\"{AWAY}\"]\n    \
                 share {{\n      accounts = [\"{FRIEND}\"]\n      snapshot_accounts = [\"{FRIEND}\"]\n    }}\n    \
                 parameter \"/images/base\" {{}}\n  }}"
            )),
            Doing::Change | Doing::Destroy => with(
                "description = \"the shop\"\n  publish {\n    tags = { app = \"store\" }\n    deprecate_after = \"90d\"\n  }",
            ),
        }
    }

    fn command(self) -> &'static [&'static str] {
        match self {
            Doing::Destroy | Doing::Withdraw => &["destroy", "-auto-approve"],
            _ => &["apply", "-auto-approve"],
        }
    }

    /// Images and snapshots before, and in the end.
    fn counts(self) -> ((usize, usize), (usize, usize)) {
        match self {
            Doing::Build => ((0, 0), (1, 1)),
            Doing::Change => ((1, 1), (1, 1)),
            Doing::Destroy => ((1, 1), (0, 0)),
            Doing::Publish => ((1, 1), (2, 2)),
            Doing::Withdraw => ((2, 2), (0, 0)),
        }
    }

    fn removes(self) -> bool {
        matches!(self, Doing::Destroy | Doing::Withdraw)
    }
}

/// A region with a copy, and an account that may use it.
const AWAY: &str = "us-east-1";
const FRIEND: &str = "444455556666";

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
/// The same two kinds of calls, of an image that is published.
const PUBLISHING: &[(Doing, &str)] = &[
    (Doing::Publish, "CopyImage"),
    (Doing::Publish, "ModifyImageAttribute"),
    (Doing::Publish, "ModifySnapshotAttribute"),
    (Doing::Publish, "ssm:PutParameter"),
];
const WITHDRAWING: &[(Doing, &str)] = &[
    (Doing::Withdraw, "ssm:DeleteParameter"),
    (Doing::Withdraw, "DeregisterImage"),
    (Doing::Withdraw, "DeleteSnapshot"),
];

/// Cases at once: they wait most of the time.
const AT_ONCE: usize = 8;

#[test]
fn whatever_happens_to_a_call_there_is_one_of_each_in_the_end() {
    all_survive(CREATING, FURTHER);
}

#[test]
fn whatever_happens_to_a_call_that_publishes_there_is_one_of_each_in_every_region() {
    all_survive(PUBLISHING, WITHDRAWING);
}

fn all_survive(creating: &[(Doing, &'static str)], further: &[(Doing, &'static str)]) {
    let all = creating
        .iter()
        .flat_map(|call| Fault::ALL.map(|fault| (call, fault)))
        .chain(further.iter().flat_map(|call| {
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
    if doing.removes() {
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
    let (was, is) = doing.counts();
    stands(bench, is, case);
    assert_eq!(bench.project.journals(), 0, "{case}: {text}");
    let made = Tally::of(bench).since(&begun);
    let differs = |after: usize, before: usize| after as i64 - before as i64;
    assert_eq!(
        made.balance(),
        (differs(is.0, was.0), differs(is.1, was.1), 0),
        "{case}: {made:?}"
    );
    if !doing.removes() {
        if doing == Doing::Publish {
            is_published(bench, case);
        }
        let plan = bench.done(&["plan"]);
        assert!(plan.contains("No changes"), "{case}: {plan}");
        bench.done(&["destroy", "-auto-approve"]);
    }
    stands(bench, (0, 0), case);
    assert_eq!(bench.standing("parameters"), 0, "{case}");
}

/// Images and snapshots, and nothing that should not outlive a run.
fn stands(bench: &Bench, (images, snapshots): (usize, usize), case: &str) {
    let all = bench.lab.inventory();
    let kinds = ["images", "snapshots", "volumes", "attachments"];
    let is = kinds.map(|kind| all[kind].as_array().map_or(0, Vec::len));
    assert_eq!(is, [images, snapshots, 0, 0], "{case}: {all:#}");
}

/// In each region one image, shared with the one account, and a parameter that holds it.
fn is_published(bench: &Bench, case: &str) {
    let all = bench.lab.inventory();
    let friend = json!([{ "UserId": FRIEND }]);
    for region in [REGION, AWAY] {
        let one = |kind: &str| {
            let of_region = all[kind].as_array().into_iter().flatten();
            let found: Vec<&Value> = of_region.filter(|one| one["region"] == region).collect();
            assert_eq!(found.len(), 1, "{case}: {kind} in {region}: {found:#?}");
            found[0].clone()
        };
        let (image, snapshot, parameter) = (one("images"), one("snapshots"), one("parameters"));
        assert_eq!(
            (&image["shares"], &snapshot["shares"]),
            (&friend, &friend),
            "{case}: {region}"
        );
        assert_eq!(parameter["value"], image["id"], "{case}: {region}");
        assert_eq!(parameter["tags"]["bake:address"], "image.base", "{case}: {region}");
        assert_eq!(image["tags"]["app"], "shop", "{case}: {region}");
    }
}

/// The exit code and the words of a run that met a fault agree with what stands after it.
fn agrees(bench: &Bench, doing: Doing, output: &Output, case: &str) {
    let text = both(output);
    let all = bench.lab.inventory();
    let count = |kind: &str| all[kind].as_array().map_or(0, Vec::len);
    let is = (count("images"), count("snapshots"));
    match output.status.code() {
        Some(0) => {
            assert_eq!(is, doing.counts().1, "{case}: {text}");
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
    "CopyImage",
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

    /// Images, snapshots and volumes more than before. A copy is an image with its snapshot.
    fn balance(&self) -> (i64, i64, i64) {
        let of = |at: usize| self.0[at].1 - self.0[at + 1].1;
        let copies = self.0[6].1;
        (of(0) + copies, of(2) + copies, of(4))
    }
}
