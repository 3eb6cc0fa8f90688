//! Keys that encrypt: looked at by the plan, and changed without a build.

use serde_json::{Value, json};

use crate::bench::{Bench, both, from_scratch};
use crate::lab::{Lab, REGION};

/// The root volume with these lines.
fn with(lines: &str) -> String {
    from_scratch().replace("partition_table", &format!("{lines}\n    partition_table"))
}

fn keyed(key: &str) -> String {
    with(&format!("kms_key         = \"{key}\""))
}

/// A plan that must fail with these words.
fn refused(bench: &Bench, module: &str, words: &[&str]) {
    bench.project.write("main.bake.hcl", module);
    let output = bench.run(&["plan"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words.iter().chain(&["main.bake.hcl:"]) {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

fn snapshots(bench: &Bench) -> Vec<Value> {
    let all = bench.lab.inventory();
    all["snapshots"].as_array().expect("a list").clone()
}

/// The key of the newest snapshot, as EC2 tells it.
fn key_of_newest(bench: &Bench) -> Value {
    let calls = bench.lab.calls();
    let last = calls.iter().rev().find(|call| call["action"] == "CreateVolume");
    last.expect("a volume was made")["parameters"]["KmsKeyId"].clone()
}

#[test]
fn a_key_that_cannot_encrypt_is_an_error_of_the_plan() {
    let bench = Bench::new(Lab::xen(), "");
    let elsewhere = bench.lab.key("us-east-1", "lab");
    let missing = format!(
        "arn:aws:kms:{REGION}:{}:key/00000000-0000-0000-0000-000000000000",
        crate::lab::ACCOUNT
    );
    for (key, words) in [
        ("alias/none", &["there is no such key in eu-central-1", "alias/"][..]),
        ("lab", &["there is no such key"]),
        (missing.as_str(), &["there is no such key"]),
        ("alias/disabled", &["it is disabled", "enable-key"]),
        ("alias/deleting", &["about to be deleted", "cancel-key-deletion"]),
        ("alias/signing", &["SIGN_VERIFY", "ENCRYPT_DECRYPT"]),
        (elsewhere.as_str(), &["it is a key of us-east-1", "eu-central-1"]),
    ] {
        refused(&bench, &keyed(key), words);
    }
    bench.assert_standing(0, 0);
    // Who may not look at keys may perhaps use them.
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "kms:DescribeKey", "Resource": "*" },
    ] });
    bench.lab.access_key(
        json!({ "key": "LABBLIND", "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] }),
    );
    bench.project.write("main.bake.hcl", &keyed("alias/disabled"));
    let output = bench.bake_as("LABBLIND", &["plan"]).output().expect("bake starts");
    assert!(output.status.success(), "{}", both(&output));
}

#[test]
fn another_key_is_another_snapshot_and_no_build() {
    let bench = Bench::new(Lab::xen(), &keyed("alias/lab"));
    bench.apply();
    bench.assert_standing(1, 1);
    let text = bench.done(&["plan", "-detailed-exitcode"]);
    assert!(text.contains("0 to build") || text.contains("No changes"), "{text}");
    bench.project.write("main.bake.hcl", &keyed("alias/lab-second"));
    let plan = both(&bench.run(&["plan"]));
    for words in ["kms_key", "alias/lab-second", "1 to register", "0 to build"] {
        assert!(plan.contains(words), "{words} is not in {plan}");
    }
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "AttachVolume"), "{calls:?}");
    assert_eq!(key_of_newest(&bench), "alias/lab-second");
    bench.assert_standing(2, 2);
    let snapshots = snapshots(&bench);
    let newest = snapshots.last().and_then(|one| one["id"].as_str()).expect("a snapshot");
    assert_eq!(bench.file_in(newest, 0, "/greeting"), "hello\n");
    let text = bench.done(&["plan", "-detailed-exitcode"]);
    assert!(text.contains("0 to build") || text.contains("No changes"), "{text}");
    // Back again: the release before has that key, and is promoted.
    bench.project.write("main.bake.hcl", &keyed("alias/lab"));
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "CreateVolume"), "{calls:?}");
}

