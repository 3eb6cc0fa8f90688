//! What is done when a node fails: clean up, keep what stands, or ask somebody.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::host::helper::Helper;

/// `-on-error`.
#[derive(Clone)]
pub enum OnError {
    /// Tear down.
    Cleanup,
    /// Leave what stands of the image to `bake recover`.
    Keep,
    /// Ask, or open a shell, before anything of the image is torn down.
    Consult(Arc<dyn Attendant>),
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Tear down.
    Cleanup,
    /// Leave what stands.
    Keep,
}

/// A failed node, while everything under it still stands.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which node.
    pub address: Address,
    /// Why.
    pub diagnostic: Diagnostic,
    /// The helper of its image, if it has one.
    pub helper: Option<Helper>,
    /// Where the image's root is mounted, as the helper sees it.
    pub root: Option<PathBuf>,
}

/// Somebody at the terminal.
#[async_trait]
pub trait Attendant: Send + Sync {
    /// Answers what is to be done. Other images go on meanwhile. The future is dropped when a stop is asked for.
    async fn failed(&self, failure: &Failure) -> Choice;
}
