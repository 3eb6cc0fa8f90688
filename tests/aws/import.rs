//! AMIs that bake did not make become releases by the tags that are written on them: in one call, and only by whom nobody
//! else is before.

use serde_json::{Value, json};

use crate::bench::{Bench, HEAD, both, from_scratch};
use crate::lab::{Lab, OTHER_ACCOUNT};

/// From scratch, as the AMI does not say of itself, and announced in another way.
fn module() -> String {
    from_scratch().replace(
        "  provision",
        "  register {\n    boot_mode = \"legacy-bios\"\n    imds = \"v2.0\"\n  }\n  publish {\n    tags = { app = \"base\" }\n  }\n  \
         lifecycle {\n    keep_releases = 1\n  }\n  provision",
    )
}

fn import(bench: &Bench, ami: &str) -> String {
    bench.done(&["import", "-auto-approve", "image.base", ami])
}

/// Runs an import, which must be refused with these words, and write nothing.
fn refused(bench: &Bench, address: &str, ami: &str, words: &str) {
    let before = bench.lab.calls().len();
    let output = bench.run(&["import", "-auto-approve", address, ami]);
    let said = both(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(words), "{words:?} is not in:\n{said}");
    let calls = bench.calls_since(before);
    assert!(calls.iter().all(|call| call.starts_with("Describe")), "{calls:?}");
}

