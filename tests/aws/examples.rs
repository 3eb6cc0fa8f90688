//! The examples of `amazon-chroot`'s manual page (`examples/amazon-chroot`): built, their snapshots mounted and read, their
//! AMIs compared with what the modules say.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, mounted};
use crate::lab::Lab;

/// Where a partition behind a boot partition begins, and where one that is the first.
const SECOND: u64 = 2 << 20;
const FIRST: u64 = 1 << 20;

/// A bench with an example in it, and the flags with which it runs on the lab.
fn example(lab: Lab, name: &str) -> Bench {
    let bench = Bench::new(lab, "");
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/amazon-chroot")
        .join(name);
    let copied = Command::new("cp")
        .arg("-r")
        .arg(from.join("."))
        .arg(bench.project.path())
        .status();
    assert!(copied.expect("cp starts").success());
    std::fs::remove_file(bench.project.path().join("main.bake.hcl")).expect("it was empty");
    bench
}

/// Applies, plans again, and answers the AMI as EC2 describes it with the snapshot of its root.
fn built(bench: &Bench, variables: &[&str]) -> (Value, String) {
    let with = [&["-var", "region=eu-central-1"], variables].concat();
    bench.done(&[&["apply", "-auto-approve"], with.as_slice()].concat());
    bench.assert_standing(1, 1);
    assert!(
        bench
            .done(&[&["plan"], with.as_slice()].concat())
            .contains("No changes")
    );
    let id = bench.lab.inventory()["images"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let image = bench.lab.describe_image(&id);
    let mappings = image["BlockDeviceMappings"].as_array().expect("mappings");
    let root = mappings
        .iter()
        .find(|mapping| mapping["DeviceName"] == image["RootDeviceName"]);
    let snapshot = root.expect("a root")["Ebs"]["SnapshotId"]
        .as_str()
        .expect("a snapshot")
        .to_owned();
    (image, snapshot)
}

fn assert_is(image: &Value, wanted: &[(&str, Value)]) {
    for (pointer, value) in wanted {
        assert_eq!(image.pointer(pointer), Some(value), "{pointer}: {image:#}");
    }
}

#[test]
fn the_basic_one() {
    let bench = example(Lab::xen(), "basic");
    let ami = bench.lab.image("debian-12-amd64-20261115-2015");
    let (image, snapshot) = built(&bench, &["-var", &format!("source_ami={ami}")]);
    let source = bench.lab.describe_image(&ami);
    for same in [
        "Architecture",
        "VirtualizationType",
        "RootDeviceName",
        "RootDeviceType",
        "EnaSupport",
        "SriovNetSupport",
        "BootMode",
        "PlatformDetails",
        "UsageOperation",
    ] {
        assert_eq!(image[same], source[same], "{same}");
    }
    assert_is(
        &image,
        &[
            ("/State", json!("available")),
            ("/BlockDeviceMappings/0/Ebs/VolumeSize", json!(1)),
            ("/BlockDeviceMappings/0/Ebs/VolumeType", json!("gp3")),
            ("/BlockDeviceMappings/0/Ebs/DeleteOnTermination", json!(true)),
        ],
    );
    mounted(&bench.lab.disk(&snapshot), SECOND, |root| {
        assert!(root.join("etc/os-release").exists());
    });
}

#[test]
fn a_source_by_filters_on_nvme() {
    let bench = example(Lab::nvme(), "nvme");
    bench.done(&["update", "-var", "region=eu-central-1"]);
    let lock = std::fs::read_to_string(bench.project.path().join("bake.lock.hcl")).expect("it is pinned");
    let newest = bench.lab.image("amzn-ami-hvm-2018.03.0.20230404.0-x86_64-gp2");
    assert!(lock.contains(&newest), "{lock}");
    let (image, snapshot) = built(&bench, &[]);
    assert_is(
        &image,
        &[
            ("/EnaSupport", json!(true)),
            ("/VirtualizationType", json!("hvm")),
            ("/Architecture", json!("x86_64")),
            ("/BlockDeviceMappings/0/DeviceName", json!("/dev/xvda")),
        ],
    );
    mounted(&bench.lab.disk(&snapshot), SECOND, |root| {
        let text = std::fs::read_to_string(root.join("tmp/test.txt"));
        assert_eq!(text.expect("the step wrote it"), "Test\n");
    });
}

#[test]
fn from_scratch() {
    let bench = example(Lab::xen(), "scratch");
    let (image, snapshot) = built(&bench, &[]);
    assert_is(
        &image,
        &[
            ("/RootDeviceName", json!("xvda")),
            ("/RootDeviceType", json!("ebs")),
            ("/VirtualizationType", json!("hvm")),
            ("/Architecture", json!("x86_64")),
            ("/EnaSupport", json!(true)),
            ("/BlockDeviceMappings/0/DeviceName", json!("xvda")),
            ("/BlockDeviceMappings/0/Ebs/VolumeSize", json!(15)),
            ("/BlockDeviceMappings/0/Ebs/VolumeType", json!("gp2")),
            ("/BlockDeviceMappings/0/Ebs/DeleteOnTermination", json!(true)),
        ],
    );
    assert_eq!(
        image["BlockDeviceMappings"].as_array().map(Vec::len),
        Some(1),
        "{image:#}"
    );
    let disk = bench.lab.disk(&snapshot);
    let table = Command::new("sfdisk")
        .arg("--dump")
        .arg(&disk)
        .output()
        .expect("sfdisk starts");
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("label: dos") && table.contains("bootable"), "{table}");
    mounted(&disk, FIRST, |root| {
        let text = std::fs::read_to_string(root.join("etc/motd"));
        assert_eq!(text.expect("the step wrote it"), "Made from nothing.\n");
        assert!(root.join("bin/busybox").exists());
    });
}
