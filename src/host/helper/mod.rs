//! The process that owns an image's work on the host: what it attaches, mounts and runs goes when it ends.
//!
//! ```text
//! bake ──socket──▶ outer (namespaces) ──▶ pid 1: devices, mounts ──▶ one command at a time, in a mount namespace of its own
//! ```
//!
//! All of them are this program, started again with [`main`]'s arguments.

mod client;
mod confine;
mod kept;
mod outer;
mod private;
pub mod protocol;
mod run;
mod server;
mod step;
mod wire;
mod worker;

pub use client::{Helper, Input};
pub use kept::{end, entering};
pub use protocol::{
    Chroot, Command, Exit, Extent, HANDED, HandedFile, LoopDevice, Mount, Network, Open, PRIVATE, Place, ShownDevice,
    Stream,
};

use std::ffi::OsString;

use super::error::{HostError, Result};
use super::rootless;
pub(super) use worker::ARGUMENT;

/// The exit status of a helper process that could not do its work; bake hears why over the socket.
const FAILED: u8 = 125;

/// What the program does if its first argument is `__helper`; `None` if it is not. It must be asked before a second
/// thread exists: namespaces are joined by processes with one thread only (setns(2)).
pub fn main(arguments: &[OsString]) -> Option<u8> {
    let (first, rest) = arguments.split_first()?;
    if first != worker::ARGUMENT {
        return None;
    }
    let rest: Option<Vec<String>> = rest.iter().map(|one| one.clone().into_string().ok()).collect();
    Some(rest.and_then(|rest| serve(&rest).ok()).unwrap_or(FAILED))
}

fn serve(arguments: &[String]) -> Result<u8> {
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        None => outer::outer().map(|()| 0),
        Some(("init", [])) => server::serve().map(|()| 0),
        Some(("user", [])) => rootless::hold().map(|()| 0),
        Some(("step", [number])) => Err(step::become_command(number)),
        Some(("enter", rest)) => kept::join(rest).map(|code| u8::try_from(code).unwrap_or(FAILED)),
        Some(_) => Err(HostError::new(
            super::Kind::Invalid,
            "start a helper",
            "unknown arguments",
        )),
    }
}
