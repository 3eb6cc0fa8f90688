//! Keys that encrypt what is built.

use serde::{Deserialize, Serialize};

/// A key that encrypts, as a provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// It can encrypt.
    Usable {
        /// `arn:aws:kms:eu-central-1:111122223333:key/...`
        arn: String,
        /// Whether the provider manages it, so that nobody else can be allowed to use it.
        managed: bool,
    },
    /// It is not there, or cannot encrypt.
    Wrong {
        /// `it is disabled`
        why: String,
        /// What to do.
        help: String,
    },
    /// These credentials may not look at it; perhaps they may use it.
    Hidden,
}
