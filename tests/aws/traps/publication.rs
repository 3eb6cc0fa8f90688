//! Copies, shares, tags and names in every region.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::refused;
use crate::bench::{Bench, both, from_scratch, on_ami};
use crate::lab::{Lab, REGION};

const AWAY: &str = "us-east-1";
const FRIEND: &str = "444455556666";

/// The module with these lines in the image, and these in its `publish` block.
fn publishing(lines: &str, publish: &str) -> String {
    from_scratch().replace(
        "provision",
        &format!("{lines}\n  publish {{\n{publish}\n  }}\n  provision"),
    )
}

/// What of a kind stands in a region.
fn things(bench: &Bench, kind: &str, region: &str) -> Vec<Value> {
    let all = bench.lab.inventory();
    let all = all[kind].as_array().expect("a list").iter();
    all.filter(|one| one["region"] == region).cloned().collect()
}

fn one(bench: &Bench, kind: &str, region: &str) -> Value {
    let all = things(bench, kind, region);
    assert_eq!(all.len(), 1, "one of {kind} in {region}: {all:#?}");
    all[0].clone()
}

/// The tags of a thing that are not bake's.
fn tags_of_user(thing: &Value) -> Value {
    let tags = thing["tags"].as_object().expect("tags").iter();
    let of_user = tags.filter(|(key, _)| !key.starts_with("bake:"));
    of_user
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn the_build_region_has_the_image_that_is_copied_and_nothing_else() {
    let bench = Bench::new(Lab::xen(), "");
    let module = publishing("name = \"web\"", &format!("regions = [\"{REGION}\", \"{AWAY}\"]"));
    bench.project.write("main.bake.hcl", &module);
    bench.apply();
    for region in [REGION, AWAY] {
        assert_eq!(one(&bench, "images", region)["name"], "web");
    }
    assert_eq!((bench.lab.count("RegisterImage"), bench.lab.count("CopyImage")), (1, 1));
    // It goes with its copy, and its name is free again.
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
    bench.apply();
    bench.assert_standing(2, 2);
}

#[test]
fn whoever_builds_also_copies_and_shares() {
    let role = "provider \"aws\" {\n  assume_role { role_arn = \"arn:aws:iam::111122223333:role/images\" }\n}";
    let publish = format!(
        "regions = [\"{AWAY}\"]\n deprecate_after = \"90d\"\n share {{ accounts = [\"{FRIEND}\"] }}\n parameter \"/images/base\" {{}}"
    );
    let module = publishing("", &publish).replace("provider \"aws\" {}", role);
    let bench = Bench::new(Lab::xen(), &module);
    bench.apply();
    let calls = bench.lab.calls();
    let others = calls.iter().filter(|call| call["action"] != "AssumeRole");
    let who: BTreeSet<&str> = others.filter_map(|call| call["arn"].as_str()).collect();
    assert_eq!(who.len(), 1, "{who:?}");
    assert!(who.iter().all(|arn| arn.contains("assumed-role/images/")), "{who:?}");
    let regions: BTreeSet<&str> = calls.iter().filter_map(|call| call["region"].as_str()).collect();
    assert!(regions.contains(REGION) && regions.contains(AWAY), "{regions:?}");
}

#[test]
fn images_have_the_tags_of_images_and_snapshots_those_of_snapshots() {
    let bench = Bench::new(Lab::xen(), "");
    let of = |image: &str, snapshot: &str| {
        let publish = format!(
            "regions = [\"{AWAY}\"]\n tags = {{ of = \"{image}\", image = \"yes\" }}\n snapshot_tags = {{ of = \"{snapshot}\", disk = \"yes\" }}"
        );
        publishing("", &publish)
    };
    // As they are made, and as they are changed.
    for (image, snapshot) in [("image", "snapshot"), ("an image", "a snapshot")] {
        bench.project.write("main.bake.hcl", &of(image, snapshot));
        bench.apply();
        for region in [REGION, AWAY] {
            let (made, disk) = (one(&bench, "images", region), one(&bench, "snapshots", region));
            assert_eq!(tags_of_user(&made), json!({ "of": image, "image": "yes" }), "{region}");
            assert_eq!(
                tags_of_user(&disk),
                json!({ "of": snapshot, "disk": "yes" }),
                "{region}"
            );
        }
    }
    assert_eq!(bench.lab.count("RegisterImage"), 1);
}

/// Where in the log of a region the first, or the last, such call is.
fn place(calls: &[Value], action: &str, with: &str, last: bool) -> usize {
    let is = |call: &Value| call["action"] == action && call["parameters"].to_string().contains(with);
    let found = match last {
        true => calls.iter().rposition(is),
        false => calls.iter().position(is),
    };
    found.unwrap_or_else(|| panic!("{action} with {with} was called: {calls:#?}"))
}

/// Who may use an image finds it with its tags, and who reads that it is old finds what it was.
#[test]
fn an_image_is_tagged_and_described_before_it_is_shared_and_deprecated() {
    let bench = Bench::new(Lab::xen(), "");
    let of = |app: &str, publish: &str| {
        let publish = format!("regions = [\"{AWAY}\"]\n tags = {{ app = \"{app}\" }}\n {publish}");
        publishing(&format!("description = \"the {app}\""), &publish)
    };
    let share = format!("deprecate_after = \"90d\"\n share {{ accounts = [\"{FRIEND}\"] }}");
    let in_region = |since: usize, region: &str| -> Vec<Value> {
        let calls = bench.lab.calls_since(since).into_iter();
        calls.filter(|call| call["region"] == region).collect()
    };
    bench.project.write("main.bake.hcl", &of("shop", &share));
    bench.apply();
    for (region, makes) in [(REGION, "RegisterImage"), (AWAY, "CopyImage")] {
        let calls = in_region(0, region);
        let made = place(&calls, makes, "the shop", false);
        assert!(
            calls[made]["parameters"]["TagSpecifications"]
                .to_string()
                .contains("shop"),
            "{region}"
        );
        for later in ["ModifyImageAttribute", "EnableImageDeprecation"] {
            assert!(made < place(&calls, later, "", false), "{region}: {later}");
        }
        assert!(
            calls.iter().all(|call| call["action"] != "CreateTags"),
            "{region}: it was made with them"
        );
    }
    // In place it is the same.
    bench.project.write("main.bake.hcl", &of("shop", ""));
    bench.apply();
    bench.project.write("main.bake.hcl", &of("store", &share));
    let before = bench.lab.calls().len();
    bench.apply();
    for region in [REGION, AWAY] {
        let calls = in_region(before, region);
        let shared = place(&calls, "ModifyImageAttribute", FRIEND, false);
        let tagged = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call["action"] == "CreateTags");
        let of_user = tagged.filter(|(_, call)| call["parameters"].to_string().contains("store"));
        let tagged: Vec<usize> = of_user.map(|(place, _)| place).collect();
        assert!(
            !tagged.is_empty() && tagged.iter().all(|place| *place < shared),
            "{region}: {calls:#?}"
        );
        let described = place(&calls, "ModifyImageAttribute", "the store", true);
        assert!(
            described < place(&calls, "EnableImageDeprecation", "", false),
            "{region}: {calls:#?}"
        );
    }
}

