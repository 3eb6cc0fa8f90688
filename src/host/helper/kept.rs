//! Helpers that outlive bake: entering one, and ending one.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sched::CloneFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::step::pivot;
use super::worker::ARGUMENT;
use crate::host::command::program;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::machine::Process;

/// How long the kernel may take to free everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments with which this program opens a shell in a kept helper, on the terminal that it is started from: in the
/// helper's namespaces, with `root` as its root. A program and its arguments behind them run in place of the shell.
pub fn entering(helper: &Process, root: &Path) -> Vec<String> {
    let (pid, root) = (helper.pid.to_string(), root.display().to_string());
    vec![ARGUMENT.to_owned(), "enter".to_owned(), pid, root]
}

/// Ends a kept helper, and waits until it is gone. It is no error if it is gone already.
///
/// # Errors
/// [`Kind::Busy`] if the kernel cannot end it.
pub fn end(helper: &Process) -> Result<()> {
    let operation = || format!("end the helper {}", helper.pid);
    let pid = i32::try_from(helper.pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| HostError::new(Kind::Invalid, operation(), "that is no process id"))?;
    // The handle names one process from here on; the comparison makes sure that it is the one.
    let handle = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(()),
        other => other.doing(operation)?,
    };
    if !helper.is_alive() {
        return Ok(());
    }
    match rustix::process::pidfd_send_signal(&handle, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => wait_until_gone(helper),
        Err(error) => Err(HostError::of_io(operation(), error)),
    }
}

fn wait_until_gone(helper: &Process) -> Result<()> {
    let begun = Instant::now();
    while helper.is_alive() {
        if begun.elapsed() > PATIENCE {
            let operation = format!("end the helper {}", helper.pid);
            return Err(HostError::new(
                Kind::Busy,
                operation,
                "it was killed, but the kernel still has it",
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// What is started with [`entering`]: joins the namespaces, then starts the shell as a child, which is in them wholly.
pub(super) fn join(arguments: &[String]) -> Result<i32> {
    let [pid, root, argv @ ..] = arguments else {
        return Err(HostError::new(
            Kind::Invalid,
            "enter a helper",
            "its id and root are missing",
        ));
    };
    let operation = || format!("enter the helper {pid}");
    join_user(pid).doing(operation)?;
    let kinds = [
        ("ns/uts", CloneFlags::CLONE_NEWUTS),
        ("ns/ipc", CloneFlags::CLONE_NEWIPC),
        ("ns/pid_for_children", CloneFlags::CLONE_NEWPID),
        ("ns/mnt", CloneFlags::CLONE_NEWNS),
    ];
    let opened = kinds.map(|(name, kind)| File::open(format!("/proc/{pid}/{name}")).map(|file| (file, kind)));
    for entry in opened {
        let (file, kind) = entry.doing(operation)?;
        nix::sched::setns(file, kind).doing(operation)?;
    }
    // A namespace of its own, so that its root does not become the helper's.
    nix::sched::unshare(CloneFlags::CLONE_NEWNS).doing(operation)?;
    let root = Path::new(root);
    if root != Path::new("/") {
        rustix::mount::mount_bind_recursive(root, root).doing(operation)?;
        pivot(root).doing(operation)?;
    }
    let (name, arguments) = argv
        .split_first()
        .map_or(("/bin/sh", argv), |(name, rest)| (name.as_str(), rest));
    let mut shell = program(name);
    shell.args(arguments).env_clear().envs(environment());
    let status = shell.status().doing(|| format!("run {name}"))?;
    Ok(status.code().unwrap_or(-1))
}

/// Enters the user namespace of a helper that an ordinary user kept; one's own cannot be entered (setns(2)).
fn join_user(pid: &str) -> std::io::Result<()> {
    let (theirs, ours) = (format!("/proc/{pid}/ns/user"), "/proc/self/ns/user");
    if std::fs::read_link(&theirs)? == std::fs::read_link(ours)? {
        return Ok(());
    }
    Ok(nix::sched::setns(File::open(theirs)?, CloneFlags::CLONE_NEWUSER)?)
}

/// What a shell in an image gets of the environment.
fn environment() -> Vec<(&'static str, String)> {
    vec![
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        ),
        ("HOME", "/root".into()),
        ("LANG", "C.UTF-8".into()),
        ("TERM", std::env::var("TERM").unwrap_or_else(|_| "dumb".into())),
    ]
}
