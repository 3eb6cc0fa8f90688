//! An ordinary user builds the same bytes as root: in a user namespace, without a loop device, without a mount that anybody
//! else sees.

use std::process::{Command, Output};

use crate::bench::*;
use crate::support::{Project, Running, Traces};

/// A user of the tests alone: `/etc/passwd` and its like are changed in a mount namespace only.
const USER: u32 = 4711;

/// What comes before a command that the user runs; `$SUBORDINATE` is the user's line of /etc/subuid and /etc/subgid.
const AS_USER: &str = r#"
mine=$(mktemp -d)
mount -t tmpfs mine "$mine"
add() { cp "/etc/$1" "$mine/$1" 2>/dev/null || touch "$mine/$1"; echo "$2" >>"$mine/$1"; mount --bind "$mine/$1" "/etc/$1"; }
touch /etc/subuid /etc/subgid
add passwd 'builder:x:4711:4711::/nonexistent:/bin/sh'
add group 'builder:x:4711:'
add subuid "$SUBORDINATE"
add subgid "$SUBORDINATE"
mkdir "$mine/bin"
touch "$mine/bin/bake"
mount --bind "$BAKE" "$mine/bin/bake"
bake=$mine/bin/bake
as_user() { exec setpriv --reuid=4711 --regid=4711 --clear-groups --bounding-set=+all env HOME="$PWD" "$@"; }
"#;

/// bake as that user.
fn as_user(project: &Project, arguments: &[&str]) -> Command {
    script(project, "as_user $bake \"$@\"", arguments)
}

