//! The aws provider, by the real binary against the lab (`tests/lab`): an EC2 endpoint with real block devices.
//!
//! Needs root, Python with venv, and Debian's busybox-static and e2fsprogs.

#![cfg(feature = "aws")]
#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

#[path = "aws/bench.rs"]
mod bench;
#[path = "aws/build.rs"]
mod build;
#[path = "aws/examples.rs"]
mod examples;
#[path = "aws/faults.rs"]
mod faults;
#[path = "aws/hosts.rs"]
mod hosts;
#[path = "aws/import.rs"]
mod import;
#[path = "aws/keys.rs"]
mod keys;
#[path = "support/lab.rs"]
mod lab;
#[path = "aws/mfa.rs"]
mod mfa;
#[path = "terminal/pty.rs"]
mod pty;
#[path = "aws/publish.rs"]
mod publish;
#[path = "aws/refused.rs"]
mod refused;
#[path = "aws/secrets.rs"]
mod secrets;
#[path = "aws/sources.rs"]
mod sources;
mod support;
#[path = "aws/told.rs"]
mod told;
#[path = "aws/traps.rs"]
mod traps;
#[path = "aws/troubled.rs"]
mod troubled;
