//! Publication: copies, keys, shares, protection, tags and parameters, made, changed in place, resumed, and removed again.

use serde_json::{Value, json};

use crate::bench::{Bench, both, from_scratch};
use crate::lab::{Lab, REGION};

const FRIEND: &str = "444455556666";
const ORGANIZATION: &str = "arn:aws:organizations::111122223333:organization/o-abcde12345";

/// The module with this in its `publish` block.
fn publishing(text: &str) -> String {
    from_scratch().replace("provision", &format!("publish {{\n{text}\n  }}\n  provision"))
        + "output \"ids\" { value = image.base.ids }\n"
}

impl Bench {
    fn write(&self, publish: &str) {
        self.project.write("main.bake.hcl", &publishing(publish));
    }

    /// Images of a region that stand.
    fn images_in(&self, region: &str) -> Vec<Value> {
        self.things_in("images", region)
    }

    fn things_in(&self, kind: &str, region: &str) -> Vec<Value> {
        let all = self.lab.inventory();
        let all = all[kind].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["region"] == region).collect()
    }

    /// The only image of a region.
    fn image_in(&self, region: &str) -> Value {
        let all = self.images_in(region);
        assert_eq!(all.len(), 1, "one image in {region}: {all:#?}");
        all[0].clone()
    }

    fn parameter(&self, region: &str) -> Value {
        let all = self.things_in("parameters", region);
        assert_eq!(all.len(), 1, "one parameter in {region}: {all:#?}");
        all[0].clone()
    }

    /// Nothing differs, and so many calls of EC2 told.
    fn assert_settled(&self, calls: usize) {
        let before = self.lab.calls().len();
        let plan = self.done(&["plan", "-detailed-exitcode"]);
        assert!(plan.contains("No changes"), "{plan}");
        let made = self.calls_since(before);
        assert!(made.len() <= calls, "{made:?}");
    }

    /// How often a service was asked for an action after so many calls.
    fn asked_since(&self, count: usize, action: &str) -> usize {
        let calls = self.lab.calls_since(count).into_iter();
        calls.filter(|call| call["action"] == action).count()
    }
}

#[test]
fn copies_are_made_changed_and_removed_with_their_image() {
    let lab = Lab::xen();
    let key = lab.key("eu-west-1", "lab");
    let bench = Bench::new(lab, "");
    let regions = "regions = [\"us-east-1\"]\n region \"eu-west-1\" { kms_key = \"alias/lab\" }\n";
    bench.write(&format!(
        "{regions} tags = {{ app = \"web\" }}\n deprecate_after = \"90d\""
    ));
    let told = bench.apply();
    let (home, plain, encrypted) = (
        bench.image_in(REGION),
        bench.image_in("us-east-1"),
        bench.image_in("eu-west-1"),
    );
    for image in [&home, &plain, &encrypted] {
        assert_eq!(image["tags"]["app"], "web", "{image:#}");
        assert_eq!(image["name"], home["name"]);
        assert_eq!(image["deprecation"], home["deprecation"], "{image:#}");
        assert!(
            told.contains(image["id"].as_str().unwrap()),
            "an output has all ids:\n{told}"
        );
    }
    assert!(home["deprecation"].is_string());
    assert_eq!(bench.things_in("snapshots", "eu-west-1")[0]["key"], key);
    assert_eq!(bench.things_in("snapshots", "us-east-1")[0]["key"], "");
    // Two listings a region; the alias is looked up.
    bench.assert_settled(2 + 2 + 2);
    // Tags follow in place.
    bench.write(&format!(
        "{regions} tags = {{ app = \"shop\" }}\n deprecate_after = \"90d\""
    ));
    let before = bench.lab.calls().len();
    bench.apply();
    assert_eq!(bench.asked_since(before, "CopyImage"), 0);
    assert_eq!(bench.image_in("us-east-1")["tags"]["app"], "shop");
    assert_eq!(bench.image_in("us-east-1")["id"], plain["id"]);
    bench.assert_settled(6);
    // A region goes, and its copy with it.
    bench.write("regions = [\"us-east-1\"]\n tags = { app = \"shop\" }\n deprecate_after = \"90d\"");
    let plan = bench.done(&["plan"]);
    assert!(plan.contains("eu-west-1"), "{plan}");
    bench.apply();
    assert_eq!(bench.images_in("eu-west-1").len(), 0);
    assert_eq!(bench.things_in("snapshots", "eu-west-1").len(), 0);
    bench.assert_settled(6);
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}

