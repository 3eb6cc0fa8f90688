//! The crash-safe record of an apply in progress.

pub mod record;
