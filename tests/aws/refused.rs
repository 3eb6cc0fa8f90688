//! What is wrong is said before anything is made, in words that say what to do.

use crate::bench::{Bench, both, from_scratch, on_ami};
use crate::lab::Lab;

/// Applies, which must fail with these words and leave nothing.
fn refused(bench: &Bench, module: &str, key: &str, words: &[&str]) {
    bench.project.write("main.bake.hcl", module);
    let before = bench.lab.calls().len();
    let output = bench
        .bake_as(key, &["apply", "-auto-approve"])
        .output()
        .expect("bake starts");
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
    let made = bench
        .calls_since(before)
        .into_iter()
        .filter(|call| call.starts_with("Create") || call.starts_with("Register"));
    assert_eq!(made.count(), 0, "{text}");
    bench.assert_standing(0, 0);
}

#[test]
fn sources_that_cannot_be_built_on() {
    let bench = Bench::new(Lab::xen(), "");
    let ami = |name: &str| on_ami(&bench.lab.image(name));
    refused(
        &bench,
        &on_ami("ami-00000000000000000"),
        "LABMAIN",
        &["there is no image ami-00000000000000000", "main.bake.hcl:"],
    );
    refused(&bench, &ami("foreign-private"), "LABMAIN", &["there is no image"]);
    refused(
        &bench,
        &ami("instance-store"),
        "LABMAIN",
        &["instance store", "EBS root"],
    );
    refused(&bench, &ami("marketplace-appliance"), "LABMAIN", &["Marketplace"]);
    refused(
        &bench,
        &ami("debian-12-arm64-20261115-2015"),
        "LABMAIN",
        &["another architecture", "aarch64"],
    );
}

#[test]
fn volumes_that_ec2_would_not_take() {
    let bench = Bench::new(Lab::xen(), "");
    let with = |line: &str| from_scratch().replace("size            = \"1GiB\"", line);
    refused(&bench, &with("size = \"1536MiB\""), "LABMAIN", &["whole GiB"]);
    refused(
        &bench,
        &with("size = \"10GiB\"\n type = \"io1\""),
        "LABMAIN",
        &["need iops"],
    );
    refused(
        &bench,
        &with("size = \"10GiB\"\n type = \"gp9\""),
        "LABMAIN",
        &["gp2, gp3, io1"],
    );
    refused(
        &bench,
        &with("size = \"1GiB\"\n iops = 100"),
        "LABMAIN",
        &["3000 to 80000"],
    );
    refused(
        &bench,
        &on_ami(&bench.lab.image("whole-disk"))
            .replace("provision", "volume \"root\" { size = \"512MiB\" }\n  provision"),
        "LABMAIN",
        &["whole GiB"],
    );
}

#[test]
fn every_way_in_which_credentials_fail_has_its_own_words() {
    let bench = Bench::new(Lab::xen(), "");
    let module = from_scratch();
    for (key, words) in [
        ("LABEXPIRED", "have expired"),
        ("NOSUCHKEY", "does not accept these credentials"),
        ("LABDENIED", "may not do that"),
        ("LABBLOCKED", "has blocked the account"),
        ("LABPENDING", "still verifying"),
        ("LABOPTIN", "not opted in"),
    ] {
        refused(&bench, &module, key, &[words]);
    }
    bench.project.write("main.bake.hcl", &module);
    let mut none = bench.bake(&["plan"]);
    none.env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let text = both(&none.output().expect("bake starts"));
    assert!(text.contains("no credentials were found"), "{text}");
    let mut profile = bench.bake(&["plan"]);
    profile
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_PROFILE", "nobody")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let text = both(&profile.output().expect("bake starts"));
    assert!(text.contains("the profile \"nobody\" is not there"), "{text}");
    let role = module.replace(
        "provider \"aws\" {}",
        "provider \"aws\" {\n  assume_role { role_arn = \"arn:aws:iam::111122223333:role/forbidden\" }\n}",
    );
    refused(&bench, &role, "LABMAIN", &["the role may not be assumed"]);
    let good = module.replace(
        "provider \"aws\" {}",
        "provider \"aws\" {\n  assume_role { role_arn = \"arn:aws:iam::111122223333:role/builder\" }\n}",
    );
    bench.project.write("main.bake.hcl", &good);
    bench.done(&["plan"]);
}

#[test]
fn what_is_not_there_yet_says_so() {
    let bench = Bench::new(Lab::xen(), "");
    let keys = from_scratch().replace("provider \"aws\" {}", "provider \"aws\" { access_key = \"AKIA\" }");
    refused(&bench, &keys, "LABMAIN", &["a module holds no credentials"]);
    let nameless = from_scratch().replace("bake { project = \"acme/images\" }", "");
    refused(&bench, &nameless, "LABMAIN", &["must name its project"]);
}

#[test]
fn a_root_in_a_volume_group_is_named() {
    let lab = Lab::xen();
    let ami = lab.image("lvm");
    let bench = Bench::new(lab, &on_ami(&ami));
    let text = both(&bench.run(&["apply", "-auto-approve"]));
    assert!(text.contains("LVM volume group \""), "{text}");
    bench.assert_standing(0, 0);
}

#[test]
fn a_key_that_may_not_be_used_is_named() {
    let bench = Bench::new(Lab::xen(), "");
    bench.lab.set(serde_json::json!({ "create": 1 }));
    let module = from_scratch().replace(
        "partition_table",
        "encrypted = true\n    kms_key = \"alias/forbidden\"\n    partition_table",
    );
    bench.project.write("main.bake.hcl", &module);
    let output = bench.run(&["apply", "-auto-approve"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("alias/forbidden"), "{text}");
    bench.assert_standing(0, 0);
}
