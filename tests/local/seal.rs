//! `reproducible = true`: the same bytes whenever, wherever and by whomever an image is built, and nothing lost on the way.

use std::path::Path;
use std::process::Command;

use crate::bench::*;
use crate::support::{Project, Traces};

/// A tree with everything that a file system can hold, in a table with a boot partition and an ESP.
const EVERYTHING: &str = r#"
image "all" {
  scratch {}
  reproducible = true
  volume "root" {
    size            = "96MiB"
    partition_table = "gpt"
    partition "bios" {
      type = "bios-boot"
      size = "1MiB"
    }
    partition "esp" {
      type       = "esp"
      size       = "34MiB"
      filesystem = "vfat"
      label      = "ESP"
      mount      = "/boot/efi"
    }
    partition "root" {
      size       = "100%"
      filesystem = "ext4"
      label      = "root"
      mount      = "/"
    }
  }
  volume "data" {
    size       = "16MiB"
    filesystem = "ext4"
    mount      = "/data"
  }
  bootstrap "tar" {
    path = "root.tar"
  }
  provision "local" "everything" {
    script      = "everything.py"
    interpreter = ["/usr/bin/python3"]
  }
  provision "shell" "moment" {
    inline = ["echo $SOURCE_DATE_EPOCH > /etc/date", "touch /etc/new"]
  }
}
"#;

/// Makes what a shell cannot, and what a sealed image does not keep.
const SCRIPT: &str = r#"
import os, socket, struct, stat
root, disk = os.environ["BAKE_ROOT"], os.environ["BAKE_DEVICE"]
for name in ("BAKE_RUN_ID", "USER", "TZ", "LC_ALL"):
    assert name not in os.environ, name
os.chdir(root)
os.makedirs("all/deep/er", exist_ok=True)
def write(path, data):
    with open(path, "wb") as file: file.write(data)
write("all/file", b"x" * 100000)
for number in range(300): write("all/deep/%03d-with-a-name-of-some-length" % (number * 7919 % 300), b"%d" % number)
os.link("all/file", "all/second-name")
os.link("all/file", "all/deep/third-name")
os.symlink("file", "all/short")
os.symlink("/" + "long/" * 40, "all/long")
with open("all/sparse", "wb") as file:
    file.seek(9 << 20); file.write(b"end")
    file.seek(3 << 20); file.write(b"middle")
    file.truncate(12 << 20)
os.mknod("all/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
os.mknod("all/disk", stat.S_IFBLK | 0o640, os.makedev(259, 70000))
os.mkfifo("all/fifo")
server = socket.socket(socket.AF_UNIX); server.bind("all/socket")
write("all/capable", b"binary")
os.setxattr("all/capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
os.setxattr("all/capable", "user.note", b"some text")
os.setxattr("all/deep", "user.large", b"v" * 900)
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in
    ((1, 7, 0xffffffff), (2, 5, 1234), (4, 5, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)))
os.setxattr("all/deep", "system.posix_acl_access", acl)
os.setxattr("all/deep", "system.posix_acl_default", acl)
os.chown("all/fifo", 1000, 70000)
write("all/setuid", b"s"); os.chown("all/setuid", 12, 34); os.chmod("all/setuid", 0o6751)
os.utime("all/setuid", (100, 1234567890))
os.utime("all/short", (5, 86400), follow_symlinks=False)
write("data/inside", b"on another disk")
os.makedirs("boot/efi/EFI/BOOT", exist_ok=True)
write("boot/efi/EFI/BOOT/BOOTX64.EFI", b"loader" * 10000)
write("boot/efi/A long name.txt", b"text")
for path in ("etc/ssh", "var/log", "dev"): os.makedirs(path, exist_ok=True)
for path in ("etc/machine-id", "etc/ssh/ssh_host_rsa_key", "var/log/dpkg.log", "dev/zero"): write(path, os.urandom(33))
for path in ("/dev/" + os.path.basename(disk) + "p1", disk):
    with open(path, "r+b") as raw: raw.write(bytes(range(256)) + b"code"); raw.flush(); os.fsync(raw.fileno())
"#;

fn everything(module: &str) -> Project {
    let project = project(module);
    project.write("everything.py", SCRIPT);
    project
}

/// What the disks of the current release are.
fn identity(project: &Project) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&project.done(&["images", "-json"])).unwrap();
    let volumes = listed["images"][0]["manifest"]["volumes"].as_array().unwrap().clone();
    volumes
        .iter()
        .map(|volume| volume["blocks"].as_str().unwrap().to_owned())
        .collect()
}

