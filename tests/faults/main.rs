//! What may happen to bake at any moment: `kill -9` at every node boundary and in the middle of steps, and system calls that
//! fail. There are no hooks in the product: strace(1) chooses the call, and kills bake before it or answers in its place.
//!
//! Needs root, strace, and Debian's busybox-static.

#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod boundaries;
mod kills;
mod refusals;
