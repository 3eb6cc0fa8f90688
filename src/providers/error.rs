//! What a provider could not do, in words.

use crate::diagnostic::Diagnostic;

/// What a provider could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// The thing is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// `snapshot snap-1`.
        what: String,
    },
    /// The name is taken.
    #[error("the name {name:?} is taken by {by}")]
    NameTaken {
        /// The name.
        name: String,
        /// By whose image.
        by: String,
    },
    /// There is no room left.
    #[error("cannot {what}: no space is left")]
    Full {
        /// What was being done, with the path: `write /x`.
        what: String,
    },
    /// Not allowed.
    #[error("cannot {what}: permission denied")]
    Denied {
        /// What was tried, with the path: `read /x`.
        what: String,
    },
    /// Something that bake wrote does not read back.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What, with the path.
        what: String,
        /// Why.
        why: String,
    },
    /// Something that a newer bake wrote.
    #[error("{what} has format {format}, and this bake knows formats up to {known}")]
    Newer {
        /// What, with the path.
        what: String,
        /// Its format.
        format: u32,
        /// The newest that this bake knows.
        known: u32,
    },
    /// The provider itself said no, so that nothing was made.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        why: String,
        /// What to do about it.
        help: String,
    },
    /// Anything else.
    #[error("{what}: {why}")]
    Failed {
        /// What was tried.
        what: String,
        /// What the world said.
        why: String,
    },
}

impl ProviderError {
    /// Whether it is certain that a call which was answered so has made nothing.
    pub fn is_definite(&self) -> bool {
        matches!(
            self,
            ProviderError::Refused { .. } | ProviderError::NotFound { .. } | ProviderError::NameTaken { .. }
        )
    }
}

impl From<ProviderError> for Diagnostic {
    fn from(error: ProviderError) -> Diagnostic {
        let help = match &error {
            ProviderError::Refused { help, .. } => Some(help.as_str()).filter(|help| !help.is_empty()),
            ProviderError::Full { .. } => Some("free some space, then run bake apply again: it begins by cleaning up"),
            ProviderError::Denied { .. } => Some("run bake as the owner of the store"),
            ProviderError::Damaged { .. } => Some("restore the file from a copy, or remove it if the image may go"),
            ProviderError::Newer { .. } => Some("use the bake that wrote it, or a later one"),
            _ => None,
        };
        let diagnostic = Diagnostic::error(error.to_string());
        help.into_iter().fold(diagnostic, Diagnostic::help)
    }
}
