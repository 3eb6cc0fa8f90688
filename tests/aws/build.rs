//! Builds that succeed: what stands afterwards, what was called, and what the next plan says.

use serde_json::{Value, json};

use crate::bench::{Bench, HEAD, from_scratch, on_ami};
use crate::lab::Lab;

/// Where the root partition of the lab's Debian begins; before it is one for the boot code.
const ROOT_OF_DEBIAN: u64 = 2 << 20;

fn snapshot(bench: &Bench) -> String {
    let all = bench.lab.inventory();
    all["snapshots"][0]["id"]
        .as_str()
        .expect("a snapshot stands")
        .to_owned()
}

/// The parameters of the last call of an action.
fn parameters(bench: &Bench, action: &str) -> Value {
    let calls = bench.lab.calls();
    let last = calls.iter().rev().find(|call| call["action"] == action);
    last.unwrap_or_else(|| panic!("{action} was called"))["parameters"].clone()
}

#[test]
fn an_image_from_scratch_holds_what_was_put_into_it() {
    for lab in [Lab::xen(), Lab::nvme()] {
        let bench = Bench::new(lab, &from_scratch());
        bench.apply();
        bench.assert_standing(1, 1);
        assert_eq!(bench.file_in(&snapshot(&bench), 0, "/greeting"), "hello\n");
        let asked = parameters(&bench, "RegisterImage");
        assert_eq!(asked["VirtualizationType"], "hvm");
        assert_eq!(asked["EnaSupport"], true);
        assert_eq!(asked["Architecture"], "x86_64");
        let mapping = &asked["BlockDeviceMappings"][0];
        assert_eq!(mapping["DeviceName"], "/dev/xvda");
        assert_eq!(
            mapping["Ebs"]["DeleteOnTermination"], true,
            "trap 7: it goes with the instance"
        );
        assert_eq!(mapping["Ebs"]["VolumeType"], "gp3");
        bench.done(&["destroy", "-auto-approve"]);
        bench.assert_standing(0, 0);
    }
}

#[test]
fn an_image_from_an_ami_takes_over_what_it_does_not_say() {
    let lab = Lab::xen();
    let ami = lab.image("uefi");
    let bench = Bench::new(lab, &on_ami(&ami));
    bench.apply();
    bench.assert_standing(1, 1);
    assert_eq!(bench.file_in(&snapshot(&bench), ROOT_OF_DEBIAN, "/greeting"), "hello\n");
    let asked = parameters(&bench, "RegisterImage");
    for (name, wanted) in [
        ("BootMode", json!("uefi")),
        ("UefiData", json!("QU1aTlVFRkk=")),
        ("TpmSupport", json!("v2.0")),
        ("ImdsSupport", json!("v2.0")),
        ("EnaSupport", json!(true)),
        ("SriovNetSupport", json!("simple")),
        ("RootDeviceName", json!("/dev/xvda")),
    ] {
        assert_eq!(asked[name], wanted, "trap 1: {name} is that of the source");
    }
    // Nothing to do, and few questions to find that out.
    let before = bench.lab.calls().len();
    let plan = bench.done(&["plan", "-detailed-exitcode"]);
    assert!(plan.contains("No changes"), "{plan}");
    let calls = bench.calls_since(before);
    assert!(calls.len() <= 3, "{calls:?}");
}

#[test]
fn a_build_needs_no_more_calls_than_packers() {
    let lab = Lab::xen();
    let ami = lab.image("debian-12-amd64-20261115-2015");
    let bench = Bench::new(lab, &on_ami(&ami));
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(calls.len() <= 17, "the 17 calls of Packer: {calls:?}");
    for once in [
        "CreateVolume",
        "AttachVolume",
        "CreateSnapshot",
        "RegisterImage",
        "DetachVolume",
        "DeleteVolume",
    ] {
        assert_eq!(
            calls.iter().filter(|call| *call == once).count(),
            1,
            "{once}: {calls:?}"
        );
    }
}

/// A plan that finds nothing to do asks as much for a hundred images as for one.
#[test]
fn a_plan_of_a_hundred_images_asks_no_more_than_one_of_one() {
    let lab = Lab::xen();
    let many = format!(
        r#"{HEAD}
image "many" {{
  for_each = toset([for number in range(100) : "n${{number}}"])
  source {{ ami = "{}" }}
}}
"#,
        lab.image("whole-disk")
    );
    let bench = Bench::new(lab, &many);
    bench.done(&["apply", "-auto-approve", "-parallelism", "16"]);
    bench.assert_standing(100, 100);
    let before = bench.lab.calls().len();
    let plan = bench.done(&["plan"]);
    assert!(plan.contains("No changes"), "{plan}");
    let calls = bench.lab.calls_since(before);
    let ec2 = calls.iter().filter(|call| call["service"] == "ec2");
    assert!(ec2.count() <= 3, "{calls:#?}");
}

