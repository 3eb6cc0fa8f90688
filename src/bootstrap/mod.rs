//! How an empty root becomes a system that boots: one file per kind of bootstrap and of boot loader, with its table and
//! what it does.

pub mod apt_sources;
pub mod debian;
pub mod grub;
pub mod tar;

use crate::schema::Block;

/// The tables of all kinds of `bootstrap`, in the order of the reference.
pub const BLOCKS: &[&Block] = &[&debian::BLOCK, &tar::BLOCK];

/// The tables of all kinds of `boot_loader`, in the order of the reference.
pub const BOOT_LOADERS: &[&Block] = &[&grub::BLOCK];
