//! The whole output of every step, under `.bake/log/`: a file for each node that writes something.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::address::Address;
use crate::digest::Digest;
use crate::host::files;
use crate::host::log::Log;
use crate::nodes::context::StepLog;

/// How long the logs of a run are kept, in days.
const KEPT: i64 = 90;

/// The logs of a run.
#[derive(Debug, Clone)]
pub struct Logs {
    directory: PathBuf,
}

impl Logs {
    /// Those of a run that began at this time (RFC 3339).
    pub fn new(bake_directory: &Path, began: &str) -> Logs {
        let name = began.trim_end_matches('Z').replace(':', "-");
        Logs {
            directory: bake_directory.join("log").join(name),
        }
    }

    /// Where they are; it is made by the first of them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Removes the logs of runs that began long before this one. What is called otherwise than they are is not touched.
    pub fn forget_old(&self) {
        let (Some(all), Some(now)) = (self.directory.parent(), began(&self.directory)) else {
            return;
        };
        let runs = std::fs::read_dir(all).into_iter().flatten().flatten();
        let is_old = |path: &PathBuf| began(path).is_some_and(|then| now.duration_since(then).as_hours() > KEPT * 24);
        for old in runs.map(|run| run.path()).filter(is_old) {
            // They are in nobody's way.
            let _ = files::remove_dir_all(&old);
        }
    }

    /// The log of a node; its file is made by the first line.
    pub fn of(&self, at: &Address) -> StepLog {
        let path = self
            .directory
            .join(file_name(&at.image.to_string()))
            .join(format!("{}.log", node_name(at)));
        let log: Mutex<Option<Log>> = Mutex::new(None);
        let target = path.clone();
        StepLog::new(path, move |bytes| {
            // A log that cannot be written, on a full disk for example, must not fail the build.
            let Ok(mut log) = log.lock() else { return };
            if log.is_none() {
                *log = open(&target);
            }
            if let Some(log) = log.as_mut() {
                let _ = log.append(bytes.strip_suffix(b"\n").unwrap_or(bytes));
            }
        })
    }
}

/// When the run began of which this is the directory.
fn began(directory: &Path) -> Option<jiff::civil::DateTime> {
    let name = directory.file_name()?.to_str()?;
    jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S", name).ok()
}

fn open(path: &Path) -> Option<Log> {
    files::create_dir_all(path.parent()?).ok()?;
    Log::open(path).ok()
}

/// `provision.nginx`.
fn node_name(at: &Address) -> String {
    match &at.node {
        Some(node) => {
            let parts = std::iter::once(node.kind.as_str()).chain(node.label.as_deref());
            file_name(&parts.collect::<Vec<_>>().join("."))
        }
        None => "image".to_owned(),
    }
}

/// The text with everything that leads to another directory, or is unusual in a name, replaced; so that no two texts have
/// one name, part of the digest of such a text follows.
fn file_name(text: &str) -> String {
    let clean = |c: char| {
        if c.is_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = text.chars().map(clean).take(120).collect();
    match name == text {
        true => name,
        false => format!("{name}-{}", &Digest::of(text.as_bytes()).hex()[..6]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ImageAddress;

    #[test]
    fn what_is_old_goes_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let all = directory.path().join("log");
        for name in [
            "2026-08-25T11-03-08",
            "2026-08-26T12-03-09",
            "2026-12-01T00-00-00",
            "mine",
            "2020",
        ] {
            files::create_dir_all(&all.join(name).join("image.web")).unwrap();
        }
        Logs::new(directory.path(), "2026-11-23T12:03:09Z").forget_old();
        let mut left: Vec<_> = std::fs::read_dir(&all)
            .unwrap()
            .map(|run| run.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["2020", "2026-08-26T12-03-09", "2026-12-01T00-00-00", "mine"]);
    }

    #[test]
    fn each_node_has_a_file_that_begins_with_its_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let logs = Logs::new(directory.path(), "2026-11-23T12:03:09Z");
        let at = ImageAddress::new("web", Some("a/b".into())).node("provision", "../x");
        let log = logs.of(&at);
        assert!(!log.path().exists());
        log.write(b"one\n");
        log.write(b"two\n");
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "one\ntwo\n");
        let path = directory
            .path()
            .join("log/2026-11-23T12-03-09/image.web__a_b__-d99a2d/provision..._x-061bee.log");
        assert_eq!(log.path(), path);
    }
}