/// Not every call is refused where a name is taken, so it is looked at before.
#[test]
fn a_name_that_is_taken_in_another_region_is_an_error_of_the_plan() {
    let bench = Bench::new(Lab::xen(), "");
    let foreign = bench.lab.ec2(AWAY, "describe_images(Owners=['self'])['Images'][0]");
    let source = foreign["ImageId"].as_str().expect("an id");
    let call = format!("copy_image(Name='web', SourceImageId='{source}', SourceRegion='{AWAY}')['ImageId']");
    let holder = bench.lab.ec2(AWAY, &call);
    let named = |regions: &str, lines: &str| {
        publishing(&format!("name = \"web\"\n  {lines}"), &format!("regions = [{regions}]"))
    };
    let away = format!("\"{AWAY}\"");
    refused(
        &bench,
        &named(&away, ""),
        &[
            "the name \"web\" is taken in us-east-1",
            "bake did not make",
            "main.bake.hcl:",
            "choose another name",
        ],
    );
    assert_eq!(bench.lab.count("CreateVolume"), 0);
    // Where the image is built it is free, and a region can be added later.
    bench.project.write("main.bake.hcl", &named("", ""));
    bench.apply();
    refused(&bench, &named(&away, ""), &["is taken in us-east-1"]);
    bench.lab.ec2(AWAY, &format!("deregister_image(ImageId={holder})"));
    bench.project.write("main.bake.hcl", &named(&away, ""));
    bench.apply();
    assert_eq!(things(&bench, "images", AWAY)[0]["name"], "web");
    // One's own release makes room.
    let replaced = named(&away, "lifecycle { on_name_conflict = \"replace\" }").replace("echo hello", "echo again");
    bench.project.write("main.bake.hcl", &replaced);
    bench.apply();
    let before = bench.lab.calls().len();
    assert!(bench.done(&["plan"]).contains("No changes"));
    let asked = bench.calls_since(before);
    assert!(
        asked.len() <= 4,
        "nothing is to be made, so nobody asks who has its name: {asked:?}"
    );
}

