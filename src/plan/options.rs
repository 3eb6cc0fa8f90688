//! What was asked for on the command line.

use serde::{Deserialize, Serialize};

use crate::address::Selection;

/// What kind of plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Makes the world as the module says.
    #[default]
    Normal,
    /// `-destroy`: removes every image.
    Destroy,
    /// `-refresh-only`: shows what was changed outside; not to be applied.
    RefreshOnly,
    /// `bake import`: takes over an image that bake did not make, and nothing else.
    Import,
}

/// Choices of one run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What kind of plan.
    pub mode: Mode,
    /// `-target`: only these and what they need; empty: all.
    pub targets: Vec<Selection>,
    /// `-exclude`: all but these and what needs them.
    pub exclude: Vec<Selection>,
    /// `-replace`: built again in any case.
    pub replace: Vec<Selection>,
    /// RFC 3339: what `max_age` and `deprecate_after` are counted to.
    pub now: String,
}
