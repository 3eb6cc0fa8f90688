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

/// What becomes encrypted in a region where nothing is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultEncryption {
    /// As the provider told.
    Told {
        /// Whether everything is encrypted, also what says nothing, or says `encrypted = false`.
        always: bool,
        /// Whether the key that is taken is one that the provider manages.
        managed: bool,
    },
    /// These credentials may not ask.
    Hidden,
}

impl DefaultEncryption {
    /// Whether everything is encrypted, as far as is known.
    pub fn is_always(self) -> bool {
        matches!(self, DefaultEncryption::Told { always: true, .. })
    }

    /// Whether the key is the provider's, unless it is known to be another.
    pub fn is_managed(self) -> bool {
        !matches!(self, DefaultEncryption::Told { managed: false, .. })
    }
}
