//! The helper's outer process: makes the namespaces, starts pid 1 in them, and waits for it.
//!
//! Two processes are needed because unshare(2) puts the *children* of its caller into the new PID namespace.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use nix::sched::CloneFlags;
use rustix::mount::MountPropagationFlags;
use rustix::process::Signal;

use super::protocol::Answer;
use super::wire::Channel;
use super::worker::ARGUMENT;
use crate::host::command::this_program;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::machine::{self, Process};
use crate::host::{rootless, sys};

/// What pid 1 says when it is to outlive bake.
pub(super) const KEEP: u8 = b'k';

/// Runs until pid 1 has ended.
///
/// # Errors
/// When the namespaces or pid 1 cannot be made; bake has been told.
pub(super) fn outer() -> Result<()> {
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .doing(|| "start the helper".into())?;
    let channel = Channel::new(socket);
    // Asked now: later `/proc` shows the helper's own processes, and this one is not among them.
    let this = Process::this()?;
    let started = separate().and_then(|()| start(&channel));
    if let Err(error) = &started {
        channel.send_message(&Answer::Failed(error.clone()), &[])?;
    }
    let (mut child, control) = started?;
    drop(channel);
    attend(control, this)?;
    child
        .wait()
        .map(drop)
        .doing(|| "wait for the helper's first process".into())
}

/// Leaves bake's session, so that a terminal's Ctrl-C does not come here, and the host's namespaces.
fn separate() -> Result<()> {
    rootless::check()?;
    sys::close_on_exec_from(3).doing(|| "keep descriptors from the helper".into())?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).doing(|| "tie the helper to bake".into())?;
    rustix::process::setsid().doing(|| "leave bake's session".into())?;
    let all = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWPID;
    let made = nix::sched::unshare(all).doing(|| "make the helper's namespaces".into());
    made.map_err(|error| match machine::has_devices() {
        true => error,
        false => rootless::forbidden(error.operation),
    })?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).doing(|| "make the helper's mounts private".into())
}

fn start(channel: &Channel) -> Result<(std::process::Child, UnixStream)> {
    let operation = || "start the helper's first process".to_owned();
    let (ours, theirs) = UnixStream::pair().doing(operation)?;
    let socket = channel.as_fd().try_clone_to_owned().doing(operation)?;
    let child = this_program(None)
        .args([ARGUMENT, "init"])
        .stdin(Stdio::from(socket))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .doing(operation)?;
    drop_input().doing(operation)?;
    Ok((child, ours))
}

/// The socket is pid 1's alone: bake sees its end when that ends.
fn drop_input() -> std::io::Result<()> {
    let null = std::fs::File::open("/dev/null")?;
    Ok(nix::unistd::dup2_stdin(null)?)
}

/// Waits until pid 1 closes its end; gives up the tie to bake if it asks for that.
fn attend(mut control: UnixStream, this: Process) -> Result<()> {
    let mut word = [0];
    while control.read(&mut word).is_ok_and(|count| count == 1) {
        if word[0] == KEEP {
            keep(&mut control, this)?;
        }
    }
    Ok(())
}

fn keep(control: &mut UnixStream, this: Process) -> Result<()> {
    let operation = || "let the helper outlive bake".to_owned();
    rustix::process::set_parent_process_death_signal(None).doing(operation)?;
    leave_stderr().doing(operation)?;
    let answer = serde_json::to_vec(&this).expect("a process has only numbers");
    let framed = [
        &[u8::try_from(answer.len()).expect("two numbers are short")],
        answer.as_slice(),
    ]
    .concat();
    control.write_all(&framed).doing(operation)
}

/// Whoever reads bake's messages through a pipe sees their end when bake ends, not when a kept helper does.
fn leave_stderr() -> std::io::Result<()> {
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    Ok(nix::unistd::dup2_stderr(&null)?)
}

/// Asks the outer process to live on; answers who it is.
pub(super) fn ask_to_keep(control: &mut UnixStream) -> Result<Process> {
    let operation = || "let the helper outlive bake".to_owned();
    leave_stderr().doing(operation)?;
    control.write_all(&[KEEP]).doing(operation)?;
    let mut length = [0];
    control.read_exact(&mut length).doing(operation)?;
    let mut answer = vec![0; usize::from(length[0])];
    control.read_exact(&mut answer).doing(operation)?;
    serde_json::from_slice(&answer).map_err(|error| HostError::new(Kind::Invalid, operation(), error.to_string()))
}
