//! Read-only file systems: written from their trees when the image is sealed, the same bytes each time, and nothing lost.

use crate::bench::*;
use crate::rootless::apply_as_user;
use crate::support::Traces;

/// An ext4 root with a read-only file system beside it.
const MODULE: &str = r#"
image "packed" {
  scratch {}
  volume "root" {
    size            = "96MiB"
    partition_table = "gpt"
    partition "usr" {
      size       = "24MiB"
      filesystem = "KIND"
      mount      = "/srv/packed"
      options    = ["ro"]
    }
    partition "root" {
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }
  }
  bootstrap "tar" {
    path = "root.tar"
  }
  provision "local" "fill" {
    script      = "fill.py"
    interpreter = ["/usr/bin/python3"]
  }
  provision "shell" "write" {
    inline = ["echo written by a step > /srv/packed/step"]
  }
}

image "top" {
  source {
    image = image.packed
  }
  reproducible = true
  provision "shell" "more" {
    inline = ["cat /srv/packed/step > /srv/copy", "echo more > /srv/packed/more", "rm /srv/packed/hole"]
  }
}
"#;

const FILL: &str = r#"
import os, struct
os.chdir(os.environ["BAKE_ROOT"] + "/srv/packed")
os.makedirs("deep")
for number in range(200): open("deep/%d" % (number * 7919 % 200), "w").write("text %d\n" % number)
open("capable", "w").write("binary"); os.chown("capable", 12, 34)
os.setxattr("capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
os.setxattr("capable", "user.note", b"some text")
os.link("capable", "deep/again")
os.symlink("capable", "link")
os.mkfifo("fifo")
os.chmod("deep", 0o2751); os.utime("capable", (5, 86400))
with open("hole", "wb") as file:
    for at in range(60): file.seek(at << 18); file.write(b"piece")
"#;

fn module(kind: &str) -> String {
    MODULE.replace("KIND", kind)
}

fn roots(project: &crate::support::Project) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&project.done(&["images", "-json"])).unwrap();
    let images = listed["images"].as_array().unwrap();
    let root = |image: &serde_json::Value| image["manifest"]["volumes"][0]["blocks"].as_str().unwrap().to_owned();
    images.iter().map(root).collect()
}

#[test]
fn a_squashfs_is_the_same_each_time_and_can_be_built_on() {
    let (one, other) = (project(&module("squashfs")), project(&module("squashfs")));
    sh(&format!("cp {}/root.tar .", one.path().display()), other.path());
    one.write("fill.py", FILL);
    other.write("fill.py", FILL);
    apply(&one);
    apply_as_user(&other);
    assert_eq!(roots(&one), roots(&other));
    let raw = disk(&one, "image.top", None);
    let script = format!(
        "mkdir m; mount -o ro,loop,offset=$((1 << 20)),sizelimit=$((24 << 20)) -t squashfs {} m; cd m
         cat step more; stat -c '%a %u:%g %Y %h' capable deep; test ! -e hole; ls deep | wc -l
         python3 -c 'import os; print(sorted(os.listxattr(\"capable\")))'",
        raw.display()
    );
    let wanted = "written by a step\nmore\n644 12:34 86400 2\n2751 0:0 1577836800 2\n201\n['security.capability', 'user.note']\n";
    assert_eq!(sh(&script, one.path()), wanted);
    let fstab = format!(
        "debugfs -R 'cat /etc/fstab' '{}?offset=26214400' 2>/dev/null",
        raw.display()
    );
    let fstab = sh(&fstab, one.path());
    assert!(
        fstab.contains("PARTUUID=") && fstab.contains("/srv/packed squashfs ro 0 0"),
        "{fstab}"
    );
    Traces::wait_until_none(one.path());
}

#[test]
fn an_erofs_is_the_same_each_time() {
    let alone = module("erofs");
    let alone = alone.split("image \"top\"").next().unwrap();
    let (one, other) = (project(alone), project(alone));
    sh(&format!("cp {}/root.tar .", one.path().display()), other.path());
    for project in [&one, &other] {
        project.write("fill.py", FILL);
        apply(project);
    }
    assert_eq!(roots(&one), roots(&other));
    let raw = disk(&one, "image.packed", None);
    let script = format!(
        "mkdir m; mount -o ro,loop,offset=$((1 << 20)),sizelimit=$((24 << 20)) -t erofs {} m; cat m/step
         blkid -p -O $((1 << 20)) -o value -s UUID {0}; stat -c '%a %u:%g %Y %h' m/capable",
        raw.display()
    );
    let said = sh(&script, one.path());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        (lines[0], lines[2]),
        ("written by a step", "644 12:34 86400 2"),
        "{said}"
    );
    let fstab = format!(
        "debugfs -R 'cat /etc/fstab' '{}?offset=26214400' 2>/dev/null",
        raw.display()
    );
    assert!(sh(&fstab, one.path()).contains(&format!("UUID={} /srv/packed erofs", lines[1])));
}

#[test]
fn what_a_read_only_file_system_cannot_hold_or_be_is_an_error() {
    let fill = "import os; open(os.environ['BAKE_ROOT'] + '/srv/packed/big', 'wb').write(os.urandom(30 << 20))";
    let project = project(&module("squashfs"));
    project.write("fill.py", fill);
    let said = refused(&project, &["apply", "-auto-approve", "-no-color"]);
    assert!(
        said.contains("does not fit") && said.contains("and its partition 24 MiB"),
        "{said}"
    );
    rewrite(
        &project,
        &module("squashfs").replacen("scratch {}", "scratch {}\n  reproducible = false", 1),
    );
    let said = refused(&project, &["plan"]);
    assert!(
        said.contains("squashfs is read-only: only a reproducible image has it"),
        "{said}"
    );
    rewrite(
        &project,
        &module("erofs").replace("options    =", "label = \"x\"\n      options ="),
    );
    assert!(refused(&project, &["plan"]).contains("a label of erofs has at most 0 characters"));
    rewrite(&project, &image("tiny", "").replace("\"ext4\"", "\"squashfs\""));
    assert!(refused(&project, &["plan"]).contains("squashfs has no UUID by which /etc/fstab could name it"));
}
