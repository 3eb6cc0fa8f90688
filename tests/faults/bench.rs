//! Projects that are disturbed, and the disturbance.

use std::collections::VecDeque;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::support::{Project, Traces};

pub const APPLY: &[&str] = &["apply", "-auto-approve", "-json", "-parallelism", "1"];
pub const RECOVER: &[&str] = &["recover"];

/// A whole image with every kind of node that a build has, next to one that only gets another tag later.
pub fn module(text: &str, tag: &str) -> String {
    format!(
        r#"
image "tiny" {{
  scratch {{}}
  volume "root" {{
    size            = "40MiB"
    partition_table = "gpt"
    partition "bios" {{
      type = "bios-boot"
      size = "1MiB"
    }}
    partition "root" {{
      type       = "linux-root"
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }}
  }}
  bootstrap "tar" {{
    path = "root.tar"
  }}
  boot_loader "grub" {{
    targets = ["bios"]
  }}
  provision "shell" "one" {{
    inline = ["echo {text} > /one", "echo in the middle", "/bin/busybox sleep 0.05", "echo two > /two"]
  }}
  hook "before_snapshot" {{
    inline = ["true"]
  }}
  lifecycle {{
    keep_releases = 1
  }}
}}
image "tagged" {{
  reproducible = true
  scratch {{}}
  volume "root" {{
    size            = "8MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  publish {{
    tags = {{ a = "{tag}" }}
  }}
}}
check "registered" {{
  assert {{
    condition     = image.tiny.id != image.tagged.id
    error_message = "two images with one id"
  }}
}}
"#
    )
}

/// A project with this module.
pub fn project(module: &str) -> Project {
    let project = Project::new(module);
    let pack = "mkdir -p root/bin root/etc root/tmp root/boot && cp /bin/busybox root/bin/busybox && \
                ln -sf busybox root/bin/sh && touch root/boot/vmlinuz-6.1 && tar -cf root.tar -C root . && rm -r root";
    run_shell(pack, project.path());
    project
}

/// A copy of a project, with all that was built in it.
pub fn copy(of: &Path) -> Project {
    let project = Project::new("");
    run_shell(
        &format!("cp -a {}/. {}", of.display(), project.path().display()),
        Path::new("/"),
    );
    project
}

fn run_shell(script: &str, directory: &Path) {
    let status = Command::new("sh").args(["-ec", script]).current_dir(directory).status();
    assert!(status.expect("sh starts").success(), "{script}");
}

/// Where a project has the events of its apply.
pub fn events(project: &Project) -> PathBuf {
    project.path().join("events")
}

/// Where bake has its temporary files under a fault.
fn temporary(project: &Project) -> PathBuf {
    project.path().join("temporary")
}

/// What a dead bake may have left among temporary files; where none has run recover looks for nothing.
pub fn leave_temporary(project: &Project) {
    if project.path().join(".bake").exists() {
        let left = temporary(project).join(".bake-work-killed");
        fs::create_dir_all(left.join("sub")).expect("the project can be written");
        fs::set_permissions(left, Permissions::from_mode(0o700)).expect("it is ours");
    }
}

/// What a bake under a fault has left among temporary files.
pub fn left_temporary(project: &Project) -> Vec<PathBuf> {
    let left = fs::read_dir(temporary(project)).expect("it stands");
    left.map(|entry| entry.expect("it can be read").path()).collect()
}

/// The events of an apply as they stand in its file, without those that come from steps themselves.
pub fn told(project: &Project) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(events(project)).expect("an apply was started");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event is JSON"));
    lines.filter(|event| event["type"] != "output").collect()
}

/// What strace does to a system call.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Names of system calls.
    pub calls: &'static str,
    /// `signal=KILL`, `error=EIO`.
    pub what: &'static str,
    /// Which of them, counted from 1 in each thread.
    pub number: usize,
    /// Only those on this file.
    pub on: Option<PathBuf>,
}

impl Fault {
    /// A kill before the n-th such call.
    pub fn kill(calls: &'static str, number: usize) -> Fault {
        Fault {
            calls,
            what: "signal=KILL",
            number,
            on: None,
        }
    }

    /// The same, only on this file.
    pub fn on(mut self, file: PathBuf) -> Fault {
        self.on = Some(file);
        self
    }

    /// bake under this fault, with standard output in the file of events.
    pub fn run(&self, project: &Project, arguments: &[&str]) -> Ended {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(project.path().join("calls"));
        strace.args(["-e", &format!("trace={}", self.calls)]);
        strace.args([
            "-e",
            &format!("inject={}:{}:when={}", self.calls, self.what, self.number),
        ]);
        if let Some(file) = &self.on {
            strace.arg("-P").arg(file);
        }
        strace.arg(env!("CARGO_BIN_EXE_bake")).args(arguments);
        let told = File::create(events(project)).expect("the project can be written");
        fs::create_dir_all(temporary(project)).expect("the project can be written");
        let output = strace
            .current_dir(project.path())
            .env("TMPDIR", temporary(project))
            .stdin(Stdio::null())
            .stdout(told)
            .output()
            .expect("strace is installed");
        Ended {
            killed: output.status.signal() == Some(9),
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// How bake ended.
#[derive(Debug)]
pub struct Ended {
    pub killed: bool,
    pub code: Option<i32>,
    /// Standard error.
    pub said: String,
}

/// The next apply recovers by itself and succeeds; then nothing is left, and nothing to do.
pub fn is_whole(project: &Project) {
    project.done(APPLY);
    Traces::wait_until_none(project.path());
    let shelves = ["images", "snapshots", "volumes"].map(|shelf| project.shelf(shelf).len());
    assert_eq!(
        shelves,
        [2, 6, 0],
        "two images, a snapshot of each with its record and its list of blocks, no volume"
    );
    assert_eq!(project.journals(), 0);
    assert!(project.done(&["plan", "-no-color"]).contains("No changes"));
}

/// Does something with each case, four at a time.
pub fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    let queue: Mutex<VecDeque<T>> = Mutex::new(cases.into_iter().collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while let Some(case) = next() {
                    each(case);
                }
            });
        }
    });
}
