//! What is on the disks: every byte that a step wrote, in every format that bake exports.

use crate::bench::*;
use crate::support::Traces;

/// A table with room for raw bytes before the root.
const RAW: &str = r#"
image "raw" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "gpt"
    partition "bios" {
      type = "bios-boot"
      size = "1MiB"
    }
    partition "root" {
      type       = "linux-root"
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }
  }
  bootstrap "tar" {
    path = "root.tar"
  }
  provision "shell" "raw" {
    inline = ["dd if=/etc/random of=$(ls /dev/loop*p1) bs=4096 conv=notrunc"]
  }
}
"#;

#[test]
fn raw_bytes_of_a_step_are_in_every_format() {
    let project = project(RAW);
    let fill = "head -c 1048576 /dev/urandom > random && mkdir -p root/etc && tar -xf root.tar -C root && cp random root/etc \
                && tar -cf root.tar -C root . && rm -r root";
    sh(fill, project.path());
    apply(&project);
    let raw = disk(&project, "image.raw", None);
    let random = bytes(&project.path().join("random"));
    assert!(
        bytes(&raw)[1 << 20..2 << 20] == random[..],
        "what dd wrote and nobody synced"
    );

    for (format, theirs) in [("qcow2", "qcow2"), ("vmdk", "vmdk"), ("vhd", "vpc")] {
        project.done(&["export", "image.raw", "-format", format, "-out", format]);
        let info = sh(&format!("qemu-img info -f {theirs} {format}"), project.path());
        assert!(info.contains("virtual size: 64 MiB (67108864 bytes)"), "{info}");
        let compare = format!(
            "qemu-img convert -f {theirs} -O raw {format} back && cmp back {}",
            raw.display()
        );
        sh(&compare, project.path());
    }
    Traces::wait_until_none(project.path());
}

#[test]
fn an_export_writes_over_a_file_only_when_told_to() {
    let project = project(&image("tiny", ""));
    apply(&project);
    project.write("kept", "mine");
    let export = ["export", "image.tiny", "-out", "kept"];
    assert!(refused(&project, &export).contains("kept exists already"));
    assert_eq!(bytes(&project.path().join("kept")), b"mine");
    let force = [&export[..], &["-force"]].concat();
    let without_tools = project
        .bake(&[&force[..], &["-format", "qcow2"]].concat())
        .env("PATH", "")
        .output();
    assert!(!without_tools.expect("bake starts").status.success());
    assert_eq!(bytes(&project.path().join("kept")), b"mine");
    let module = refused(&project, &["export", "image.tiny", "-force", "-out", "main.bake.hcl"]);
    assert!(
        module.contains("main.bake.hcl is a name that a module reads"),
        "{module}"
    );
    project.done(&force);
    assert_eq!(bytes(&project.path().join("kept")).len(), 64 << 20);
}

/// A file in the place of a device would take it from the whole host. Each is reached by a link, which a mistake would cost.
#[test]
fn what_is_written_takes_the_place_of_no_device() {
    let project = project(&image("tiny", ""));
    apply(&project);
    sh(
        "ln -s /dev/null null; ln -s /dev/full full; mkfifo pipe",
        project.path(),
    );
    let device = refused(&project, &["export", "image.tiny", "-force", "-out", "null"]);
    assert!(device.contains("cannot write null: it is no plain file"), "{device}");
    project.done(&["plan", "-out", "null"]);
    let full = refused(&project, &["plan", "-out", "full"]);
    assert!(full.contains("cannot write full: no space is left"), "{full}");
    let bake = env!("CARGO_BIN_EXE_bake");
    let piped = sh(
        &format!("cat pipe | head -c 12 & {bake} plan -out pipe >/dev/null; wait"),
        project.path(),
    );
    assert_eq!(piped, "{\"bake_plan\"");
    sh("test -L null && test -L full && test -p pipe", project.path());
}