#[test]
fn another_key_is_another_copy() {
    let bench = Bench::new(Lab::xen(), "");
    bench.write("region \"us-east-1\" { kms_key = \"alias/lab\" }\n parameter \"/images/base\" {}");
    bench.apply();
    let first = bench.image_in("us-east-1");
    bench.write("region \"us-east-1\" { kms_key = \"alias/lab-second\" }\n parameter \"/images/base\" {}");
    let before = bench.lab.calls().len();
    bench.apply();
    assert_eq!(
        bench.asked_since(before, "RegisterImage"),
        0,
        "nothing is built or registered"
    );
    let second = bench.image_in("us-east-1");
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        bench.things_in("snapshots", "us-east-1")[0]["key"],
        bench.lab.key("us-east-1", "lab-second")
    );
    assert_eq!(bench.parameter("us-east-1")["value"], second["id"]);
    bench.assert_settled(4);
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
    assert_eq!(bench.standing("parameters"), 0);
}

#[test]
fn a_copy_that_was_cut_off_is_waited_for_and_not_made_twice() {
    let bench = Bench::new(Lab::xen(), "");
    bench.write("regions = [\"us-east-1\", \"eu-west-1\"]");
    bench.lab.set(json!({ "copy": 8 }));
    let mut child = bench
        .bake(&["apply", "-auto-approve"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("bake starts");
    while bench.lab.count("CopyImage") < 2 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it copies");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    bench.apply();
    assert_eq!(bench.lab.count("CopyImage"), 2, "each copy was asked for once");
    assert_eq!(bench.lab.count("RegisterImage"), 1);
    bench.assert_standing(3, 3);
    bench.assert_settled(6);
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}

#[test]
fn a_copy_that_fails_leaves_nothing_and_is_tried_again() {
    let bench = Bench::new(Lab::xen(), "");
    bench.write("regions = [\"us-east-1\", \"eu-west-1\"]\n parameter \"/images/base\" {}");
    bench
        .lab
        .fault(json!({ "action": "CopyImage", "region": "us-east-1", "kind": "ends_in_error" }));
    let output = bench.run(&["apply", "-auto-approve"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot copy to us-east-1"), "{text}");
    assert_eq!(bench.images_in("us-east-1").len(), 0);
    assert_eq!(bench.things_in("snapshots", "us-east-1").len(), 0);
    assert_eq!(bench.images_in("eu-west-1").len(), 1, "the other one goes on");
    assert_eq!(
        bench.standing("parameters"),
        0,
        "a parameter is written when all copies stand"
    );
    bench.apply();
    assert_eq!(bench.lab.count("RegisterImage"), 1);
    bench.assert_standing(3, 3);
    assert_eq!(bench.standing("parameters"), 3);
    // A reply that is lost makes no second copy either.
    bench.done(&["destroy", "-auto-approve"]);
    bench
        .lab
        .fault(json!({ "action": "CopyImage", "kind": "cut_after", "times": 2 }));
    bench.apply();
    bench.assert_standing(3, 3);
}

#[test]
fn shares_are_added_and_taken_away() {
    let bench = Bench::new(Lab::xen(), "");
    bench.write(&format!(
        "regions = [\"us-east-1\"]\n share {{\n accounts = [\"{FRIEND}\"]\n organizations = [\"{ORGANIZATION}\"]\n \
         snapshot_accounts = [\"{FRIEND}\"]\n }}"
    ));
    bench.apply();
    for region in [REGION, "us-east-1"] {
        let shares = bench.image_in(region)["shares"].clone();
        assert_eq!(
            shares,
            json!([{ "UserId": FRIEND }, { "OrganizationArn": ORGANIZATION }]),
            "{region}"
        );
        assert_eq!(
            bench.things_in("snapshots", region)[0]["shares"],
            json!([{ "UserId": FRIEND }])
        );
    }
    // Two listings a region, and one question for each image and snapshot.
    bench.assert_settled(4 + 4);
    // Somebody adds one by hand: it is seen, and taken away.
    bench.write("regions = [\"us-east-1\"]\n share { accounts = [\"777788889999\"] }");
    let plan = bench.done(&["plan"]);
    assert!(plan.contains("777788889999") && plan.contains(FRIEND), "{plan}");
    bench.apply();
    for region in [REGION, "us-east-1"] {
        assert_eq!(bench.image_in(region)["shares"], json!([{ "UserId": "777788889999" }]));
        assert_eq!(bench.things_in("snapshots", region)[0]["shares"], json!([]), "{region}");
    }
    bench.assert_settled(4 + 2);
    bench.write("regions = [\"us-east-1\"]");
    bench.apply();
    assert_eq!(bench.image_in("us-east-1")["shares"], json!([]));
    bench.assert_settled(4);
}

#[test]
fn what_cannot_be_shared_is_said_at_plan() {
    let lab = Lab::xen();
    let managed = lab.image("encrypted-aws-key");
    let bench = Bench::new(lab, "");
    let share = format!("share {{ accounts = [\"{FRIEND}\"] }}");
    let encrypted = |text: &str| {
        publishing(text).replace(
            "partition_table",
            "encrypted = true\n    kms_key = \"alias/lab\"\n    partition_table",
        )
    };
    for (module, words) in [
        (
            publishing(&share).replace("partition_table", "encrypted = true\n    partition_table"),
            "write the kms_key of a key of yours in the volume block",
        ),
        (
            encrypted(&format!("regions = [\"us-east-1\"]\n {share}")),
            "without a kms_key the copy in us-east-1 is encrypted with a key of AWS",
        ),
        (
            encrypted("share { public = true }"),
            "what is encrypted cannot be public",
        ),
        (
            publishing("share { accounts = [\"12\"] }"),
            "an account id has 12 digits",
        ),
        (
            publishing("region \"us-east-1\" { kms_key = \"alias/nobody\" }"),
            "there is no such key in us-east-1",
        ),
        (
            publishing("parameter \"images/latest\" {}"),
            "a name with levels begins with /",
        ),
        (
            crate::bench::on_ami(&managed).replace("provision", &format!("publish {{\n {share}\n }}\n  provision")),
            "cannot be shared",
        ),
    ] {
        bench.project.write("main.bake.hcl", &module);
        let before = bench.lab.calls().len();
        let output = bench.run(&["apply", "-auto-approve"]);
        let text = both(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
        assert_eq!(bench.asked_since(before, "CreateVolume"), 0);
    }
    bench.assert_standing(0, 0);
}

#[test]
fn protection_is_set_in_place_and_does_not_keep_an_image_from_being_replaced() {
    let bench = Bench::new(Lab::xen(), "");
    bench.write("regions = [\"us-east-1\"]");
    bench.apply();
    let before = bench.lab.calls().len();
    bench.write("regions = [\"us-east-1\"]\n protect = true\n snapshot_tags = { team = \"platform\" }");
    bench.apply();
    assert_eq!(bench.asked_since(before, "CreateVolume"), 0);
    for region in [REGION, "us-east-1"] {
        let image = bench.image_in(region);
        assert!(image["protected"].as_str().unwrap().starts_with("enabled"), "{image:#}");
        assert_eq!(bench.things_in("snapshots", region)[0]["tags"]["team"], "platform");
    }
    bench.assert_settled(4);
    let module = publishing("regions = [\"us-east-1\"]\n protect = true").replace("echo hello", "echo again");
    let module = module.replace("provision", "lifecycle { keep_releases = 1 }\n  provision");
    bench.project.write("main.bake.hcl", &module);
    bench.apply();
    bench.assert_standing(2, 2);
    bench
        .project
        .write("main.bake.hcl", &module.replace("protect = true", "protect = false"));
    bench.apply();
    assert_eq!(bench.image_in("us-east-1")["protected"], "disabled");
    bench.project.write("main.bake.hcl", &module);
    bench.apply();
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}

#[test]
fn a_parameter_is_switched_last_and_removed_first() {
    let bench = Bench::new(Lab::xen(), "");
    let publish = "regions = [\"us-east-1\"]\n parameter \"/images/base/latest\" { type = \"aws:ec2:image\" }";
    bench.lab.set(json!({ "parameter": 1 }));
    bench.write(publish);
    bench.apply();
    for region in [REGION, "us-east-1"] {
        let parameter = bench.parameter(region);
        assert_eq!(parameter["value"], bench.image_in(region)["id"]);
        assert_eq!(parameter["type"], "aws:ec2:image");
        assert_eq!(parameter["tags"]["bake:address"], "image.base", "{parameter:#}");
    }
    let before = bench.lab.calls().len();
    bench.assert_settled(4);
    assert_eq!(bench.asked_since(before, "GetParameters"), 2, "one a region");
    // A new release: the parameter moves after the copy stands, and before the old release goes.
    let module = publishing(publish).replace("echo hello", "echo again");
    let module = module.replace("provision", "lifecycle { keep_releases = 1 }\n  provision");
    bench.project.write("main.bake.hcl", &module);
    let before = bench.lab.calls().len();
    bench.apply();
    let calls = bench.lab.calls_since(before);
    let place = |action: &str, last: bool| {
        let is = |call: &Value| call["action"] == action;
        let found = match last {
            true => calls.iter().rposition(is),
            false => calls.iter().position(is),
        };
        found.unwrap_or_else(|| panic!("{action} was called"))
    };
    assert!(place("CopyImage", true) < place("PutParameter", false));
    assert!(place("PutParameter", true) < place("DeregisterImage", false));
    for region in [REGION, "us-east-1"] {
        assert_eq!(bench.parameter(region)["value"], bench.image_in(region)["id"]);
    }
    // The region goes, and its parameter; the rest stays.
    bench
        .project
        .write("main.bake.hcl", &module.replace("regions = [\"us-east-1\"]\n", ""));
    bench.apply();
    assert_eq!(bench.things_in("parameters", "us-east-1").len(), 0);
    assert_eq!(bench.parameter(REGION)["value"], bench.image_in(REGION)["id"]);
    bench.done(&["destroy", "-auto-approve"]);
    assert_eq!(bench.standing("parameters"), 0);
    bench.assert_standing(0, 0);
}

#[test]
fn somebody_elses_parameter_is_left_alone_unless_it_may_be_taken() {
    let bench = Bench::new(Lab::xen(), "");
    let base = publishing("parameter \"/images/latest\" {}");
    let module = base
        .replace("image \"base\"", "image \"other\"")
        .replace("image.base", "image.other");
    bench.project.write("main.bake.hcl", &module);
    bench.apply();
    let others = bench.parameter(REGION)["value"].clone();
    // The same name in another project.
    let ours = base.replace("acme/images", "acme/more");
    bench.project.write("main.bake.hcl", &ours);
    let output = bench.run(&["plan"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("parameter /images/latest in eu-central-1 is not of image.base"),
        "{text}"
    );
    assert!(text.contains("overwrite = true"), "{text}");
    assert_eq!(bench.parameter(REGION)["value"], others);
    let taken = ours.replace("\"/images/latest\" {}", "\"/images/latest\" { overwrite = true }");
    bench.project.write("main.bake.hcl", &taken);
    bench.apply();
    assert_ne!(bench.parameter(REGION)["value"], others);
    assert_eq!(bench.parameter(REGION)["tags"]["bake:project"], "acme/more");
    bench.assert_settled(2);
    // A lost answer is looked after, and a name that is dropped goes.
    bench
        .project
        .write("main.bake.hcl", &taken.replace("/images/latest", "/images/newest"));
    bench
        .lab
        .fault(json!({ "action": "ssm:PutParameter", "kind": "cut_after" }));
    bench.apply();
    assert_eq!(bench.parameter(REGION)["name"], "/images/newest");
}

/// The policy holds for publication, too: nothing more is allowed to the key, and all of it works.
#[test]
fn the_least_rights_are_enough_to_publish() {
    let bench = Bench::new(Lab::xen(), "");
    let publish = format!(
        "region \"us-east-1\" {{ kms_key = \"alias/lab\" }}\n tags = {{ app = \"web\" }}\n snapshot_tags = {{ app = \"web\" }}\n protect = true\n \
         share {{\n accounts = [\"{FRIEND}\"]\n snapshot_accounts = [\"{FRIEND}\"]\n }}\n parameter \"/images/base\" {{}}"
    );
    bench.write(&publish);
    for (key, arguments) in [("LABPLAN", &["policy", "-plan"][..]), ("LABAPPLY", &["policy"][..])] {
        let output = bench.run(arguments);
        let policy: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
        let key = json!({ "key": key, "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] });
        bench.lab.access_key(key);
    }
    let run = |key: &str, arguments: &[&str]| {
        let output = bench.bake_as(key, arguments).output().expect("bake starts");
        assert!(output.status.success(), "{key} {arguments:?}: {}", both(&output));
    };
    run("LABPLAN", &["plan"]);
    run("LABAPPLY", &["apply", "-auto-approve"]);
    run("LABPLAN", &["plan"]);
    bench.write(&publish.replace("web", "shop").replace("protect = true", ""));
    run("LABAPPLY", &["apply", "-auto-approve"]);
    run("LABAPPLY", &["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
    // Also what may be asked in vain was not.
    let calls = bench.lab.calls();
    let denied = calls.iter().filter(|call| {
        let outcome = call["outcome"].as_str().unwrap_or_default();
        outcome == "UnauthorizedOperation" || outcome.starts_with("AccessDenied")
    });
    assert_eq!(denied.count(), 0, "{calls:#?}");
    assert!(
        calls.iter().any(|call| call["action"] == "GetEbsDefaultKmsKeyId"),
        "it was asked"
    );
}
