//! What is registered, changed and retired.

use serde_json::{Value, json};

use super::{images, refused, running, with};
use crate::bench::{Bench, both, on_ami};
use crate::lab::Lab;

#[test]
fn the_architecture_is_that_of_the_source_or_an_error() {
    let bench = Bench::new(Lab::xen(), "");
    refused(
        &bench,
        &with(&bench, "architecture = \"aarch64\""),
        &["main.bake.hcl:", "x86_64"],
    );
}

#[test]
fn the_old_release_stands_until_the_new_one_does() {
    let bench = Bench::new(Lab::xen(), "");
    let keep_one = |module: &str| module.replace("  provision", "  lifecycle { keep_releases = 1 }\n  provision");
    bench
        .project
        .write("main.bake.hcl", &keep_one(&running(&bench, &["echo one > /greeting"])));
    bench.apply();
    let first = images(&bench);
    bench
        .project
        .write("main.bake.hcl", &keep_one(&running(&bench, &["exit 3"])));
    assert_eq!(bench.run(&["apply", "-auto-approve"]).status.code(), Some(1));
    assert_eq!(images(&bench), first);
    bench
        .project
        .write("main.bake.hcl", &keep_one(&running(&bench, &["echo two > /greeting"])));
    bench.apply();
    assert_ne!(images(&bench), first);
    bench.assert_standing(1, 1);
    let calls = bench.lab.calls();
    let at = |action: &str| calls.iter().rposition(|call| call["action"] == action);
    assert!(at("RegisterImage") < at("DeregisterImage"), "the new one first");
}

#[test]
fn what_is_taken_out_of_the_module_goes_from_the_image() {
    let bench = Bench::new(Lab::xen(), "");
    let tags = |tags: &str| with(&bench, &format!("publish {{ tags = {tags} }}"));
    bench
        .project
        .write("main.bake.hcl", &tags("{ app = \"web\", team = \"a\" }"));
    bench.apply();
    bench.project.write("main.bake.hcl", &tags("{ app = \"web\" }"));
    bench.apply();
    let image = bench.lab.describe_image(&images(&bench)[0]);
    let tags = image["Tags"].as_array().expect("tags").iter();
    let own: Vec<&str> = tags
        .filter_map(|tag| tag["Key"].as_str())
        .filter(|key| !key.starts_with("bake:"))
        .collect();
    assert_eq!(own, ["app"]);
}

#[test]
fn a_bad_description_is_an_error_before_anything_is_made() {
    let bench = Bench::new(Lab::xen(), "");
    refused(
        &bench,
        &with(&bench, "description = \"${upper([])}\""),
        &["main.bake.hcl:"],
    );
    assert_eq!(bench.lab.count("CreateVolume"), 0);
}

#[test]
fn an_image_that_fails_goes_and_its_snapshot_is_kept() {
    let bench = Bench::new(Lab::xen(), "");
    bench
        .project
        .write("main.bake.hcl", &running(&bench, &["echo hello > /greeting"]));
    bench
        .lab
        .fault(json!({ "action": "RegisterImage", "kind": "ends_in_error" }));
    let output = bench.run(&["apply", "-auto-approve"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("Kept: image.web.snapshot"), "{text}");
    bench.assert_standing(0, 1);
    let before = bench.lab.calls().len();
    bench.apply();
    assert!(!bench.calls_since(before).contains(&"CreateVolume".to_owned()));
    bench.assert_standing(1, 1);
    // A snapshot or a volume that fails leaves nothing.
    for action in ["CreateSnapshot", "CreateVolume"] {
        bench.done(&["destroy", "-auto-approve"]);
        bench.lab.fault(json!({ "action": action, "kind": "ends_in_error" }));
        let output = bench.run(&["apply", "-auto-approve"]);
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        bench.assert_standing(0, 0);
        bench.apply();
        bench.assert_standing(1, 1);
    }
}

#[test]
fn outputs_are_read_from_what_stands() {
    let bench = Bench::new(Lab::xen(), "");
    for text in ["one", "two", "three"] {
        let line = format!("echo {text} > /greeting");
        bench.project.write("main.bake.hcl", &running(&bench, &[&line]));
        bench.apply();
    }
    let output = bench.run(&["output", "-json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
    let current = told.to_string();
    let named: Vec<String> = images(&bench)
        .into_iter()
        .filter(|id| current.contains(id.as_str()))
        .collect();
    assert_eq!(named.len(), 1, "the current release and no other: {current}");
    bench.assert_standing(2, 2);
}

#[test]
fn billing_that_got_lost_fails_the_registration() {
    let bench = Bench::new(Lab::xen(), "");
    bench
        .project
        .write("main.bake.hcl", &on_ami(&bench.lab.image("rhel-9-unbilled")));
    let output = bench.run(&["apply", "-auto-approve"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("billing") && text.contains("Red Hat Enterprise Linux"),
        "{text}"
    );
    assert_eq!(bench.standing("images"), 0);
    bench
        .project
        .write("main.bake.hcl", &on_ami(&bench.lab.image("rhel-9-billed")));
    bench.apply();
    let image = bench.lab.describe_image(&images(&bench)[0]);
    assert_eq!(image["UsageOperation"], "RunInstances:0010");
}