#[test]
fn a_change_of_registration_builds_nothing() {
    let lab = Lab::xen();
    let ami = lab.image("debian-12-amd64-20261115-2015");
    let module = on_ami(&ami);
    let bench = Bench::new(lab, &module);
    bench.apply();
    let changed = module.replace(
        "provision",
        "register { boot_mode = \"uefi\" }\n  publish { tags = { app = \"web\" } }\n  provision",
    );
    bench.project.write("main.bake.hcl", &changed);
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "CreateVolume"), "{calls:?}");
    assert_eq!(parameters(&bench, "RegisterImage")["BootMode"], "uefi");
    // Both releases share the snapshot.
    bench.assert_standing(2, 1);
    // Tags are changed in place.
    bench
        .project
        .write("main.bake.hcl", &changed.replace("\"web\" }", "\"shop\" }"));
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.calls_since(before);
    assert!(!calls.iter().any(|call| call == "RegisterImage"), "{calls:?}");
    assert!(bench.done(&["plan"]).contains("No changes"));
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}

#[test]
fn an_image_on_an_image_and_one_that_grows() {
    let lab = Lab::nvme();
    let ami = lab.image("debian-12-amd64-20261115-2015");
    let module = format!(
        r#"{HEAD}
image "base" {{
  source {{ ami = "{ami}" }}
  volume "root" {{ size = "2GiB" }}
  provision "shell" "one" {{ inline = ["echo one > /one"] }}
}}
image "web" {{
  source {{ image = image.base }}
  provision "shell" "two" {{ inline = ["cat /one > /two"] }}
}}
"#
    );
    let bench = Bench::new(lab, &module);
    bench.apply();
    bench.assert_standing(2, 2);
    let asked = parameters(&bench, "RegisterImage");
    assert_eq!(asked["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"], 2);
    assert!(bench.done(&["plan"]).contains("No changes"));
}

#[test]
fn two_projects_and_two_workspaces_do_not_see_each_other() {
    let lab = Lab::xen();
    let module = from_scratch();
    let bench = Bench::new(lab, &module);
    bench.apply();
    bench.done(&["apply", "-auto-approve", "-workspace", "ci"]);
    bench
        .project
        .write("main.bake.hcl", &module.replace("acme/images", "other"));
    bench.apply();
    bench.assert_standing(3, 3);
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(2, 2);
    bench.project.write("main.bake.hcl", &module);
    assert!(bench.done(&["plan"]).contains("No changes"));
}

#[test]
fn four_builds_at_once_wait_for_the_world_and_not_for_each_other() {
    let lab = Lab::xen();
    lab.set(json!({ "create": 2.5, "attach": 3, "detach": 4, "snapshot": 40, "image": 5 }));
    let module = from_scratch().replace(
        "image \"base\" {",
        "image \"base\" {\n  for_each = { a = 1, b = 2, c = 3, d = 4 }",
    );
    let bench = Bench::new(lab, &module);
    let begun = std::time::Instant::now();
    bench.apply();
    let took = begun.elapsed();
    assert!(
        took.as_secs() <= 101,
        "{took:?}; the delays of one are 50.5 s, of four in a row 202"
    );
    bench.assert_standing(4, 4);
}

/// The policy holds for the calls that are really made: nothing more is allowed to the key, and all of it works.
#[test]
fn the_least_rights_are_enough() {
    let lab = Lab::xen();
    let ami = lab.image("debian-12-amd64-20261115-2015");
    let module = on_ami(&ami).replace(
        "provision",
        "publish {\n tags = { app = \"web\" }\n deprecate_after = \"90d\"\n }\n  provision",
    );
    let bench = Bench::new(lab, &module);
    for (key, arguments, right) in [
        ("LABPLAN", &["policy", "-plan"][..], "plan"),
        ("LABAPPLY", &["policy"][..], "apply"),
    ] {
        let output = bench.run(arguments);
        let policy: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", crate::bench::both(&output)));
        bench
            .lab
            .access_key(json!({ "key": key, "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] }));
        let mut command = match right {
            "plan" => bench.bake_as(key, &["plan"]),
            _ => bench.bake_as(key, &["apply", "-auto-approve"]),
        };
        let output = command.output().expect("bake starts");
        assert!(output.status.success(), "{}", crate::bench::both(&output));
    }
    bench.assert_standing(1, 1);
    let denied = bench
        .bake_as("LABPLAN", &["destroy", "-auto-approve"])
        .output()
        .expect("bake starts");
    assert!(!denied.status.success(), "{}", crate::bench::both(&denied));
    bench.assert_standing(1, 1);
    let mut destroy = bench.bake_as("LABAPPLY", &["destroy", "-auto-approve"]);
    let output = destroy.output().expect("bake starts");
    assert!(output.status.success(), "{}", crate::bench::both(&output));
    bench.assert_standing(0, 0);
}
