//! Disks that bake did not make become releases: copied whole or not at all, shown, asked for, and replaced by a build.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::bench::*;
use crate::support::{Project, Running, Traces};

/// An ext4 disk made by hand, with a file in it.
fn by_hand(project: &Project, name: &str, text: &str) {
    let make = format!(
        "printf '{text}' > note; mkfs.ext4 -q -F {name} 8M; debugfs -w -R 'write note note' {name} 2> /dev/null; rm note"
    );
    sh(&make, project.path());
}

fn module() -> String {
    image("tiny", &shell("greet", &["echo built > /etc/motd"]))
}

fn import(project: &Project, what: &str) -> String {
    project.done(&["import", "-auto-approve", "-no-color", "image.tiny", what])
}

fn json(project: &Project, arguments: &[&str]) -> Json {
    serde_json::from_str(&project.done(arguments)).expect("bake prints JSON")
}

#[test]
fn a_disk_becomes_a_release_and_a_build_takes_its_place() {
    let project = project(&module());
    by_hand(&project, "hand.raw", "by hand");
    let refused = refused(&project, &["import", "image.tiny", "hand.raw"]);
    assert!(
        refused.contains("image.tiny will be imported from hand.raw") && refused.contains("nobody to ask"),
        "it is shown before it is asked for: {refused}"
    );
    assert_eq!(project.shelf("images"), Vec::<String>::new());

    let said = import(&project, "hand.raw");
    assert!(said.contains("1 to import, 0 to build"), "{said}");
    assert_eq!(file_in(&project, "image.tiny", "/note"), "by hand");
    let copy = fs::read(disk(&project, "image.tiny", None)).expect("it was exported");
    assert!(
        copy == fs::read(project.path().join("hand.raw")).expect("it stands"),
        "each byte"
    );
    let listed = project.done(&["images"]);
    assert!(listed.contains("imported") && listed.contains("yes"), "{listed}");
    let shown = project.done(&["show", "image.tiny"]);
    assert!(
        shown.contains("from hand.raw; what is on its disk is not known"),
        "{shown}"
    );

    let text = plan(&project);
    assert!(
        text.contains("image.tiny must be replaced: imported, its content is not known"),
        "{text}"
    );
    let change = json(&project, &["plan", "-json"]);
    let change = &change["resource_changes"][0];
    assert_eq!(change["action_reason"], "rebuild_because_imported");
    assert_eq!(
        change["steps"][0]["change"], "added",
        "what ran before is not known: {change}"
    );
    apply(&project);
    assert_eq!(file_in(&project, "image.tiny", "/etc/motd"), "built\n");
    assert_eq!(project.shelf("images").len(), 2, "keep_releases counts it");
    assert!(plan(&project).contains("No changes"));
    rewrite(&project, &module().replace("echo built", "echo again"));
    apply(&project);
    let left = json(&project, &["images", "-json"]);
    let imported = left["images"].as_array().expect("a list").iter();
    let imported = imported.filter(|image| image["manifest"]["imported"].is_object());
    assert_eq!(imported.count(), 0, "it is retired like any other: {left}");
    Traces::wait_until_none(project.path());
}

#[test]
fn to_import_twice_changes_nothing_and_a_second_disk_is_the_next_release() {
    let project = project(&module());
    by_hand(&project, "one.raw", "one");
    by_hand(&project, "two.raw", "two");
    sh("qemu-img convert -O qcow2 two.raw two.qcow2", project.path());
    import(&project, "one.raw");
    let images = project.shelf("images");
    let again = import(&project, "one.raw");
    assert!(again.contains("is release 1 of image.tiny already"), "{again}");
    assert_eq!(project.shelf("images"), images);
    let quiet = project.done(&["import", "-input=false", "-json", "image.tiny", "one.raw"]);
    assert!(
        quiet.contains("nothing to do"),
        "without a change nobody is asked: {quiet}"
    );

    import(&project, "two.qcow2");
    assert_eq!(
        file_in(&project, "image.tiny", "/note"),
        "two",
        "a qcow2 file is unpacked"
    );
    let all = json(&project, &["images", "-json"]);
    let releases: Vec<_> = all["images"].as_array().expect("a list").iter().collect();
    assert_eq!(releases.len(), 2);
    assert_eq!(
        (&releases[0]["release"], &releases[0]["current"]),
        (&2.into(), &true.into())
    );

    apply(&project);
    by_hand(&project, "three.raw", "three");
    let said = refused(&project, &["import", "-auto-approve", "image.tiny", "three.raw"]);
    assert!(said.contains("bake has built its release 3"), "{said}");
}