fn script(project: &Project, last: &str, arguments: &[&str]) -> Command {
    sh(&format!("chown -R {USER}:{USER} ."), project.path());
    let mut command = Command::new("unshare");
    let text = format!("{AS_USER}{last}");
    command
        .args(["--mount", "--propagation", "private", "bash", "-ec", &text, "bash"])
        .args(arguments)
        .env("BAKE", env!("CARGO_BIN_EXE_bake"))
        .env("SUBORDINATE", "builder:2000000:65536")
        .current_dir(project.path());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Applies as that user, which must succeed.
pub fn apply_as_user(project: &Project) {
    let output = as_user(project, &["apply", "-auto-approve", "-no-color"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

fn refused_to_user(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    said(&output)
}

/// The limit of a namespace of its own concerns nobody else. A program gets the rights of root there when it is started after
/// the ids were mapped.
const WITHOUT_NAMESPACES: &str = r#"
mkfifo "$mine/mapped"
unshare --user bash -c 'read -r _ <"$0"; exec bash -ec "
  echo 0 >/proc/sys/user/max_user_namespaces
  exec setpriv --reuid=4711 --regid=4711 --clear-groups env HOME="\$PWD" "\$@"" bash "$@"' "$mine/mapped" "$bake" "$@" &
until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
echo 0 0 100000 >/proc/$!/uid_map
echo 0 0 100000 >/proc/$!/gid_map
echo >"$mine/mapped"
wait $!
"#;

/// What the disks of the current release of an image are, by volume.
fn identity(project: &Project, image: &str) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&project.done(&["images", "-json"])).unwrap();
    let images = listed["images"].as_array().unwrap();
    let found = images.iter().find(|one| one["manifest"]["address"] == image).unwrap();
    let volumes = found["manifest"]["volumes"].as_array().unwrap();
    volumes
        .iter()
        .map(|volume| volume["blocks"].as_str().unwrap().to_owned())
        .collect()
}

/// Everything that a file system can hold and a user namespace can make.
const SCRIPT: &str = r#"
import os, socket, struct
os.chdir(os.environ["BAKE_ROOT"])
os.makedirs("all/deep/er", exist_ok=True)
def write(path, data):
    with open(path, "wb") as file: file.write(data)
write("all/file", b"x" * 100000)
for number in range(400): write("all/deep/%03d-with-a-name-of-some-length" % (number * 7919 % 400), b"%d" % number)
os.link("all/file", "all/second-name")
os.link("all/file", "all/deep/third-name")
os.symlink("file", "all/short")
os.symlink("/" + "long/" * 40, "all/long")
with open("all/sparse", "wb") as file:
    for at in range(9, 0, -1): file.seek(at * 3 << 19); file.write(b"piece")
    file.truncate(12 << 20)
os.mkfifo("all/fifo")
server = socket.socket(socket.AF_UNIX); server.bind("all/socket")
write("all/capable", b"binary")
os.setxattr("all/capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
os.setxattr("all/capable", "user.note", b"some text")
os.setxattr("all/deep", "user.large", b"v" * 900)
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in
    ((1, 7, 0xffffffff), (2, 5, 1234), (4, 5, 0xffffffff), (8, 1, 77), (16, 5, 0xffffffff), (32, 0, 0xffffffff)))
os.setxattr("all/deep", "system.posix_acl_access", acl)
os.setxattr("all/deep", "system.posix_acl_default", acl)
os.chown("all/fifo", 1000, 65534)
write("all/setuid", b"s"); os.chown("all/setuid", 12, 34); os.chmod("all/setuid", 0o6751)
os.utime("all/setuid", (100, 1234567890))
os.utime("all/short", (5, 86400), follow_symlinks=False)
write("data/inside", b"on another disk")
os.makedirs("boot/efi/EFI/BOOT", exist_ok=True)
write("boot/efi/EFI/BOOT/BOOTX64.EFI", b"loader" * 10000)
write("boot/efi/A long name.txt", b"text")
for path in ("etc/ssh", "var/log"): os.makedirs(path, exist_ok=True)
for path in ("etc/machine-id", "etc/ssh/ssh_host_rsa_key", "var/log/dpkg.log"): write(path, os.urandom(33))
"#;

const EVERYTHING: &str = r#"
image "all" {
  scratch {}
  volume "root" {
    size            = "300MiB"
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
    partition "swap" {
      type       = "swap"
      size       = "8MiB"
      filesystem = "swap"
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
  hook "after_mount" {
    inline = ["printf code | dd of=${build.partitions["bios"]} conv=notrunc status=none"]
  }
  provision "local" "everything" {
    script      = "everything.py"
    interpreter = ["/usr/bin/python3"]
  }
  provision "shell" "inside" {
    inline = [
      "chmod 755 /; id=$(stat -c %u:%g /all/setuid); test $id = 12:34",
      "echo text > /dev/null; head -c 8 /dev/urandom > /etc/machine-id; test -e /proc/self/fd; test -e /sys/kernel",
      "stat -c %u:%g . > /inside; echo $SOURCE_DATE_EPOCH > /etc/date",
    ]
  }
  provision "shell" "as-somebody" {
    inline = ["echo mine > /tmp/x; stat -c %u /tmp/x > /srv/who"]
    user   = "1000:1000"
  }
}

image "top" {
  source {
    image = image.all
  }
  reproducible = true
  provision "shell" "more" {
    inline = ["echo more > /srv/more", "rm /all/long", "echo y >> /data/inside"]
  }
}
"#;

fn everything() -> Project {
    let project = project(EVERYTHING);
    project.write("everything.py", SCRIPT);
    // An archive with the nodes that every system's has.
    let add = "mkdir -p dev srv tmp && chmod 1777 tmp srv && mknod dev/console c 5 1 && touch -d @86400 dev &&
               tar --owner=0 --group=0 -rf ../root.tar ./dev ./srv ./tmp";
    sh(
        &format!("mkdir more && cd more && {add} && cd .. && rm -r more"),
        project.path(),
    );
    project
}

#[test]
fn an_ordinary_user_builds_the_same_bytes_as_root() {
    let (mine, roots) = (everything(), everything());
    sh(&format!("cp {}/root.tar .", mine.path().display()), roots.path());
    apply_as_user(&mine);
    apply(&roots);
    for image in ["image.all", "image.top"] {
        for (volume, (one, other)) in identity(&mine, image).iter().zip(identity(&roots, image)).enumerate() {
            let name = ["root", "data"][volume];
            let (first, second) = (disk(&mine, image, Some(name)), disk(&roots, image, Some(name)));
            let compared = format!("cmp -l {} {} | head -n 20", first.display(), second.display());
            assert_eq!(*one, other, "{image} {name}\n{}", sh(&compared, mine.path()));
        }
    }
    let raw = disk(&mine, "image.all", Some("root"));
    assert_eq!(
        sh(
            &format!("tail -c +$(((1 << 20) + 1)) {} | head -c 4", raw.display()),
            mine.path()
        ),
        "code"
    );
    let check = format!(
        "dd if={} of=ext4 bs=1M skip=44 count=255 status=none; e2fsck -fn ext4 2>&1",
        raw.display()
    );
    sh(&check, mine.path());
    Traces::wait_until_none(mine.path());
    assert_eq!(mine.shelf("volumes"), [""; 0]);
}

#[test]
fn the_smallest_example_is_the_same_for_root_and_for_others() {
    let (mine, roots) = (Project::new(""), Project::new(""));
    for project in [&mine, &roots] {
        std::fs::remove_file(project.path().join("main.bake.hcl")).unwrap();
        copy_example("minimal", project.path());
        make_root(&project.path().join("root.tar"));
    }
    sh(&format!("cp {}/root.tar .", mine.path().display()), roots.path());
    apply_as_user(&mine);
    apply(&roots);
    assert_eq!(identity(&mine, "image.minimal"), identity(&roots, "image.minimal"));
    let output = as_user(&mine, &["verify"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// A tmpfs lists names in the order in which they came; the other build brings them in anew before each step.
#[test]
fn verify_sees_who_depends_on_the_order_of_names() {
    let make = "mkdir /srv/many; cd /srv/many; for name in d b .bake-0 c; do echo > $name; done; touch -d '2001-01-01 00:00:00' .";
    let order =
        "  provision \"local\" \"order\" {\n    inline = [\"ls -U $BAKE_ROOT/srv/many > $BAKE_ROOT/srv/order\"]\n  }\n";
    // Deeper than a thread's stack is for who calls itself for each directory.
    let deep = "cd /srv; i=0; while [ $i -lt 700 ]; do mkdir d; cd d; i=$((i+1)); done";
    let module = image("tiny", &format!("{}{order}", shell("many", &[make, deep])));
    let mine = project(&module);
    apply_as_user(&mine);
    let output = as_user(&mine, &["verify"]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("/srv/order: content (") && said.contains("last touched by provision[\"order\"]"),
        "{said}"
    );
    assert!(!said.contains("/srv/many"), "no time has moved: {said}");
}

#[test]
fn what_needs_devices_is_refused_with_what_to_do() {
    let refused = |module: &str| {
        let project = project(module);
        let said = refused_to_user(as_user(&project, &["apply", "-auto-approve", "-no-color"]));
        assert_eq!(project.shelf("volumes"), [""; 0]);
        assert!(said.contains("can only be built by root"), "{said}");
        said
    };
    let unsealed = image("tiny", "").replace("scratch {}", "scratch {}\n  reproducible = false");
    let text = refused(&unsealed);
    assert!(text.contains("without root there are no loop devices"), "{text}");
    assert!(text.contains("main.bake.hcl:2"), "{text}");
    let hook = image("tiny", "  hook \"before_snapshot\" {\n    inline = [\"true\"]\n  }\n");
    assert!(refused(&hook).contains("its before_snapshot hook works on a block device"));
    let keeps = image("tiny", "  seal {\n    keep = [\"devices\"]\n  }\n");
    assert!(refused(&keeps).contains("it keeps what is in /dev"));
}

#[test]
fn a_host_that_gives_no_namespace_is_told_what_to_allow() {
    let project = project(&image("tiny", ""));
    let apply = ["apply", "-auto-approve", "-no-color"];
    let text = refused_to_user({
        let mut command = as_user(&project, &apply);
        command.env("SUBORDINATE", "# nobody");
        command
    });
    assert!(text.contains("/etc/subuid gives the user none"), "{text}");
    assert!(text.contains("usermod --add-subuids 1000000-1065535 builder"), "{text}");
    let text = refused_to_user({
        let mut command = as_user(&project, &apply);
        command.env("SUBORDINATE", "builder:2000000:1000");
        command
    });
    assert!(
        text.contains("gives the user 1000 ids, and a system has 65535 beside root"),
        "{text}"
    );
    let without = "mount --bind /dev/null /usr/bin/newuidmap; as_user $bake \"$@\"";
    let text = refused_to_user(script(&project, without, &apply));
    assert!(text.contains("apt install uidmap"), "{text}");
    let text = refused_to_user(script(&project, WITHOUT_NAMESPACES, &apply));
    assert!(text.contains("this host allows no user namespaces"), "{text}");
    assert!(text.contains("sysctl -w user.max_user_namespaces"), "{text}");
}

#[test]
fn a_device_node_outside_of_dev_is_named() {
    let project = project(&image("tiny", ""));
    let add = "mkdir -p srv && mknod srv/node c 1 3 && tar -rf root.tar srv/node && rm -r srv";
    sh(add, project.path());
    let text = refused_to_user(as_user(&project, &["apply", "-auto-approve", "-no-color"]));
    assert!(
        text.contains("srv/node in the archive is a device node, which only root makes"),
        "{text}"
    );
    Traces::wait_until_none(project.path());
}

#[test]
fn a_build_that_is_killed_leaves_nothing_and_can_be_begun_again() {
    let steps = shell("long", &["setsid sh -c 'trap \"\" TERM; sleep 86399' &", "sleep 86399"]);
    let project = project(&image("tiny", &steps));
    let mut running = Running::start(as_user(&project, &["apply", "-auto-approve", "-json"]));
    loop {
        let event = running.event().expect("it runs");
        if event["type"] == "node_started" && event["address"] == "image.tiny.provision[\"long\"]" {
            break;
        }
    }
    running.kill();
    Traces::wait_until_none(project.path());
    assert!(running_nothing("sleep 86399"));
    rewrite(&project, &image("tiny", &shell("short", &["echo done > /srv/done"])));
    apply_as_user(&project);
    assert_eq!(file_in(&project, "image.tiny", "/srv/done"), "done\n");
    assert_eq!(project.shelf("volumes"), [""; 0]);
    assert_eq!(project.journals(), 0);
}

/// Whether no such process is left, after a moment.
fn running_nothing(words: &str) -> bool {
    for _ in 0..200 {
        if running(words).is_empty() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    false
}
