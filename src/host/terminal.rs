//! A command of the helper on a person's terminal: a pseudo-terminal for the command, and a bridge to bake's own.
//!
//! The command cannot have bake's terminal itself: its keys for interrupting belong to bake's session.

use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use tokio::signal::unix::{SignalKind, signal};

use super::error::{Explain, HostError, Kind, Result};
use super::helper::{Command, Exit, Helper};
use super::sys;

/// How often the size of the terminal is looked at, in nanoseconds.
const TICK: i64 = 250_000_000;

/// Runs a command, usually a shell, with bake's terminal as its own; keys that interrupt go to the command.
///
/// # Errors
/// [`Kind::NotFound`] if standard input and output are no terminal; else as [`Helper::run`].
pub async fn run(helper: &Helper, command: Command) -> Result<Exit> {
    let operation = || "open a shell".to_owned();
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(HostError::new(
            Kind::NotFound,
            operation(),
            "bake does not run on a terminal",
        ));
    }
    let pair = openpty(Some(&size()), None).doing(operation)?;
    for end in [&pair.master, &pair.slave] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).doing(operation)?;
    }
    let (done, watch) = UnixStream::pair().doing(operation)?;
    let raw = Raw::begin().doing(operation)?;
    let bridge = std::thread::spawn(move || bridge(&pair.master, &watch));
    let exit = helper.run_on_terminal(command, pair.slave).await;
    drop(done);
    // It has nothing to say but that it ended.
    let _ = bridge.join();
    drop(raw);
    exit
}

/// Lets Ctrl-C end nothing from now on: for a prompt, where it drops the line that is being typed.
///
/// # Errors
/// If the system does not let signals be watched.
pub fn outlive_interrupts() -> Result<()> {
    let failed = |error| HostError::of_io("watch for signals", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let _inside = runtime.enter();
    // What takes the signal stays for as long as the process lives, whether anybody listens or not.
    signal(SignalKind::interrupt()).map(drop).map_err(failed)
}

/// bake's terminal with every key handed on, until it is dropped.
struct Raw(Termios);

impl Raw {
    fn begin() -> nix::Result<Raw> {
        let before = tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// Hands bytes on in both directions until the other end of `watch` is closed and the command's output is read.
fn bridge(master: &OwnedFd, watch: &UnixStream) {
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let mut shown = size();
    let mut typing = true;
    loop {
        let keys = if typing { PollFlags::IN } else { PollFlags::empty() };
        let mut polled = [
            PollFd::new(master, PollFlags::IN),
            PollFd::new(watch, PollFlags::IN),
            PollFd::new(&input, keys),
        ];
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: TICK,
        };
        if rustix::event::poll(&mut polled, Some(&tick)).is_err_and(|error| error != Errno::INTR) {
            return;
        }
        let [from_command, done, from_person] = polled.map(|one| !one.revents().is_empty());
        if from_command && !copy(master.as_fd(), output.as_fd()) || done && !from_command {
            return;
        }
        if typing && from_person {
            typing = copy(input.as_fd(), master.as_fd());
        }
        follow(master.as_fd(), &mut shown);
    }
}

/// Copies what is there; `false` at the end, which a pseudo-terminal says with `EIO`.
fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    let mut bytes = [0; 4096];
    let Ok(count) = rustix::io::retry_on_intr(|| rustix::io::read(from, &mut bytes)) else {
        return false;
    };
    let mut rest = &bytes[..count];
    while !rest.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::write(to, rest)) {
            Ok(written) => rest = &rest[written..],
            Err(_) => return false,
        }
    }
    count > 0
}

/// Gives the command's terminal the size of bake's when that has changed.
fn follow(master: BorrowedFd<'_>, shown: &mut Winsize) {
    let now = size();
    if (now.ws_row, now.ws_col) != (shown.ws_row, shown.ws_col) && sys::set_window_size(master, now).is_ok() {
        *shown = now;
    }
}

fn size() -> Winsize {
    let found = terminal_size::terminal_size();
    let (columns, rows) = found.map_or((80, 24), |(width, height)| (width.0, height.0));
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
