//! Exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// An error, or something is left standing.
    Failed,
    /// There are changes (`plan -detailed-exitcode`).
    Changes,
    /// Something is not what it should be (`fmt -check`, `verify`).
    Differs,
    /// Stopped by a signal: 130 by Ctrl-C, 143 by SIGTERM.
    Signal(u8),
}

impl Exit {
    /// As the shell sees it.
    pub fn number(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Changes => 2,
            Exit::Differs => 3,
            Exit::Signal(status) => status,
        }
    }

    /// For `main`.
    pub fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}