#[test]
fn what_cannot_be_taken_over_is_refused_before_anything_is_made() {
    let project = project(&module());
    by_hand(&project, "hand.raw", "x");
    let make = "qemu-img create -q -f qcow2 -b hand.raw -F raw child.qcow2; qemu-img convert -O vmdk hand.raw hand.vmdk
                echo text > text.raw; mkfifo fifo; : > empty.raw";
    sh(make, project.path());
    for (address, what, words) in [
        ("image.other", "hand.raw", "the module declares no image.other"),
        ("image.tiny", "nowhere.raw", "there is no such image"),
        ("image.tiny", "ami-0a1b2c3d", "takes disk images"),
        ("image.tiny", "child.qcow2", "its backing file"),
        ("image.tiny", "hand.vmdk", "qemu-img convert -f vmdk"),
        ("image.tiny", "text.raw", "no whole number of sectors"),
        ("image.tiny", "empty.raw", "no whole number of sectors"),
        ("image.tiny", "fifo", "it is no file"),
        ("image.tiny", ".", "it is no file"),
    ] {
        let said = refused(&project, &["import", "-auto-approve", address, what]);
        assert!(said.contains(words), "{what}: {said}");
    }
    let usage = project.run(&["import", "image.tiny"]);
    assert_ne!(usage.status.code(), Some(0));
    for shelf in ["images", "snapshots", "volumes"] {
        assert_eq!(project.shelf(shelf), Vec::<String>::new(), "{shelf}");
    }
    let block = module() + "import {\n  to = image.tiny\n  id = \"hand.raw\"\n}\n";
    rewrite(&project, &block);
    let said = refused(&project, &["validate"]);
    assert!(said.contains("bake import ADDRESS ID"), "{said}");
}

#[test]
fn what_somebody_has_is_left_alone() {
    let project = project("");
    let of = |name: &str| {
        let store = "provider \"local\" {\n  store = \"./.bake/store\"\n}\n";
        format!("bake {{\n  project = \"{name}\"\n}}\n{store}{}", module())
    };
    rewrite(&project, &of("theirs"));
    by_hand(&project, "hand.raw", "x");
    import(&project, "hand.raw");
    let all = json(&project, &["images", "-json"]);
    let id = all["images"][0]["id"].as_str().expect("an id").to_owned();
    let again = import(&project, &id);
    assert!(again.contains("already"), "{again}");

    let before = project.shelf("images");
    rewrite(&project, &of("ours"));
    let said = refused(&project, &["import", "-auto-approve", "image.tiny", &id]);
    assert!(
        said.contains("it is image.tiny of project theirs, workspace default"),
        "{said}"
    );
    rewrite(&project, &(of("theirs") + &image("second", "")));
    let said = refused(&project, &["import", "-auto-approve", "image.second", &id]);
    assert!(said.contains("a moved block"), "{said}");
    assert_eq!(project.shelf("images"), before);
}

#[test]
fn an_import_that_is_killed_leaves_nothing_half() {
    let project = project(&module());
    by_hand(&project, "hand.raw", "x");
    for stage in ["volume", "snapshot"] {
        let command = project.bake(&["import", "-auto-approve", "-json", "image.tiny", "hand.raw"]);
        let mut running = Running::start(command);
        let begins = |event: &Json| {
            let at = event["address"].as_str().unwrap_or_default();
            event["type"] == "node_started" && at.contains(stage)
        };
        while running.event().is_some_and(|event| !begins(&event)) {}
        running.kill();
        assert!(project.shelf("images").len() < 2, "{stage}");
    }
    import(&project, "hand.raw");
    assert_eq!(project.shelf("images").len(), 1);
    let disks: Vec<String> = project.shelf("snapshots");
    assert_eq!(
        disks.iter().filter(|name| name.ends_with(".raw")).count(),
        1,
        "{disks:?}"
    );
    assert_eq!(project.shelf("volumes"), Vec::<String>::new());
    assert_eq!(project.journals(), 0);
}

/// Importing only copies a file: it does without the rights that building takes.
#[test]
fn an_import_needs_no_root() {
    let project = project(&module());
    by_hand(&project, "hand.raw", "x");
    let path = project.path().display().to_string();
    let program = env!("CARGO_BIN_EXE_bake");
    let copied = project.path().join("bake");
    fs::copy(program, &copied).expect("the program can be copied");
    let given = Command::new("chown").args(["-R", "nobody", &path]).status();
    assert!(given.expect("chown starts").success());
    let command = format!("cd {path} && ./bake import -auto-approve image.tiny hand.raw");
    let output = Command::new("setpriv")
        .args([
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
            "sh",
            "-c",
            &command,
        ])
        .output()
        .expect("setpriv starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(project.shelf("images").len(), 1);
}
