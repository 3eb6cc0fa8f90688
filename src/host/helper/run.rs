//! One command as the helper's child: its output handed on, its end awaited, everything that it left killed and reaped.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as AnyPid;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};

use super::protocol::{Command, Exit, Request};
use super::wire::{Channel, ERROR, OUTPUT};
use super::worker::ARGUMENT;
use crate::host::command::this_program;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::files;
use crate::host::inside::Root;
use crate::host::mounts;

/// Bytes of output that are read at a time.
const CHUNK: usize = 64 << 10;
/// How often, at least, orphans of a running command are reaped.
const TICK: Duration = Duration::from_secs(1);

/// A command that runs.
struct Running<'a> {
    channel: &'a Channel,
    child: Pid,
    handle: OwnedFd,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    deadline: Option<Instant>,
    /// Why it was killed.
    verdict: Option<Exit>,
}

/// Runs a command to its end.
///
/// # Errors
/// [`Kind::Lost`] if bake is gone meanwhile; otherwise why the command could not be started.
pub(super) fn run(command: &Command, descriptors: Vec<OwnedFd>, channel: &Channel) -> Result<Exit> {
    let targets = Targets::make(command)?;
    let ended = run_on(command, descriptors, channel);
    targets.remove();
    ended
}

fn run_on(command: &Command, descriptors: Vec<OwnedFd>, channel: &Channel) -> Result<Exit> {
    let description = Description::new(command)?;
    let mut running = Running::start(command, &description, descriptors, channel)?;
    let outcome = running.await_end();
    kill_all();
    let outcome = outcome.and_then(|exit| running.drain().map(|()| exit));
    let exit = outcome?;
    description.failure().map_or(Ok(exit), Err)
}

/// Mount points that a command's own mounts need and its root lacks: made before it starts, removed after it, because
/// the process that mounts on them becomes the command.
struct Targets {
    root: Root,
    made: Vec<String>,
}

impl Targets {
    fn make(command: &Command) -> Result<Targets> {
        let root = Root::open(command.root.as_deref().unwrap_or(Path::new("/")))?;
        let mut made = Vec::new();
        for mount in &command.mounts {
            made.extend(mounts::make_target(&root, mount)?);
        }
        if !command.files.is_empty() && root.metadata("/run")?.is_none() {
            root.make_dir("/run")?;
            made.push("/run".into());
        }
        Ok(Targets { root, made })
    }

    fn remove(&self) {
        mounts::remove_targets(&self.root, &self.made);
    }
}

/// Kills and reaps every process of the PID namespace but this one, which is its first: kill(2) with -1 reaches the
/// namespace only.
pub(super) fn kill_all() {
    loop {
        let alone = kill(AnyPid::from_raw(-1), Signal::SIGKILL).is_err();
        while let Ok(Some(_)) = rustix::io::retry_on_intr(|| rustix::process::wait(WaitOptions::empty())) {}
        if alone {
            return;
        }
    }
}

