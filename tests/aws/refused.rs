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

/// bake without keys in the environment, with this in it, and with this file of profiles.
fn without_keys(bench: &Bench, profiles: &str, environment: &[(&str, &str)]) -> String {
    bench.project.write("profiles", profiles);
    let mut command = bench.bake(&["plan"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("HOME", bench.project.path())
        .env("AWS_CONFIG_FILE", bench.project.path().join("profiles"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied());
    let output = command.output().expect("bake starts");
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

#[test]
fn every_source_of_credentials_fails_in_its_own_words() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    let profile = |lines: &str| format!("[profile x]\n{lines}\n");
    let sso = "sso_account_id = 111122223333\nsso_role_name = x\nsso_region = eu-central-1\nsso_start_url = https://sso.example/start";
    let role = "role_arn = arn:aws:iam::111122223333:role/builder";
    let x = &[("AWS_PROFILE", "x")][..];
    for (profiles, environment, words) in [
        (
            profile("credential_process = sh -c 'echo broken >&2; exit 3'"),
            x,
            "the program that credential_process names failed",
        ),
        (
            profile("credential_process = echo hello"),
            x,
            "the program that credential_process names failed",
        ),
        (profile("region = eu-central-1"), x, "says nothing of credentials"),
        (profile(sso), x, "the SSO session is over or was never begun"),
        (
            profile("sso_session = none\nsso_account_id = 1\nsso_role_name = x"),
            x,
            "names an sso-session that no file has",
        ),
        (profile(role), x, "not with whose credentials it is assumed"),
    ] {
        let text = without_keys(&bench, &profiles, environment);
        assert!(text.replace('\n', " ").contains(words), "{words:?} is not in:\n{text}");
    }
    bench.assert_standing(0, 0);
}

#[test]
fn the_instance_says_why_it_has_no_credentials() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.set(serde_json::json!({ "imds": "off" }));
    let text = without_keys(&bench, "", &[("AWS_EC2_METADATA_DISABLED", "false")]);
    assert!(
        text.contains("no credentials were found") || text.contains("the instance metadata gives"),
        "{text}"
    );
}

/// Credentials that end in the middle: what was made is found by the next run.
#[test]
fn credentials_that_expire_in_the_middle_leave_nothing_to_the_next_run() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    let key = |state: &str| {
        bench
            .lab
            .access_key(serde_json::json!({ "key": "LABSHORT", "account": crate::lab::ACCOUNT, "state": state }))
    };
    key("valid");
    bench.lab.fault(
        serde_json::json!({ "action": "CreateSnapshot", "kind": "error", "code": "RequestExpired", "times": null }),
    );
    let output = bench
        .bake_as("LABSHORT", &["apply", "-auto-approve"])
        .output()
        .expect("bake starts");
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert!(both(&output).contains("have expired"), "{}", both(&output));
    bench.lab.no_faults();
    let output = bench
        .bake_as("LABSHORT", &["apply", "-auto-approve"])
        .output()
        .expect("bake starts");
    assert!(output.status.success(), "{}", both(&output));
    bench.assert_standing(1, 1);
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