/// Applies as somebody else somewhere else.
fn apply_elsewhere(project: &Project) {
    let script = "umask 077; exec \"$0\" apply -auto-approve";
    let mut bake = Command::new("bash");
    bake.args(["-c", script, env!("CARGO_BIN_EXE_bake")])
        .current_dir(project.path());
    let personal = [
        ("USER", "somebody"),
        ("LOGNAME", "somebody"),
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "de_DE.UTF-8"),
    ];
    let output = bake.envs(personal).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn two_builds_have_the_same_bytes_and_nothing_is_lost() {
    let (one, other) = (everything(EVERYTHING), everything(EVERYTHING));
    apply(&one);
    apply_elsewhere(&other);
    assert_eq!(identity(&one), identity(&other));
    let (first, second) = (disk(&one, "image.all", None), disk(&other, "image.all", None));
    sh(&format!("cmp {} {}", first.display(), second.display()), one.path());
    checks(&first, one.path());

    let data = disk(&one, "image.all", Some("data"));
    let inside = sh(
        &format!("e2fsck -fn {0} >&2; debugfs -R 'cat inside' {0}", data.display()),
        one.path(),
    );
    assert_eq!(inside, "on another disk");
    Traces::wait_until_none(one.path());
}

/// What was put in is there, what a sealed image does not keep is not, and every file system is in order.
fn checks(disk: &Path, directory: &Path) {
    let script = format!(
        r#"
disk={}
at=$((36 << 20)) size=$((59 << 20))
head -c 260 $disk | cmp - <(python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) + b"code")')
tail -c +$(((1 << 20) + 1)) $disk | head -c 260 | tail -c 4 | grep -qx code
dd if=$disk of=esp bs=1M skip=2 count=34 status=none; fsck.vfat -n esp >&2
mtype -i esp '::A long name.txt'
mdir -i esp ::/EFI/BOOT >&2
mkdir -p m; mount -o ro,loop,offset=$at,sizelimit=$size $disk m
mount | grep -q ' on .*/m ' ; cd m
test ! -e etc/ssh/ssh_host_rsa_key; test ! -e var/log/dpkg.log; test ! -e dev/zero; test ! -s etc/machine-id
cat etc/date; stat -c %Y etc/new all/setuid all/short
stat -c '%a %u:%g' all/setuid all/fifo
stat -c '%F %t:%T' all/null all/disk; stat -c %F all/socket
test $(stat -c %i all/file) = $(stat -c %i all/deep/third-name); stat -c %h all/file
test $(stat -c %b all/sparse) -lt 100
python3 -c 'import os; print(len(os.getxattr("all/capable", "security.capability")), os.getxattr("all/capable", "user.note"), len(os.getxattr("all/deep", "system.posix_acl_default")))'
"#,
        disk.display()
    );
    let said = sh(&script, directory);
    let wanted = "text1577836800\n1577836800\n1234567890\n86400\n6751 12:34\n644 1000:70000\ncharacter special file 1:3\n\
                  block special file 103:11170\nsocket\n3\n20 b'some text' 44\n";
    assert_eq!(said, wanted);
}

