//! Lines that were typed, kept for the next time: one JSON text per line, readable for its owner alone.

use std::path::PathBuf;

use crate::diagnostic::Diagnostics;
use crate::host::{files, log};

/// How many are kept.
const KEPT: usize = 1000;

/// The file of a person's history; without a home nothing is kept.
pub struct History {
    log: Option<log::Log>,
    /// What was kept, oldest first.
    pub lines: Vec<String>,
}

impl History {
    /// Reads what was kept. What cannot be read is no reason to answer no questions.
    pub fn open() -> History {
        let Some(path) = path() else {
            return History {
                log: None,
                lines: Vec::new(),
            };
        };
        let text = files::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let parent = path.parent().map(files::create_dir_all);
        let log = parent.and_then(Result::ok).and_then(|()| log::Log::open(&path).ok());
        if lines.len() > 2 * KEPT && log.is_some() {
            lines.drain(..lines.len() - KEPT);
            let text: String = lines.iter().map(|line| written(line) + "\n").collect();
            let shortened = files::replace(&path, text.as_bytes()).and_then(|()| log::Log::open(&path));
            return History {
                log: shortened.ok(),
                lines,
            };
        }
        History { log, lines }
    }

    /// Keeps a line.
    ///
    /// # Errors
    /// As write(2).
    pub fn keep(&mut self, line: &str) -> Result<(), Diagnostics> {
        match &mut self.log {
            Some(log) => Ok(log.append(written(line).as_bytes())?),
            None => Ok(()),
        }
    }
}

fn written(line: &str) -> String {
    serde_json::Value::from(line).to_string()
}

/// `$XDG_STATE_HOME/bake/console`, else `~/.local/state/bake/console` (XDG Base Directory Specification).
fn path() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("bake/console"))
}
