//! Disks that are full in the middle of a step.

use std::process::Command;

use crate::bench::*;
use crate::support::Traces;

#[test]
fn a_full_image_says_so_and_leaves_nothing() {
    let project = project(&image("big", &shell("fill", &["yes > /big"])));
    let said = refused(&project, &["apply", "-auto-approve"]);
    assert!(said.contains("the image's own file system on / is full"), "{said}");
    assert!(said.contains("Nothing is left."), "{said}");
    for shelf in ["images", "snapshots", "volumes"] {
        assert_eq!(project.shelf(shelf), Vec::<String>::new(), "{shelf}");
    }
    assert_eq!(project.journals(), 0);
    Traces::wait_until_none(project.path());
}

/// The step, and umount, report success: the pages are lost when the loop device writes them back.
#[test]
fn a_full_store_says_so_and_stays_as_it_was() {
    // Sealing would need room for a second copy of the disk, and the store has none to spare.
    let loose =
        |name: &str, blocks: &str| image(name, blocks).replacen("scratch {}", "scratch {}\n  reproducible = false", 1);
    let small = loose("small", "");
    let lines = ["dd if=/dev/zero of=/big bs=1M count=40", "echo the step is content"];
    let big = loose("big", &shell("fill", &lines)).replace("64MiB", "128MiB");
    let project = project(&small);
    project.write("second", &(small + &big));
    let script = "mkdir -p .bake/store; mount -t tmpfs -o size=28m none .bake/store
        $BAKE apply -auto-approve >/dev/null 2>&1
        (cd .bake/store; find images snapshots volumes -type f -exec sha256sum {} +) | sort > before
        cp second main.bake.hcl
        if $BAKE apply -auto-approve > said 2>&1; then cat said; exit 9; fi
        (cd .bake/store; find images snapshots volumes -type f -exec sha256sum {} +) | sort > after
        diff before after
        $BAKE images; $BAKE plan -target image.small";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script])
        .env("BAKE", env!("CARGO_BIN_EXE_bake"))
        .current_dir(project.path())
        .output()
        .expect("unshare starts");
    let said = std::fs::read_to_string(project.path().join("said")).unwrap_or_default();
    let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{shown}\n{said}");
    assert!(said.contains("the step is content"), "{said}");
    assert!(
        said.contains("the file system of the store, under ") && said.contains("is full"),
        "{said}"
    );
    assert!(said.contains("Nothing is left."), "{said}");
    assert!(
        shown.contains("image.small") && !shown.contains("image.big") && shown.contains("No changes"),
        "{shown}"
    );
    Traces::wait_until_none(project.path());
}

/// The second copy of the file system is what the store has no room for.
#[test]
fn a_store_that_is_full_while_sealing_says_so_and_keeps_nothing() {
    let lines = ["dd if=/dev/urandom of=/big bs=1M count=20", "echo the step is content"];
    let project = project(&image("big", &shell("fill", &lines)));
    let script = "mkdir -p .bake/store; mount -t tmpfs -o size=34m none .bake/store
        if $BAKE apply -auto-approve > said 2>&1; then cat said; exit 9; fi
        find .bake/store/images .bake/store/snapshots .bake/store/volumes -type f";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script])
        .env("BAKE", env!("CARGO_BIN_EXE_bake"))
        .current_dir(project.path())
        .output()
        .expect("unshare starts");
    let said = std::fs::read_to_string(project.path().join("said")).unwrap_or_default();
    let left = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{left}\n{said}");
    assert_eq!(left, "", "{said}");
    assert!(said.contains("the step is content"), "{said}");
    assert!(
        said.contains("the file system of the store, under ") && said.contains("is full"),
        "{said}"
    );
    assert!(said.contains("Nothing is left."), "{said}");
    Traces::wait_until_none(project.path());
}
