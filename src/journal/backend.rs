//! Where journals are: `.bake/journal/RUN.jsonl`, with a lock beside each that its run holds as long as it lives.

use std::path::{Path, PathBuf};

use super::record::Record;
use super::standing::{Impossible, Standing};
use crate::diagnostic::Diagnostic;
use crate::host::locks::{self, Lock};
use crate::host::{HostError, files, log, machine};
use crate::providers::RunId;

/// The directory of a project's journals.
#[derive(Debug, Clone)]
pub struct Backend {
    directory: PathBuf,
}

/// The journal of a run, open and locked.
#[derive(Debug)]
pub struct Journal {
    log: log::Log,
    path: PathBuf,
    lock: Lock,
}

/// A journal that was found.
#[derive(Debug)]
pub enum Found {
    /// Its run lives, or somebody recovers it.
    Alive(RunId),
    /// Its run is dead: it can be gone on with by nobody else now.
    Dead(RunId, Box<Journal>),
}

impl Backend {
    /// The journals under a `.bake` directory, which need not exist.
    pub fn new(bake_directory: &Path) -> Backend {
        Backend {
            directory: bake_directory.join("journal"),
        }
    }

    /// Begins the journal of a run.
    ///
    /// # Errors
    /// As mkdir(2), open(2), flock(2).
    pub fn begin(&self, run: &RunId, command: &str) -> Result<Journal, JournalError> {
        files::create_dir_all(&self.directory)?;
        match self.open(run, command)? {
            Found::Dead(_, journal) => Ok(*journal),
            Found::Alive(run) => Err(JournalError::Alive(run)),
        }
    }

    /// Every journal that there is, in the order of their names; those of dead runs open and locked.
    ///
    /// # Errors
    /// As readdir(3), open(2), flock(2).
    pub fn all(&self, command: &str) -> Result<Vec<Found>, JournalError> {
        self.runs()?.iter().map(|run| self.open(run, command)).collect()
    }

    /// What stands according to a journal that somebody else has.
    ///
    /// # Errors
    /// As [`Journal::standing`].
    pub fn look(&self, run: &RunId) -> Result<Standing, JournalError> {
        standing(&self.directory.join(format!("{run}.jsonl")))
    }

    fn runs(&self) -> Result<Vec<RunId>, JournalError> {
        let failed = |error| HostError::on_path("read directory", &self.directory, error);
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error).into()),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let left = name
                .strip_suffix(".lock")
                .filter(|_| is_left(&self.directory.join(&name)));
            runs.extend(name.strip_suffix(".jsonl").or(left).map(|run| RunId(run.to_owned())));
        }
        runs.sort();
        runs.dedup();
        Ok(runs)
    }

    fn open(&self, run: &RunId, command: &str) -> Result<Found, JournalError> {
        let path = self.directory.join(format!("{run}.jsonl"));
        match Lock::try_take(&path.with_extension("lock"), command)? {
            Ok(lock) => {
                let log = log::Log::open(&path)?;
                Ok(Found::Dead(run.clone(), Box::new(Journal { log, path, lock })))
            }
            Err(_) => Ok(Found::Alive(run.clone())),
        }
    }
}

/// Whether a lock was left by a run that was killed as it began or ended, when it had no journal. One that nobody has
/// written into yet belongs to a run that is beginning.
fn is_left(lock: &Path) -> bool {
    locks::holder(lock).is_some_and(|holder| holder.host == machine::hostname() && !holder.process.is_alive())
}

impl Journal {
    /// Adds a record. It survives bake, but not a power cut.
    ///
    /// # Errors
    /// As write(2).
    pub fn write(&mut self, record: &Record) -> Result<(), JournalError> {
        let line = serde_json::to_vec(record).expect("records are plain data with text keys");
        Ok(self.log.append(&line)?)
    }

    /// Adds a record and waits until it is on the disk, with all before it.
    ///
    /// # Errors
    /// As write(2) and fdatasync(2).
    pub fn write_through(&mut self, record: &Record) -> Result<(), JournalError> {
        self.write(record)?;
        Ok(self.log.flush()?)
    }

    /// What stands according to it. A torn last line, the crash that a journal exists for, counts for nothing.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if it does not read, or tells an impossible history.
    pub fn standing(&self) -> Result<Standing, JournalError> {
        standing(&self.path)
    }

    /// A second handle on its lock, for a helper that outlives the run.
    ///
    /// # Errors
    /// When no descriptor is free.
    pub fn share(&self) -> Result<std::os::fd::OwnedFd, JournalError> {
        Ok(self.lock.share()?)
    }

