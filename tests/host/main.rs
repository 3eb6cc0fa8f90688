//! The helper on real loop devices, mounts and processes. Needs root.

mod bench;
mod helper;
mod tables;
