//! The lock of commands that write beside the module: of two at once the second reads what the first has written.

use std::path::Path;

use super::session;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::locks::{Held, Lock};
use crate::host::{HostError, Kind};
use crate::module::lock;
use crate::ui::Terminal;
use crate::ui::printable::clean;
use crate::units::{BadUnit, Duration};

/// Flags of all that writes beside the module.
#[derive(Debug, clap::Args)]
pub struct Locking {
    /// How long another bake that writes bake.lock.hcl is waited for, such as 90s; 0: fail at once. By default as long as it
    /// takes.
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    lock_timeout: Option<Duration>,
}

impl Locking {
    /// Takes the lock of a module's directory, to be held from before the first look at its files until the last is written.
    ///
    /// # Errors
    /// That somebody else has it, when the time is over; a directory that does not open.
    pub fn take(&self, directory: &Path, terminal: &Terminal) -> Result<Lock, Diagnostics> {
        let patience = self.lock_timeout.map(Duration::as_std);
        let tell = |held: &Held| {
            let text = format!("bake waits for the lock of {}, {held}", lock::FILE);
            terminal.say(&clean(&text));
        };
        let taking = Lock::take_directory(directory, patience, tell);
        Ok(session::runtime()?.block_on(taking).map_err(locked)?)
    }
}

/// Of a lock that somebody else has, the file for which it stands says more than the directory.
fn locked(error: HostError) -> Diagnostic {
    match error.kind {
        Kind::Busy => Diagnostic::from(HostError {
            operation: format!("lock {}", lock::FILE),
            ..error
        }),
        _ => Diagnostic::from(error),
    }
}

/// The value of `-lock-timeout`.
///
/// # Errors
/// What is no time.
pub fn timeout(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::seconds(0)),
        _ => text.parse().map_err(|error: BadUnit| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_may_be_waited_for_or_not() {
        assert_eq!(timeout("0"), Ok(Duration::seconds(0)));
        assert_eq!(timeout("90s"), Ok(Duration::seconds(90)));
        assert!(timeout("90").is_err());
    }
}