#[test]
fn an_alias_that_means_another_key_now_is_a_change() {
    let bench = Bench::new(Lab::xen(), &keyed("alias/lab"));
    bench.apply();
    let (first, second) = (bench.lab.key(REGION, "lab"), bench.lab.key(REGION, "lab-second"));
    bench
        .lab
        .post("kms", &json!({ "region": REGION, "key": first, "aliases": [] }));
    bench.lab.post(
        "kms",
        &json!({ "region": REGION, "key": second, "aliases": ["alias/lab", "alias/lab-second"] }),
    );
    let output = bench.run(&["plan", "-detailed-exitcode"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&first) && text.contains("alias/lab"), "{text}");
    // By its ARN it is the same key.
    bench.project.write("main.bake.hcl", &keyed(&first));
    bench.done(&["plan", "-detailed-exitcode"]);
}

#[test]
fn encryption_comes_without_a_build_and_goes_with_one() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.apply();
    bench.project.write("main.bake.hcl", &with("encrypted       = true"));
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "AttachVolume"), "{calls:?}");
    bench.done(&["plan", "-detailed-exitcode"]);
    bench.project.write("main.bake.hcl", &with("encrypted       = false"));
    // The first release is not encrypted, and is promoted.
    let before = bench.lab.calls().len();
    bench.apply();
    assert!(!bench.calls_since(before).iter().any(|call| call == "CreateVolume"));
    bench.project.write(
        "main.bake.hcl",
        &with("encrypted       = true").replace("hello", "hallo"),
    );
    bench.apply();
    bench
        .project
        .write("main.bake.hcl", &from_scratch().replace("hello", "hallo"));
    let plan = both(&bench.run(&["plan"]));
    assert!(plan.contains("1 to replace") && plan.contains("encrypted"), "{plan}");
    bench.apply();
    bench.done(&["plan", "-detailed-exitcode"]);
}

#[test]
fn a_run_that_is_cut_off_leaves_one_snapshot_for_the_next() {
    let bench = Bench::new(Lab::xen(), &keyed("alias/lab"));
    bench.apply();
    bench.project.write("main.bake.hcl", &keyed("alias/lab-second"));
    bench
        .lab
        .fault(json!({ "action": "RegisterImage", "kind": "error", "code": "UnauthorizedOperation", "times": null }));
    let output = bench.run(&["apply", "-auto-approve"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    bench.lab.no_faults();
    bench.apply();
    bench.done(&["plan", "-detailed-exitcode"]);
    bench.assert_standing(2, 2);
}

/// An alias may mean another key tomorrow, so each is looked up; an id or ARN cannot.
#[test]
fn a_plan_without_changes_asks_about_aliases_only() {
    let bench = Bench::new(Lab::xen(), "");
    let (here, there) = (bench.lab.key(REGION, "lab"), bench.lab.key("us-east-1", "lab"));
    let id = |arn: &str| arn.rsplit('/').next().expect("an id").to_owned();
    let with_copy = |key: &str, of_copy: &str| {
        let publish = format!("publish {{\n    region \"us-east-1\" {{ kms_key = \"{of_copy}\" }}\n  }}\n  provision");
        keyed(key).replace("provision", &publish)
    };
    let asked = |since: usize| {
        let calls = bench.lab.calls_since(since).into_iter();
        calls.filter(|call| call["action"] == "DescribeKey").count()
    };
    for (key, of_copy, aliases) in [
        (here.clone(), there.clone(), 0),
        (id(&here), id(&there), 0),
        ("alias/lab".into(), there.clone(), 1),
        ("alias/lab".into(), "alias/lab".into(), 2),
    ] {
        bench.project.write("main.bake.hcl", &with_copy(&key, &of_copy));
        bench.apply();
        bench.assert_standing(2, 2);
        let before = bench.lab.calls().len();
        assert!(bench.done(&["plan"]).contains("No changes"));
        assert_eq!(asked(before), aliases, "{key} and {of_copy}");
    }
    // Before something is made with one, it is asked about.
    let disabled = bench.lab.key(REGION, "disabled");
    refused(&bench, &keyed(&disabled), &["it is disabled"]);
    let elsewhere = with_copy(&here, &id(&here));
    refused(
        &bench,
        &elsewhere,
        &["the copy of image.base in us-east-1", "there is no such key"],
    );
}