    /// Lets go of it without unlocking it: the lock stays with those to whom it was given by [`Journal::share`].
    pub fn leave(self) {
        self.lock.leave();
    }

    /// Removes it: nothing is left that it would have to remember.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn remove(self) -> Result<(), JournalError> {
        files::remove(&self.path)?;
        Ok(files::remove(&self.path.with_extension("lock"))?)
    }
}

fn standing(path: &Path) -> Result<Standing, JournalError> {
    let text = match files::read(path) {
        Err(error) if error.is_not_found() => Vec::new(),
        text => text?,
    };
    let damaged = |why: String| JournalError::Damaged {
        path: path.to_owned(),
        why,
    };
    let records = read(&text).map_err(damaged)?;
    Standing::fold(&records).map_err(|why: Impossible| damaged(why.to_string()))
}

/// Reads the lines of a journal; what follows the last newline is a line that was being written.
fn read(text: &[u8]) -> Result<Vec<Record>, String> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let parse = |(number, line)| serde_json::from_slice(line).map_err(|why| format!("line {}: {why}", number + 1));
    lines.enumerate().map(parse).collect()
}

/// Why a journal is of no use.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The host said no.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Another process has it.
    #[error("the journal of run {0} belongs to a process that lives")]
    Alive(RunId),
    /// It does not say what stands.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl From<JournalError> for Diagnostic {
    fn from(error: JournalError) -> Diagnostic {
        match error {
            JournalError::Host(error) => error.into(),
            JournalError::Damaged { .. } => Diagnostic::error(error.to_string())
                .note("it is the only record of what that run left standing")
                .help("bake gc lists what stands in the store without it; then remove the file"),
            JournalError::Alive(_) => Diagnostic::error(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::Outcome;

    fn ended() -> Record {
        Record::Ended { outcome: Outcome::Done }
    }

    #[test]
    fn a_journal_belongs_to_one_process_and_loses_only_its_torn_line() {
        let directory = tempfile::tempdir().unwrap();
        let backend = Backend::new(directory.path());
        let run = RunId("0badcafe".into());
        assert!(backend.all("test").unwrap().is_empty());
        let mut journal = backend.begin(&run, "test").unwrap();
        assert!(matches!(&backend.all("test").unwrap()[..], [Found::Alive(alive)] if *alive == run));
        journal.write_through(&ended()).unwrap();
        let path = journal.path.clone();
        drop(journal);
        let whole = files::read(&path).unwrap();
        files::replace(&path, &[&whole[..], b"{\"record\":\"en"].concat()).unwrap();
        let Found::Dead(_, mut journal) = backend.all("test").unwrap().remove(0) else {
            panic!("nobody has it")
        };
        journal.write(&ended()).unwrap();
        assert_eq!(read(&files::read(&path).unwrap()).unwrap().len(), 2);
        journal.remove().unwrap();
        assert!(backend.all("test").unwrap().is_empty());
    }

    #[test]
    fn a_lock_without_a_journal_is_a_run_that_left_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let backend = Backend::new(directory.path());
        let journal = backend.begin(&RunId("0badcafe".into()), "test").unwrap();
        files::remove(&journal.path).unwrap();
        assert!(backend.look(&RunId("0badcafe".into())).unwrap().run.is_none());
        let lock = journal.path.with_extension("lock");
        assert!(
            backend.all("test").unwrap().is_empty(),
            "a run that is beginning is left alone"
        );
        let held = String::from_utf8(files::read(&lock).unwrap()).unwrap();
        drop(journal);
        let dead = held.replace("\"start_time\":", "\"start_time\":1");
        assert_ne!(dead, held);
        files::replace(&lock, dead.as_bytes()).unwrap();
        let Found::Dead(_, journal) = backend.all("test").unwrap().remove(0) else {
            panic!("nobody has it")
        };
        assert!(journal.standing().unwrap().run.is_none());
        journal.remove().unwrap();
        let left = std::fs::read_dir(&backend.directory).unwrap().count();
        assert_eq!(left, 0, "neither journal nor lock");
    }

    #[test]
    fn a_damaged_line_is_an_error_with_its_number() {
        assert!(
            read(b"{\"record\":\"ended\",\"outcome\":\"done\"}\nrubbish\n")
                .unwrap_err()
                .starts_with("line 2:")
        );
        assert!(read(b"").unwrap().is_empty());
    }
}
