//! The process that owns an image's work on the host: what it attaches, mounts and runs goes when it ends.
//!
//! ```text
//! bake ──socket──▶ outer (namespaces) ──▶ pid 1: devices, mounts ──▶ one command at a time, in a mount namespace of its own
//! ```

mod client;
pub mod protocol;
mod wire;
mod worker;

pub use client::{Helper, Input};
pub use protocol::{
    Chroot, Command, Exit, Extent, HANDED, HandedFile, LoopDevice, Mount, Network, Open, PRIVATE, Place, ShownDevice,
    Stream,
};
