//! What a review rests on: plan files that are what was approved, and forms of a plan that say the same.

#![allow(clippy::disallowed_methods)] // the tests lay out modules

#[path = "review/canary.rs"]
mod canary;
#[path = "review/files.rs"]
mod files;
#[path = "review/flags.rs"]
mod flags;
#[path = "review/page.rs"]
mod page;
#[path = "review/policy.rs"]
mod policy;
#[path = "review/project.rs"]
mod project;
#[path = "review/schemas.rs"]
mod schemas;
#[path = "review/stream.rs"]
mod stream;