/// The account may encrypt everything, whatever the module says: with a key of AWS nothing of it can be shared.
#[test]
fn what_the_account_encrypts_by_default_is_said_before_it_is_shared() {
    let bench = Bench::new(Lab::xen(), "");
    let share = format!("share {{ accounts = [\"{FRIEND}\"] }}");
    let scratch = publishing("", &share);
    let copied = publishing("", &format!("regions = [\"{AWAY}\"]\n {share}"));
    let public = publishing("", "share { public = true }");
    let on_an_ami = on_ami(&bench.lab.image(super::DEBIAN))
        .replace("provision", &format!("publish {{\n {share}\n }}\n  provision"));
    let default = |region: &str, call: &str| bench.lab.ec2(region, call);
    default(REGION, "enable_ebs_encryption_by_default()");
    for module in [&scratch, &copied, &on_an_ami] {
        refused(
            &bench,
            module,
            &[
                "cannot be shared",
                "encrypts everything in eu-central-1",
                "kms_key",
                "main.bake.hcl:",
            ],
        );
    }
    refused(
        &bench,
        &scratch.replace("partition_table", "encrypted = false\n    partition_table"),
        &["encrypts everything"],
    );
    refused(
        &bench,
        &public,
        &["what is encrypted cannot be public", "encrypts everything"],
    );
    // Unshared nothing is wrong with it, and nobody asks.
    bench.project.write("main.bake.hcl", &from_scratch());
    let before = bench.lab.calls().len();
    bench.done(&["plan"]);
    assert!(!bench.calls_since(before).iter().any(|call| call.starts_with("GetEbs")));
    // In the region of a copy.
    default(REGION, "disable_ebs_encryption_by_default()");
    default(AWAY, "enable_ebs_encryption_by_default()");
    refused(
        &bench,
        &copied,
        &[
            "cannot be shared",
            "encrypts everything in us-east-1",
            "region \"us-east-1\"",
        ],
    );
    refused(
        &bench,
        &publishing("", &format!("regions = [\"{AWAY}\"]\n share {{ public = true }}")),
        &["cannot be public"],
    );
    assert_eq!(bench.lab.count("CreateVolume"), 0);
    // With keys of one's own as the default all of it works, and a plan without changes asks nothing.
    for region in [REGION, AWAY] {
        default(region, "enable_ebs_encryption_by_default()");
        default(region, "modify_ebs_default_kms_key_id(KmsKeyId='alias/lab')");
    }
    bench.project.write("main.bake.hcl", &copied);
    bench.apply();
    for region in [REGION, AWAY] {
        assert_eq!(one(&bench, "images", region)["shares"], json!([{ "UserId": FRIEND }]));
        assert_eq!(one(&bench, "snapshots", region)["key"], bench.lab.key(region, "lab"));
    }
    let before = bench.lab.calls().len();
    assert!(bench.done(&["plan"]).contains("No changes"));
    assert!(!bench.calls_since(before).iter().any(|call| call.starts_with("GetEbs")));
    // Who may not ask goes on.
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:GetEbs*", "Resource": "*" },
    ] });
    bench.lab.access_key(
        json!({ "key": "LABBLIND", "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] }),
    );
    bench
        .project
        .write("main.bake.hcl", &scratch.replace("echo hello", "echo again"));
    let output = bench.bake_as("LABBLIND", &["plan"]).output().expect("bake starts");
    assert!(output.status.success(), "{}", both(&output));
}
