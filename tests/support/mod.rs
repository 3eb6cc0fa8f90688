//! What end-to-end tests share: a project in a directory of its own, the real binary, and a look at what it left behind.
#![allow(dead_code, clippy::disallowed_methods)] // Each test file uses its own part; tests start processes themselves.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bake::host::files;

/// A project: a module, its `.bake` directory and its store.
pub struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    /// A project with this module in it.
    pub fn new(module: &str) -> Project {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let project = Project { directory };
        project.write("main.bake.hcl", module);
        project
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a file into it.
    pub fn write(&self, name: &str, text: &str) {
        files::replace(&self.path().join(name), text.as_bytes()).expect("the project can be written");
    }

    /// bake, in it.
    pub fn bake(&self, arguments: &[&str]) -> Command {
        let mut bake = Command::new(env!("CARGO_BIN_EXE_bake"));
        bake.args(arguments).current_dir(self.path());
        bake
    }

    /// Runs bake to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.bake(arguments).output().expect("bake starts")
    }

    /// Runs bake, which must succeed; its standard output.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "bake {arguments:?}: {}\n{out}{err}",
            output.status
        );
        out.into_owned()
    }

    /// Files of a shelf of the store: `images`, `snapshots`, `volumes`.
    pub fn shelf(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(".bake/store").join(name))
            .into_iter()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Journals of runs that are not over.
    pub fn journals(&self) -> usize {
        fs::read_dir(self.path().join(".bake/journal"))
            .into_iter()
            .flatten()
            .count()
    }
}

/// bake while it runs, with its stream of events.
pub struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    /// Starts it; its standard output is read line by line.
    pub fn start(mut command: Command) -> Running {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("bake starts");
        let lines = BufReader::new(child.stdout.take().expect("it was asked for above")).lines();
        Running { child, lines }
    }

    /// The next event; none when bake is over.
    pub fn event(&mut self) -> Option<serde_json::Value> {
        let line = self.lines.next()?.ok()?;
        Some(serde_json::from_str(&line).unwrap_or(serde_json::Value::Null))
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Loop devices, partition nodes, mounts and processes of this host that belong to bake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces(BTreeSet<String>);

impl Traces {
    /// Those of a project, now.
    pub fn of(project: &Path) -> Traces {
        let all = loops(project)
            .into_iter()
            .chain(partitions())
            .chain(mounts(project))
            .chain(processes(project));
        Traces(all.collect())
    }

    /// Without waiting: what bake says is gone is gone. Partition nodes do not say whose they are: those of another project
    /// that is just letting go are given a moment.
    pub fn assert_none(project: &Path) {
        let own: BTreeSet<String> = loops(project)
            .into_iter()
            .chain(mounts(project))
            .chain(processes(project))
            .collect();
        assert!(own.is_empty(), "left behind: {own:?}");
        Traces::wait_until_none(project);
    }

    /// The loop device on a file of the project.
    pub fn loop_device(project: &Path) -> Option<PathBuf> {
        let devices = fs::read_dir("/sys/block").expect("sysfs is mounted").flatten();
        let mut ours = devices.filter(|device| {
            let backing = fs::read_to_string(device.path().join("loop/backing_file"));
            backing.is_ok_and(|file| Path::new(file.trim_end()).starts_with(project))
        });
        ours.next().map(|device| Path::new("/dev").join(device.file_name()))
    }

    /// Waits until there are none: the kernel frees what a killed process held a moment after its death.
    pub fn wait_until_none(project: &Path) {
        let mut left = Traces::of(project);
        for _ in 0..200 {
            if left.0.is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
            left = Traces::of(project);
        }
        panic!("left behind: {:?}", left.0);
    }
}

/// Loop devices on files of the project (`/sys/block/loopN/loop/backing_file`).
fn loops(project: &Path) -> Vec<String> {
    let devices = fs::read_dir("/sys/block").expect("sysfs is mounted").flatten();
    let backing = |device: PathBuf| fs::read_to_string(device.join("loop/backing_file")).ok();
    let files = devices.filter_map(|device| backing(device.path()));
    let ours = files.filter(|file| Path::new(file.trim_end()).starts_with(project));
    ours.map(|file| format!("loop device on {}", file.trim_end())).collect()
}

/// Partitions of loop devices that have no file any more.
fn partitions() -> Vec<String> {
    let nodes = fs::read_dir("/sys/class/block").expect("sysfs is mounted").flatten();
    let names = nodes.map(|node| node.file_name().to_string_lossy().into_owned());
    let orphan = |name: &String| {
        let Some((disk, _)) = name.strip_prefix("loop").and_then(|rest| rest.split_once('p')) else {
            return false;
        };
        !Path::new(&format!("/sys/block/loop{disk}/loop/backing_file")).exists()
    };
    names
        .filter(orphan)
        .map(|name| format!("partition node {name}"))
        .collect()
}

/// Mounts in any namespace that lie in the project or come from it.
fn mounts(project: &Path) -> Vec<String> {
    let wanted = project.display().to_string();
    let tables = pids()
        .into_iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok());
    let lines: BTreeSet<String> = tables
        .flat_map(|table| table.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines
        .into_iter()
        .filter(|line| line.contains(&wanted))
        .map(|line| format!("mount {line}"))
        .collect()
}

/// Processes whose working directory or root is in the project, or whose command line names it.
fn processes(project: &Path) -> Vec<String> {
    let inside = |link: PathBuf| fs::read_link(link).is_ok_and(|target| target.starts_with(project));
    let ours = |pid: &String| {
        let of = PathBuf::from("/proc").join(pid);
        inside(of.join("cwd")) || inside(of.join("root"))
    };
    pids()
        .into_iter()
        .filter(ours)
        .map(|pid| format!("process {pid}"))
        .collect()
}

fn pids() -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}
