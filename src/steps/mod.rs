//! Provision steps: one file per kind, with its table and what it does.

pub mod every;
pub mod file;
pub mod local;
pub mod shell;

use crate::schema::Block;

/// The tables of all kinds of steps, in the order of the reference.
pub const BLOCKS: &[&Block] = &[&shell::BLOCK, &file::BLOCK, &local::BLOCK];
