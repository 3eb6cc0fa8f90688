//! Volumes, devices, file systems.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::{DEBIAN, ROOT, asked, images, refused, running, snapshots, with};
use crate::bench::{Bench, both, from_scratch, mounted, on_ami};
use crate::lab::{Lab, REGION};

#[test]
fn a_volume_is_made_and_registered_as_it_is_declared() {
    let scratch = |lines: &str| from_scratch().replace("size            = \"1GiB\"", lines);
    let bench = Bench::new(
        Lab::xen(),
        &scratch("size = \"4GiB\"\n type = \"io2\"\n iops = 200\n encrypted = true\n kms_key = \"alias/lab\""),
    );
    bench.apply();
    let volume = asked(&bench, "CreateVolume");
    assert_eq!((&volume["VolumeType"], &volume["Iops"]), (&json!("io2"), &json!(200)));
    assert_eq!(volume["Encrypted"], json!(true), "from scratch too");
    assert!(volume["KmsKeyId"].is_string(), "{volume:#}");
    let zone = volume["AvailabilityZone"].as_str().expect("a zone");
    assert!(zone.starts_with(REGION), "that of the host: {zone}");
    let ebs = asked(&bench, "RegisterImage")["BlockDeviceMappings"][0]["Ebs"].clone();
    assert_eq!(
        (&ebs["VolumeType"], &ebs["Iops"], &ebs["VolumeSize"]),
        (&json!("io2"), &json!(200), &json!(4))
    );
    let image = bench.lab.describe_image(&images(&bench)[0]);
    assert_eq!(
        image["BlockDeviceMappings"][0]["Ebs"]["Encrypted"],
        json!(true),
        "{image:#}"
    );
    bench.done(&["destroy", "-auto-approve"]);

    bench.project.write(
        "main.bake.hcl",
        &scratch("size = \"1GiB\"\n type = \"gp3\"\n throughput = 250"),
    );
    bench.apply();
    assert_eq!(asked(&bench, "CreateVolume")["Throughput"], json!(250));
    assert_eq!(
        asked(&bench, "RegisterImage")["BlockDeviceMappings"][0]["Ebs"]["Throughput"],
        json!(250)
    );
}

#[test]
fn mappings_are_checked_at_plan_and_the_root_is_always_among_them() {
    let bench = Bench::new(Lab::xen(), "");
    let mapping = |lines: &str| {
        with(
            &bench,
            &format!("register {{\n mapping \"/dev/sdb\" {{\n{lines}\n }}\n }}"),
        )
    };
    refused(
        &bench,
        &mapping("size = \"10GiB\"\n type = \"io1\""),
        &["need iops", "main.bake.hcl:"],
    );
    refused(
        &bench,
        &mapping("size = \"10GiB\"\n throughput = 5000"),
        &["125 to 2000"],
    );
    refused(&bench, &mapping("size = \"1536MiB\""), &["whole GiB"]);
    refused(&bench, &mapping("encrypted = true"), &["encrypted"]);
    refused(
        &bench,
        &mapping("type = \"gp3\""),
        &["says nothing of what it holds", "size"],
    );
    bench
        .project
        .write("main.bake.hcl", &mapping("virtual_name = \"ephemeral0\""));
    bench.apply();
    let image = bench.lab.describe_image(&images(&bench)[0]);
    let devices = image["BlockDeviceMappings"].as_array().expect("mappings").iter();
    let devices: Vec<&str> = devices.filter_map(|mapping| mapping["DeviceName"].as_str()).collect();
    assert_eq!(devices, ["/dev/sdb", "/dev/xvda"]);
}

#[test]
fn the_device_is_the_volume_whatever_its_name() {
    for lab in [Lab::xen(), Lab::nvme()] {
        let bench = Bench::new(lab, "");
        let hook = "hook \"before_mount\" {\n    inline = [\"cat /sys/block/$(basename ${build.device})/loop/backing_file > device.txt\"]\n  }";
        bench.project.write("main.bake.hcl", &with(&bench, hook));
        bench.apply();
        let volume = asked(&bench, "AttachVolume")["VolumeId"]
            .as_str()
            .expect("an id")
            .to_owned();
        let backing = fs::read_to_string(bench.project.path().join("device.txt")).expect("the hook ran");
        assert!(backing.trim().ends_with(&volume), "{backing} is not {volume}");
    }
}

