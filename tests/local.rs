//! The whole job on the local provider, through the program: from a module to disks that are mounted, compared and booted.
//! Needs root, and what tests/all installs.

#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

mod support;

#[path = "local/ansible.rs"]
mod ansible;
#[path = "local/bench.rs"]
mod bench;
#[path = "local/chroot.rs"]
mod chroot;
#[path = "local/conditions.rs"]
mod conditions;
#[path = "local/damage.rs"]
mod damage;
#[path = "local/debian.rs"]
mod debian;
#[path = "local/disks.rs"]
mod disks;
#[path = "local/drift.rs"]
mod drift;
#[path = "local/fleet.rs"]
mod fleet;
#[path = "local/full.rs"]
mod full;
#[path = "local/hooks.rs"]
mod hooks;
#[path = "local/import.rs"]
mod import;
#[path = "local/modules.rs"]
mod modules;
#[path = "local/packages.rs"]
mod packages;
#[path = "local/packed.rs"]
mod packed;
#[path = "local/releases.rs"]
mod releases;
#[path = "local/rootless.rs"]
mod rootless;
#[path = "local/seal.rs"]
mod seal;
#[path = "local/tools.rs"]
mod tools;
#[path = "local/verify.rs"]
mod verify;
#[path = "local/verify_again.rs"]
mod verify_again;
