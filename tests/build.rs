//! What happens on the host during a build: real loop devices, file systems, mounts and steps. Runs as root.

#[path = "build/bench.rs"]
mod bench;
#[path = "build/disks.rs"]
mod disks;
#[path = "build/guests.rs"]
mod guests;
#[path = "build/loader.rs"]
mod loader;
#[path = "build/steps.rs"]
mod steps;
