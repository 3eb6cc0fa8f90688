//! A project whose bake is a client of a lab, and looks at what stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::lab::Lab;
use crate::support::Project;

/// The head of every module here.
pub const HEAD: &str = r#"
bake { project = "acme/images" }
provider "aws" {}
"#;

/// An image of the preset with this id: one step, nothing else.
pub fn on_ami(ami: &str) -> String {
    format!(
        r#"{HEAD}
image "web" {{
  source {{ ami = "{ami}" }}
  provision "shell" "greet" {{ inline = ["echo hello > /greeting"] }}
}}
output "web" {{ value = image.web.ids }}
"#
    )
}

/// An image from scratch, without partitions.
pub fn from_scratch() -> String {
    format!(
        r#"{HEAD}
image "base" {{
  scratch {{}}
  volume "root" {{
    size            = "1GiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  bootstrap "tar" {{ path = "root.tar" }}
  provision "shell" "greet" {{ inline = ["echo hello > /greeting"] }}
}}
"#
    )
}

/// A project and its lab.
pub struct Bench {
    pub lab: Lab,
    pub project: Project,
}

/// A project with a module and the archive of a small root.
pub fn project(module: &str) -> Project {
    let project = Project::new(module);
    let pack = "mkdir -p root/bin root/etc root/tmp && cp /bin/busybox root/bin/busybox && ln -sf busybox root/bin/sh && \
                tar -cf root.tar -C root . && rm -r root";
    let packed = Command::new("sh")
        .args(["-c", pack])
        .current_dir(project.path())
        .status();
    assert!(packed.expect("sh starts").success(), "busybox-static is installed");
    project
}

/// bake on a host of its own, as far as bake can tell: with a name of its own, and without the locks of others. The devices
/// are those of the one instance that the lab has.
pub fn on_host(name: &str, bake: &Command) -> Command {
    let script =
        r#"mkdir -p /run/lock/bake/images && hostname "$0" && mount -t tmpfs locks /run/lock/bake/images && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--uts", "--mount", "sh", "-c", script, name]);
    command.arg(bake.get_program()).args(bake.get_args());
    command.current_dir(bake.get_current_dir().expect("bake runs in its project"));
    for (name, value) in bake.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

impl Bench {
    pub fn new(lab: Lab, module: &str) -> Bench {
        let project = project(module);
        Bench { lab, project }
    }

    /// bake as the builder, in the project.
    pub fn bake(&self, arguments: &[&str]) -> Command {
        self.bake_as("LABMAIN", arguments)
    }

    pub fn bake_as(&self, key: &str, arguments: &[&str]) -> Command {
        let mut command = self.project.bake(arguments);
        self.lab.environment_of(&mut command, key);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.bake(arguments).output().expect("bake starts")
    }

    /// Runs bake, which must succeed; what it wrote.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = both(&output);
        assert!(output.status.success(), "bake {arguments:?}: {}\n{text}", output.status);
        text
    }

    pub fn apply(&self) -> String {
        self.done(&["apply", "-auto-approve"])
    }

    /// Waits until something is so; five minutes are far too long for it.
    pub fn until(&self, is: impl Fn() -> bool) {
        for _ in 0..15_000 {
            if is() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("it does not come to pass: {:#}", self.lab.inventory());
    }

    /// How many things of a kind stand: `images`, `snapshots`, `volumes`, `attachments`, `loops`, `mounts`.
    pub fn standing(&self, kind: &str) -> usize {
        self.lab.inventory()[kind].as_array().map_or(0, Vec::len)
    }

    /// Images and snapshots, and nothing that should not outlive a run.
    pub fn assert_standing(&self, images: usize, snapshots: usize) {
        let all = self.lab.inventory();
        let count = |kind: &str| all[kind].as_array().map_or(0, Vec::len);
        let is = (
            count("images"),
            count("snapshots"),
            count("volumes"),
            count("attachments"),
        );
        assert_eq!(
            is,
            (images, snapshots, 0, 0),
            "images, snapshots, volumes, attachments: {all:#}"
        );
    }

    /// EC2 calls after so many, by their names, without those that only wait: a look at one thing that is repeated, while
    /// no call has changed that thing.
    pub fn calls_since(&self, count: usize) -> Vec<String> {
        let mut looks: BTreeMap<String, String> = BTreeMap::new();
        let mut names = Vec::new();
        let calls = self.lab.calls_since(count).into_iter();
        for call in calls.filter(|call| call["service"] == "ec2") {
            let action = call["action"].as_str().unwrap_or_default().to_owned();
            let asked = call["parameters"].to_string();
            if !action.starts_with("Describe") {
                looks.retain(|_, thing| !asked.contains(&**thing));
            } else if let Some(thing) = thing(&call["parameters"])
                && looks.insert(format!("{action} {asked}"), thing).is_some()
            {
                continue;
            }
            names.push(action);
        }
        names
    }

    /// How often a call had its effect, whatever became of its answer: the log of the lab tells.
    pub fn effects(&self, action: &str) -> usize {
        let had = |call: &Value| {
            let after = |fault: &Value| fault.as_str().is_some_and(|kind| kind.ends_with("_after"));
            call["outcome"] == "ok" || call["faults"].as_array().into_iter().flatten().any(after)
        };
        let of_action = self.lab.calls().into_iter().filter(|call| call["action"] == action);
        let effects: Vec<Value> = of_action.filter(had).collect();
        // The same token once more has no other effect.
        let tokens: BTreeSet<&str> = effects.iter().filter_map(|call| call["token"].as_str()).collect();
        tokens.len() + effects.iter().filter(|call| !call["token"].is_string()).count()
    }

    /// The text of a file in a snapshot; `offset` is where its file system begins.
    pub fn file_in(&self, snapshot: &str, offset: u64, path: &str) -> String {
        let disk = format!("{}?offset={offset}", self.lab.disk(snapshot).display());
        let output = Command::new("debugfs")
            .args(["-R", &format!("cat {path}"), &disk])
            .output();
        String::from_utf8_lossy(&output.expect("debugfs starts").stdout).into_owned()
    }
}

/// Looks into a file system on a disk, which begins at an offset: mounted read-only, in a place that goes.
pub fn mounted(disk: &Path, offset: u64, look: impl FnOnce(&Path)) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let options = format!("loop,ro,offset={offset}");
    let mount = Command::new("mount")
        .args(["-o", &options])
        .arg(disk)
        .arg(place.path())
        .output();
    let mount = mount.expect("mount starts");
    assert!(mount.status.success(), "{}", both(&mount));
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(place.path())));
    let unmounted = Command::new("umount").arg(place.path()).status();
    assert!(unmounted.expect("umount starts").success());
    if let Err(panic) = looked {
        std::panic::resume_unwind(panic);
    }
}

/// The one thing that a look is at, by its id.
fn thing(parameters: &Value) -> Option<String> {
    let [filter] = parameters["Filters"].as_array()?.as_slice() else {
        return None;
    };
    let by_id = ["volume-id", "snapshot-id", "image-id"]
        .iter()
        .any(|name| filter["Name"] == *name);
    match filter["Values"].as_array()?.as_slice() {
        [id] if by_id => id.as_str().map(str::to_owned),
        _ => None,
    }
}

/// Standard output and standard error.
pub fn both(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}