impl<'a> Running<'a> {
    fn start(
        command: &Command,
        description: &Description,
        descriptors: Vec<OwnedFd>,
        channel: &'a Channel,
    ) -> Result<Running<'a>> {
        let operation = || format!("run {}", command.argv.join(" "));
        let mut step = this_program(None);
        step.args([ARGUMENT, "step", &description.number()]).env_clear();
        stdio(&mut step, command.terminal, descriptors).doing(operation)?;
        // Only this process forks here, and only once: nobody else inherits the description.
        description.inherit(true)?;
        let spawned = step.spawn();
        description.inherit(false)?;
        // The write ends of the pipes are dropped with it, so that only the command holds them.
        drop(step);
        let mut child = spawned.doing(operation)?;
        let pid = Pid::from_child(&child);
        Ok(Running {
            channel,
            child: pid,
            handle: rustix::process::pidfd_open(pid, PidfdFlags::empty()).doing(operation)?,
            output: child.stdout.take(),
            errors: child.stderr.take(),
            deadline: command.timeout.map(|timeout| Instant::now() + timeout),
            verdict: None,
        })
    }

    /// Until its first process has ended, or was killed.
    fn await_end(&mut self) -> Result<Exit> {
        self.set_nonblocking()?;
        loop {
            if let Some(exit) = self.reap() {
                return Ok(self.verdict.unwrap_or(exit));
            }
            let ready = self.wait()?;
            if ready.request {
                self.hear()?;
            }
            if ready.output {
                self.output = forward(self.output.take(), OUTPUT, self.channel)?;
            }
            if ready.errors {
                self.errors = forward(self.errors.take(), ERROR, self.channel)?;
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.end(Exit::TimedOut);
            }
        }
    }

    fn set_nonblocking(&self) -> Result<()> {
        let pipes = [
            self.output.as_ref().map(AsFd::as_fd),
            self.errors.as_ref().map(AsFd::as_fd),
        ];
        for pipe in pipes.into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true).doing(|| "read the command's output".into())?;
        }
        Ok(())
    }

    /// Reaps whatever has ended; answers how the command did, if it has.
    fn reap(&self) -> Option<Exit> {
        let mut exit = None;
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == self.child {
                exit = Some(exit_of(status));
            }
        }
        exit
    }

    /// Until something happens.
    fn wait(&self) -> Result<Ready> {
        let mut polled = vec![
            PollFd::new(self.channel, PollFlags::IN),
            PollFd::new(&self.handle, PollFlags::IN),
        ];
        let output = self.output.as_ref().map(|pipe| push(&mut polled, pipe.as_fd()));
        let errors = self.errors.as_ref().map(|pipe| push(&mut polled, pipe.as_fd()));
        let left = self
            .deadline
            .map_or(TICK, |deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = Timespec::try_from(left.min(TICK)).expect("a second fits");
        match rustix::event::poll(&mut polled, Some(&patience)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(HostError::of_io("wait for the command", error)),
        }
        let is_ready = |at: usize| !polled[at].revents().is_empty();
        Ok(Ready {
            request: is_ready(0),
            output: output.is_some_and(is_ready),
            errors: errors.is_some_and(is_ready),
        })
    }

    /// While a command runs there is one thing that bake may say.
    fn hear(&mut self) -> Result<()> {
        let frame = self.channel.receive()?.ok_or_else(bake_is_gone)?;
        if let Request::Stop = frame.message()? {
            self.end(Exit::Stopped);
        }
        Ok(())
    }

    fn end(&mut self, verdict: Exit) {
        self.verdict.get_or_insert(verdict);
        self.deadline = None;
        // All at once: a command that forks could outrun one signal after another.
        let _ = kill(AnyPid::from_raw(-1), Signal::SIGKILL);
    }

    /// What is still in the pipes. Nobody who could write more is alive.
    fn drain(&mut self) -> Result<()> {
        while self.output.is_some() {
            self.output = forward(self.output.take(), OUTPUT, self.channel)?;
        }
        while self.errors.is_some() {
            self.errors = forward(self.errors.take(), ERROR, self.channel)?;
        }
        Ok(())
    }
}

/// What poll(2) found.
struct Ready {
    request: bool,
    output: bool,
    errors: bool,
}

fn push<'a>(polled: &mut Vec<PollFd<'a>>, pipe: BorrowedFd<'a>) -> usize {
    polled.push(PollFd::from_borrowed_fd(pipe, PollFlags::IN));
    polled.len() - 1
}

/// Hands one chunk on; answers the pipe while there may be more.
fn forward<P: Read>(pipe: Option<P>, tag: u8, channel: &Channel) -> Result<Option<P>> {
    let Some(mut pipe) = pipe else {
        return Ok(None);
    };
    let mut chunk = vec![0; CHUNK];
    match pipe.read(&mut chunk) {
        Ok(0) => Ok(None),
        Ok(count) => channel.send(tag, &chunk[..count], &[]).map(|()| Some(pipe)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(Some(pipe)),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(Some(pipe)),
        Err(error) => Err(HostError::of_io("read the command's output", error)),
    }
}

/// One descriptor is the input; of a terminal it is all three.
fn stdio(step: &mut std::process::Command, terminal: bool, mut descriptors: Vec<OwnedFd>) -> std::io::Result<()> {
    let input = descriptors
        .pop()
        .ok_or_else(|| std::io::Error::other("no input came with the command"))?;
    if terminal {
        step.stdout(input.try_clone()?).stderr(input.try_clone()?).stdin(input);
    } else {
        step.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    Ok(())
}

fn exit_of(status: WaitStatus) -> Exit {
    match status.terminating_signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.exit_status().unwrap_or(-1)),
    }
}

/// The command in words, in memory, handed to the process that becomes it; that one writes behind them why it could not.
struct Description {
    file: File,
    length: u64,
}

impl Description {
    fn new(command: &Command) -> Result<Description> {
        let text = serde_json::to_vec(command)
            .map_err(|error| HostError::new(Kind::Invalid, "describe a command", error.to_string()))?;
        let file = File::from(files::in_memory("command", &text)?);
        Ok(Description {
            file,
            length: text.len() as u64,
        })
    }

    fn number(&self) -> String {
        self.file.as_raw_fd().to_string()
    }

    fn inherit(&self, yes: bool) -> Result<()> {
        let flags = if yes {
            rustix::io::FdFlags::empty()
        } else {
            rustix::io::FdFlags::CLOEXEC
        };
        rustix::io::fcntl_setfd(&self.file, flags).doing(|| "hand a command over".into())
    }

    fn failure(mut self) -> Option<HostError> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(self.length)).ok()?;
        self.file.read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The socket was closed: there is nobody to work for.
pub(super) fn bake_is_gone() -> HostError {
    HostError::new(Kind::Lost, "hear bake", "it is gone")
}