#[test]
fn volumes_that_are_attached_at_once_are_not_mixed_up() {
    let bench = Bench::new(Lab::nvme(), "");
    bench.lab.set(json!({ "attach": 0.5, "device": 0.3 }));
    let module = running(&bench, &["echo ${each.key} > /greeting"]).replace(
        "image \"web\" {",
        "image \"web\" {\n  for_each = { a = 1, b = 2, c = 3, d = 4 }",
    );
    bench.project.write(
        "main.bake.hcl",
        &module.replace("output \"web\" { value = image.web.ids }", ""),
    );
    bench.apply();
    bench.assert_standing(4, 4);
    for id in images(&bench) {
        let image = bench.lab.describe_image(&id);
        let tags = image["Tags"].as_array().expect("tags").iter();
        let address = tags
            .filter(|tag| tag["Key"] == "bake:address")
            .find_map(|tag| tag["Value"].as_str());
        let snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
            .as_str()
            .expect("a snapshot")
            .to_owned();
        mounted(&bench.lab.disk(&snapshot), ROOT, |root| {
            let key = fs::read_to_string(root.join("greeting")).expect("the step wrote it");
            assert_eq!(address, Some(format!("image.web=5B=22{}=22=5D", key.trim()).as_str()));
        });
    }
}

#[test]
fn the_root_is_found_on_every_kind_of_disk() {
    let bench = Bench::new(Lab::xen(), "");
    for (name, offset) in [("whole-disk", 0), ("xfs", ROOT), (DEBIAN, ROOT)] {
        bench.project.write("main.bake.hcl", &on_ami(&bench.lab.image(name)));
        bench.apply();
        let disk = bench.lab.disk(&snapshots(&bench)[0]);
        mounted(&disk, offset, |root| {
            assert_eq!(fs::read_to_string(root.join("greeting")).expect(name), "hello\n");
        });
        bench.done(&["destroy", "-auto-approve"]);
    }
}

/// One image with more volumes than there are letters.
#[test]
fn there_are_more_device_names_than_letters() {
    let bench = Bench::new(Lab::xen(), "");
    let volumes: String = (1..=12)
        .map(|number| format!("volume \"data{number}\" {{\n    size = \"1GiB\"\n    filesystem = \"ext4\"\n    mount = \"/srv/{number}\"\n  }}\n  "))
        .collect();
    let root = "volume \"root\" { grow = false }\n  ";
    bench
        .project
        .write("main.bake.hcl", &with(&bench, &format!("{root}{volumes}")));
    bench.apply();
    bench.assert_standing(1, 13);
    let image = bench.lab.describe_image(&images(&bench)[0]);
    let mappings = image["BlockDeviceMappings"].as_array().expect("mappings");
    assert_eq!(mappings.len(), 13, "{mappings:#?}");
    let calls = bench.lab.calls();
    let names = calls
        .iter()
        .filter(|call| call["action"] == "AttachVolume" && call["outcome"] == "ok");
    let beyond = names.filter(|call| {
        call["parameters"]["Device"]
            .as_str()
            .is_some_and(|name| name.starts_with("/dev/xvdb"))
    });
    assert!(beyond.count() >= 2);
}

#[test]
fn what_was_deleted_is_not_in_the_snapshot() {
    let bench = Bench::new(Lab::xen(), "");
    let lines = [
        "i=0; while [ $i -lt 4000 ]; do echo the secret that was here for a moment; i=$((i+1)); done > /secret",
        "/bin/busybox sync",
        "rm /secret",
    ];
    bench.project.write("main.bake.hcl", &running(&bench, &lines));
    bench.apply();
    let disk = bench.lab.disk(&snapshots(&bench)[0]);
    let secret = Command::new("grep")
        .args(["-q", "-a", "-F", "the secret that was here for a moment"])
        .arg(disk)
        .status();
    assert_eq!(secret.expect("grep starts").code(), Some(1), "it is not there");
}

#[test]
fn a_file_system_with_errors_becomes_no_image() {
    let bench = Bench::new(Lab::xen(), "");
    let hook = "hook \"before_unmount\" {\n    inline = [\"debugfs -w -R 'seti <2000>' ${build.root_device}\"]\n  }";
    bench.project.write("main.bake.hcl", &with(&bench, hook));
    let output = bench.run(&["apply", "-auto-approve"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in [
        "the ext4 file system image.web.filesystem",
        "has errors, so no image is made of it",
        "e2fsck -f -n /dev/",
        "e2fsck -f -y",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    bench.assert_standing(0, 0);
}
