//! bake with a person before it: in a pseudo-terminal, with keys that are pressed and lines that are drawn anew.
//!
//! Needs root, Debian's busybox-static, and script(1), which makes the terminal.
#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/root.rs"]
mod root;

mod completing;
mod console;
mod interrupts;
mod keeping;
mod progress;
mod pty;
mod screen;

use support::{Project, Traces};

/// One image of one file system; `steps` are its provision blocks.
fn project(steps: &str) -> Project {
    let project = Project::new(&format!(
        r#"
image "tiny" {{
  scratch {{}}
  volume "root" {{
    size            = "16MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  bootstrap "tar" {{
    path = "root.tar"
  }}
{steps}
}}
"#
    ));
    root::pack(project.path());
    project
}

/// A provision block.
fn step(name: &str, script: &str) -> String {
    format!("provision \"shell\" \"{name}\" {{\n  inline = [{script:?}]\n}}\n")
}

/// Nothing of a build is on the host, in the store or in the journal.
fn assert_nothing_is_left(project: &Project) {
    Traces::wait_until_none(project.path());
    for shelf in ["images", "snapshots", "volumes"] {
        assert_eq!(project.shelf(shelf), Vec::<String>::new(), "{shelf}");
    }
    assert_eq!(project.journals(), 0);
}
