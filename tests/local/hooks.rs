//! Each point of a hook, and each value of `build`.

use std::collections::BTreeSet;

use crate::bench::*;
use crate::support::Traces;

const POINTS: [&str; 6] = [
    "before_mount",
    "after_mount",
    "before_unmount",
    "before_snapshot",
    "after_publish",
    "always",
];
/// What is known before the root is mounted, and afterwards.
const EARLY: &[&str] = &["device", "volumes.root", "image", "run_id", "partitions.root"];
const MOUNTED: &[&str] = &["root_device", "mount_path"];
const LATE: &[&str] = &["image", "run_id"];

fn values(point: &str) -> Vec<&'static str> {
    match point {
        "after_mount" | "before_unmount" => [EARLY, MOUNTED].concat(),
        "before_mount" | "before_snapshot" => EARLY.to_vec(),
        _ => LATE.to_vec(),
    }
}

/// A hook that writes down its values and whether the root is mounted.
fn hook(point: &str) -> String {
    let line = |value: &&str| {
        let name = value.split('.').next().expect("a first part");
        format!("echo '{point} {name} ${{build.{value}}}' >> hooks.txt")
    };
    let mut lines: Vec<String> = values(point).iter().map(line).collect();
    match point {
        "after_mount" => lines.push("echo here > ${build.mount_path}/note".into()),
        "before_unmount" => lines.push("grep here ${build.mount_path}/note".into()),
        _ => {}
    }
    if values(point).contains(&"device") {
        lines.push("test -b ${build.device}".into());
        lines.push("test -b ${build.partitions.root}".into());
    }
    format!("  hook \"{point}\" {{\n    inline = {lines:?}\n  }}\n")
}

fn module(step: &str) -> String {
    let hooks: String = POINTS.iter().map(|point| hook(point)).collect();
    let failure = "  hook \"on_failure\" {\n    inline = [\"test -d ${build.mount_path}/etc\", \"echo 'on_failure device \
                   ${build.device}' >> hooks.txt\"]\n  }\n";
    image("hooked", &(hooks + failure + &shell("step", &[step])))
        .replace("    partition_table = \"none\"\n", "    partition_table = \"gpt\"\n    partition \"root\" {\n      type = \"linux-root\"\n      size = \"100%\"\n")
        .replace("mount           = \"/\"\n", "mount           = \"/\"\n    }\n")
}

#[test]
fn every_hook_runs_at_its_point_with_its_values() {
    let project = project(&module("true"));
    apply(&project);
    let written = String::from_utf8(bytes(&project.path().join("hooks.txt"))).expect("text");
    let mut lines = written.lines();
    for point in POINTS {
        for value in values(point) {
            let name = value.split('.').next().expect("a first part");
            let line = lines.next().unwrap_or_default();
            let begin = format!("{point} {name} ");
            assert!(
                line.starts_with(&begin) && line.len() > begin.len(),
                "{begin}: {line}\n{written}"
            );
        }
    }
    assert_eq!(lines.next(), None, "no on_failure");
    let of = |name: &str| -> BTreeSet<&str> {
        let ours = written.lines().filter(|line| line.split(' ').nth(1) == Some(name));
        ours.filter_map(|line| line.split(' ').nth(2)).collect()
    };
    assert_eq!(of("device").len(), 1, "one disk throughout: {written}");
    assert_eq!(of("device"), of("volumes"));
    assert_eq!(of("run_id").len(), 1, "{written}");
    assert_eq!(of("image"), BTreeSet::from(["image.hooked"]));
    assert_eq!(of("root_device"), of("partitions"), "the root is on its partition");
    Traces::wait_until_none(project.path());
}

#[test]
fn a_failure_is_told_while_the_image_stands() {
    let project = project(&module("exit 3"));
    refused(&project, &["apply", "-auto-approve"]);
    let written = String::from_utf8(bytes(&project.path().join("hooks.txt"))).expect("text");
    let points: BTreeSet<&str> = written.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        points,
        BTreeSet::from(["before_mount", "after_mount", "on_failure", "always"]),
        "{written}"
    );
    Traces::wait_until_none(project.path());
}
