//! The helper on real loop devices, mounts and processes. Needs root.

mod bench;
mod commands;
mod helper;
mod isolation;
mod owner;
mod roots;
mod tables;
