//! Every system call and every child process. It knows disks, mounts, files and commands, and not what an image is.

mod accounts;
pub mod apt;
pub mod blocks;
pub mod cache;
mod chroot;
pub mod command;
pub mod devices;
pub mod echo;
pub mod error;
pub mod ext4;
pub mod fetch;
#[allow(clippy::disallowed_methods)] // What is disallowed elsewhere is done here.
pub mod files;
pub mod helper;
mod holding;
pub mod inside;
pub mod locks;
#[allow(clippy::disallowed_methods)]
pub mod log;
pub mod loops;
pub mod machine;
mod mounts;
pub mod partitions;
pub mod pour;
pub mod rootless;
#[allow(clippy::disallowed_methods)]
pub mod sparse;
pub mod stack;
mod sys;
pub mod temporary;
pub mod terminal;
pub mod threads;
pub mod trees;
pub mod turned;

pub use error::{HostError, Kind, Result};
