//! A project whose bake is a client of a lab, and looks at what stands there.

use std::process::{Command, Output};

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

impl Bench {
    pub fn new(lab: Lab, module: &str) -> Bench {
        let project = Project::new(module);
        let pack = "mkdir -p root/bin root/etc root/tmp && cp /bin/busybox root/bin/busybox && ln -sf busybox root/bin/sh && \
                    tar -cf root.tar -C root . && rm -r root";
        let packed = Command::new("sh")
            .args(["-c", pack])
            .current_dir(project.path())
            .status();
        assert!(packed.expect("sh starts").success(), "busybox-static is installed");
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

    /// EC2 calls after so many, by their names, without those that only wait.
    pub fn calls_since(&self, count: usize) -> Vec<String> {
        let calls = self.lab.calls_since(count).into_iter();
        let ec2 = calls.filter(|call| call["service"] == "ec2");
        ec2.filter_map(|call| Some(call["action"].as_str()?.to_owned()))
            .collect()
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

/// Standard output and standard error.
pub fn both(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}