fn images(bench: &Bench) -> Vec<Value> {
    let output = bench.run(&["images", "-json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
    all["images"].as_array().expect("a list").clone()
}

#[test]
fn an_ami_becomes_a_release_and_a_build_takes_its_place() {
    let lab = Lab::xen();
    let ami = lab.image("uefi");
    let bench = Bench::new(lab, &module());
    let output = bench.run(&["import", "image.base", &ami]);
    let asked = both(&output);
    assert_eq!(output.status.code(), Some(1), "{asked}");
    for words in [
        &format!("image.base will be imported from {ami}"),
        "register.boot_mode = \"uefi\"",
        "Tags are written on the image",
        "nobody to ask",
    ] {
        assert!(asked.contains(words), "{words:?} is not in:\n{asked}");
    }
    assert_eq!(bench.lab.count("CreateTags"), 0);

    let said = bench.done(&["import", "-auto-approve", "-json", "image.base", &ami]);
    let planned = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let planned: Vec<_> = planned.filter(|line| line["type"] == "planned_change").collect();
    assert_eq!(planned[0]["change"]["action"], "import");
    assert_eq!(bench.lab.count("CreateTags"), 2, "its snapshots, then the image");
    assert_eq!(bench.lab.count("CreateVolume"), 0);
    let all = images(&bench);
    assert_eq!(
        (all.len(), &all[0]["id"], &all[0]["release"]),
        (1, &json!(ami), &json!(1))
    );
    assert_eq!(all[0]["manifest"]["imported"]["from"], json!(ami));

    let before = bench.lab.calls().len();
    assert!(import(&bench, &ami).contains("already"));
    assert!(!bench.calls_since(before).iter().any(|call| call == "CreateTags"));

    let plan = bench.done(&["plan"]);
    for words in [
        "image.base must be replaced: imported, its content is not known",
        "boot_mode = \"uefi\" -> \"legacy-bios\"",
        "1 to replace",
        "1 to retire",
    ] {
        assert!(plan.contains(words), "{words:?} is not in:\n{plan}");
    }
    assert!(!plan.contains("imds"), "what is equal is no change: {plan}");
    bench.apply();
    let all = images(&bench);
    assert_eq!((all.len(), &all[0]["release"]), (1, &json!(2)), "{all:?}");
    assert_eq!(bench.lab.count("DeregisterImage"), 1);
    assert_eq!(bench.lab.count("DeleteSnapshot"), 1, "its snapshot goes with it");
    assert!(bench.done(&["plan"]).contains("No changes"));
}

#[test]
fn its_tags_and_description_are_no_drift() {
    let lab = Lab::xen();
    let ami = lab.image("data-volume");
    let bench = Bench::new(lab, &from_scratch());
    import(&bench, &ami);
    let only = bench.done(&["plan", "-refresh-only"]);
    assert!(only.contains("No drift"), "{only}");
    let plan = bench.done(&["plan"]);
    assert!(
        plan.contains("- description = \"A source image of the lab: data-volume\" -> null"),
        "{plan}"
    );
    let volumes = images(&bench)[0]["manifest"]["volumes"].clone();
    assert_eq!(
        (&volumes[0]["name"], &volumes[1]["name"]),
        (&json!("root"), &json!("/dev/sdf"))
    );
    bench.done(&["destroy", "-auto-approve"]);
    assert_eq!(bench.lab.count("DeleteSnapshot"), 2, "all its snapshots go with it");
}

#[test]
fn what_cannot_be_taken_over_is_refused_before_a_tag_is_written() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    let ami = |name: &str| bench.lab.image(name);
    refused(
        &bench,
        "image.other",
        &ami("uefi"),
        "the module declares no image.other",
    );
    refused(&bench, "image.base", "ami-00000000000000000", "there is no such image");
    refused(&bench, "image.base", "no id", "there is no such image");
    refused(
        &bench,
        "image.base",
        &ami("foreign"),
        &format!("it belongs to account {OTHER_ACCOUNT}"),
    );
    refused(&bench, "image.base", &ami("instance-store"), "instance store");
    let denied = bench.bake_as("LABREAD", &["import", "-auto-approve", "image.base", &ami("uefi")]);
    let output = { denied }.output().expect("bake starts");
    let said = both(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ec2:CreateTags") || said.contains("not allowed"),
        "{said}"
    );
    assert!(images(&bench).is_empty());

    // What another project has, and another address.
    import(&bench, &ami("uefi"));
    bench
        .project
        .write("main.bake.hcl", &from_scratch().replace("acme/images", "acme/others"));
    refused(&bench, "image.base", &ami("uefi"), "of project acme/images, workspace ");
    bench.project.write(
        "main.bake.hcl",
        &(from_scratch() + &from_scratch().replace(HEAD, "").replace("\"base\"", "\"second\"")),
    );
    refused(&bench, "image.second", &ami("uefi"), "a moved block");
}

#[test]
fn an_answer_that_is_lost_and_a_bake_that_is_killed_leave_nothing_half() {
    let lab = Lab::xen();
    let (uefi, whole) = (lab.image("uefi"), lab.image("whole-disk"));
    let bench = Bench::new(lab, &from_scratch());
    bench
        .lab
        .fault(json!({ "action": "CreateTags", "kind": "cut_after", "times": 2 }));
    import(&bench, &uefi);
    assert_eq!(images(&bench).len(), 1);

    // Killed when the snapshots are marked and the image is not: it is nobody's still.
    bench
        .lab
        .fault(json!({ "action": "CreateTags", "kind": "hang", "nth": 2 }));
    let before = bench.lab.count("CreateTags");
    let mut killed = bench
        .bake(&["import", "-auto-approve", "image.base", &whole])
        .spawn()
        .expect("bake starts");
    while bench.lab.count("CreateTags") == before {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    killed.kill().expect("it runs");
    let _ = killed.wait();
    bench.lab.no_faults();
    assert_eq!(images(&bench).len(), 1);
    import(&bench, &whole);
    assert_eq!(images(&bench).len(), 2);
}

/// The rights to plan are not enough to import; those that are printed for it are, and not to destroy.
#[test]
fn the_least_rights_are_enough_to_import() {
    let lab = Lab::xen();
    let ami = lab.image("uefi");
    let bench = Bench::new(lab, &module());
    for (key, right) in [("LABPLAN", "-plan"), ("LABIMPORT", "-import")] {
        let printed = bench.run(&["policy", right]).stdout;
        let policy: Value = serde_json::from_slice(&printed).expect("a policy");
        bench
            .lab
            .access_key(json!({ "key": key, "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] }));
    }
    let run = |key: &str, arguments: &[&str]| bench.bake_as(key, arguments).output().expect("bake starts");
    let import = ["import", "-auto-approve", "image.base", &ami];
    let denied = both(&run("LABPLAN", &import));
    assert!(denied.contains("may not do that"), "{denied}");
    assert!(images(&bench).is_empty());
    let done = run("LABIMPORT", &import);
    assert!(done.status.success(), "{}", both(&done));
    assert_eq!(images(&bench).len(), 1);
    let denied = run("LABIMPORT", &["destroy", "-auto-approve"]);
    assert!(!denied.status.success(), "{}", both(&denied));
    assert_eq!(images(&bench).len(), 1);
}