#[test]
fn a_plan_shows_the_seal_and_what_cannot_be_sealed_is_an_error() {
    let sealed = image("tiny", "").replace("scratch {}", "scratch {}\n  reproducible = true\n  seal {\n    date = \"2026-03-01T00:00:00Z\"\n    keep = [\"logs\", \"caches\"]\n  }");
    let project = project(&sealed);
    let text = plan(&project);
    assert!(
        text.contains(
            "seal               ext4 root anew; no time after 2026-03-01T00:00:00Z; without machine-id, host-keys"
        ),
        "{text}"
    );
    assert!(!text.contains("logs, "), "{text}");
    assert!(
        project
            .done(&["graph", "-format", "mermaid"])
            .contains("image.tiny.seal")
    );
    rewrite(
        &project,
        &sealed.replace("\"ext4\"", "\"xfs\"").replace("64MiB", "400MiB"),
    );
    let said = refused(&project, &["plan"]);
    assert!(
        said.contains("xfs cannot be written with the same bytes each time"),
        "{said}"
    );
    assert!(said.contains("main.bake.hcl:"), "{said}");
    rewrite(&project, &sealed.replace("reproducible = true", "reproducible = false"));
    assert!(refused(&project, &["plan"]).contains("only a reproducible image is sealed"));
    rewrite(&project, &sealed.replace("2026-03-01T00:00:00Z", "yesterday"));
    assert!(refused(&project, &["plan"]).contains("\"yesterday\" is no date"));
}

#[test]
fn from_scratch_it_is_what_is_usual_where_every_volume_allows_it() {
    let plain = image("tiny", "");
    let project = project(&plain);
    let text = plan(&project);
    assert!(
        text.contains("ext4 root anew; no time after 2020-01-01T00:00:00Z"),
        "{text}"
    );
    project.write("bake.lock.hcl", "format = 1\ndate   = \"2026-05-01T10:00:00Z\"\n");
    let text = plan(&project);
    assert!(text.contains("no time after 2026-05-01T10:00:00Z"), "{text}");
    project.write("bake.lock.hcl", "format = 1\ndate   = \"1970-05-01T10:00:00Z\"\n");
    assert!(refused(&project, &["plan"]).contains("the date in bake.lock.hcl, is none between 1980 and 2105"));
    std::fs::remove_file(project.path().join("bake.lock.hcl")).unwrap();
    for (from, to) in [
        ("\"ext4\"", "\"xfs\""),
        ("scratch {}", "scratch {}\n  reproducible = false"),
    ] {
        rewrite(&project, &plain.replace(from, to).replace("64MiB", "400MiB"));
        let text = plan(&project);
        assert!(!text.contains(" anew"), "{text}");
    }
}

#[test]
fn a_source_that_cannot_be_sealed_is_refused_before_any_step_runs() {
    let base = image("base", "")
        .replace("\"ext4\"", "\"xfs\"")
        .replace("64MiB", "400MiB");
    let middle = "image \"middle\" {\n  source {\n    image = image.base\n  }\n}\n";
    let top = |source: &str| {
        let step = shell("never", &["echo this ran"]);
        format!("image \"top\" {{\n  source {{\n    {source}\n  }}\n  reproducible = true\n{step}}}\n")
    };
    let project = project(&format!("{base}{middle}{}", top("image = image.middle")));
    let said = refused(&project, &["plan"]);
    assert!(
        said.contains("xfs cannot be written with the same bytes each time"),
        "{said}"
    );
    assert!(said.contains("image.base declares it here"), "{said}");

    sh("truncate -s 320M xfs.raw && mkfs.xfs -q xfs.raw", project.path());
    rewrite(&project, &top("file = \"xfs.raw\""));
    let said = refused(&project, &["apply", "-auto-approve"]);
    assert!(said.contains("holds xfs, which cannot be sealed"), "{said}");
    assert!(!said.contains("this ran"), "{said}");
    Traces::wait_until_none(project.path());
}

#[test]
fn hooks_that_shape_an_image_see_its_date_and_a_hook_behind_the_seal_sees_the_sealed_disk() {
    let hooks = r#"
  hook "before_unmount" {
    inline = ["echo $SOURCE_DATE_EPOCH $${BAKE_RUN_ID-none} > $BAKE_ROOT/etc/moment"]
  }
  hook "before_snapshot" {
    inline = ["debugfs -R 'stat /etc/moment' $BAKE_DEVICE | grep -o 'crtime: 0x[0-9a-f]*:00000000'"]
  }
  hook "after_publish" {
    inline = ["test -n $BAKE_RUN_ID", "test -z \"$SOURCE_DATE_EPOCH\""]
  }
"#;
    let project = project(&image("tiny", hooks).replacen("scratch {}", "scratch {}\n  reproducible = true", 1));
    apply(&project);
    assert_eq!(file_in(&project, "image.tiny", "/etc/moment"), "1577836800 none\n");
}
