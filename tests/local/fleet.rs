//! Many images from one base, side by side.

use std::path::Path;

use crate::bench::*;
use crate::support::{Project, Traces};

/// Mounts disks side by side, read-only, and runs a script over them; each is `/mnt/N` there.
///
/// Copies of one btrfs have one UUID, of which a kernel mounts one at a time: those are looked at one after the other.
fn mounted(disks: &[(&Path, &str, u64)], script: &str) -> String {
    let mount = |(number, (disk, kind, offset)): (usize, &(&Path, &str, u64))| {
        let options = if *kind == "xfs" { ",nouuid,norecovery" } else { "" };
        format!(
            "mkdir /mnt/{number}; mount -t {kind} -o loop,ro,offset={offset}{options} {} /mnt/{number}\n",
            disk.display()
        )
    };
    let mounts: String = disks.iter().enumerate().map(mount).collect();
    sh(
        &format!("mount -t tmpfs none /mnt\n{mounts}cd /mnt\n{script}"),
        Path::new("/"),
    )
}

#[test]
fn the_fleet_example_has_each_members_files() {
    let project = Project::new("");
    let module = project.path().join("fleet");
    copy_example("minimal", &project.path().join("minimal"));
    copy_example("fleet", &module);
    sh("./make-root", &project.path().join("minimal"));
    let chdir = format!("-chdir={}", module.display());
    let bake = |arguments: &[&str]| project.done(&[&[chdir.as_str()], arguments].concat());

    bake(&["apply", "-auto-approve"]);
    assert!(bake(&["plan"]).contains("No changes. 4 images"), "{}", bake(&["plan"]));
    for (member, kind) in [("alpha", "xfs"), ("beta", "btrfs"), ("gamma", "ext4")] {
        let image = format!("image.member[\"{member}\"]");
        let (root, data) = (module.join("root.raw"), module.join("data.raw"));
        for (volume, out) in [("root", &root), ("data", &data)] {
            let out = out.display().to_string();
            bake(&["export", &image, "-force", "-volume", volume, "-out", &out]);
        }
        let said = mounted(&[(&root, "xfs", 1 << 20), (&data, kind, 0)], "cat 0/etc/motd; ls 1");
        assert!(said.contains(member), "{member}: {said}");
        let files = mounted(&[(&data, kind, 0)], "cat $(find 0 -type f)");
        assert!(files.contains(member), "{member}: {files}");
    }

    let destroyed = bake(&["plan", "-var", "members={alpha=\"xfs\"}"]);
    assert!(destroyed.contains("2 to destroy"), "{destroyed}");
    Traces::wait_until_none(project.path());
}

/// Four images at once on a base of each kind that refuses, or warns of, a second file system with the same UUID.
#[test]
fn copies_of_one_xfs_and_of_one_btrfs_are_mounted_at_once() {
    let base = |kind: &str| {
        image(kind, "")
            .replace("ext4", kind)
            .replace("64MiB", if kind == "xfs" { "512MiB" } else { "256MiB" })
    };
    let member = |kind: &str| {
        let step = shell("own", &["echo $NAME > /etc/own", "sleep 1", "cat /etc/own"]);
        let step = step.replace("    inline", "    env = { NAME = each.key }\n    inline");
        format!(
            "image \"on_{kind}\" {{\n  for_each = toset([\"a\", \"b\", \"c\", \"d\"])\n  source {{\n    image = image.{kind}\n  }}\n{step}}}\n"
        )
    };
    let project = project(&[base("xfs"), base("btrfs"), member("xfs"), member("btrfs")].concat());
    project.done(&["apply", "-auto-approve", "-parallelism", "16"]);
    let own = |kind: &str, key: &str| disk(&project, &format!("image.on_{kind}[\"{key}\"]"), None);
    let copies = ["a", "b", "c", "d"].map(|key| own("xfs", key));
    let all: Vec<_> = copies.iter().map(|disk| (disk.as_path(), "xfs", 0)).collect();
    assert_eq!(mounted(&all, "cat */etc/own"), "a\nb\nc\nd\n");
    for key in ["a", "b", "c", "d"] {
        assert_eq!(
            mounted(&[(&own("btrfs", key), "btrfs", 0)], "cat 0/etc/own"),
            format!("{key}\n")
        );
    }
    Traces::wait_until_none(project.path());
}
