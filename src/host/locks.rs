//! Locks between bakes of one host: flock(2) on a file that says who holds it.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs4::{FileExt, TryLockError};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::{HostError, Kind, Result};
use super::files;
use super::machine::{self, Process};

/// How long a lock is tried before it counts as held: one that was just given back may linger in a child process
/// between its fork and its exec.
const LINGER: Duration = Duration::from_secs(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds a lock. Written into its file for others to read; the lock itself is the kernel's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process.
    pub process: Process,
    /// Name of its host.
    pub host: String,
    /// When it took the lock, in seconds after 1970.
    pub since: u64,
    /// What it does: `bake apply`.
    pub command: String,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    /// Gone once it was left to others.
    file: Option<File>,
    path: PathBuf,
}

/// Held by somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who, if the file says so.
    pub by: Option<Holder>,
}

impl Lock {
    /// Takes a lock at once, or says who holds it. The file and its directory are made if they are missing.
    ///
    /// # Errors
    /// As open(2); that somebody holds it is no error.
    pub fn try_take(path: &Path, command: &str) -> Result<std::result::Result<Lock, Held>> {
        if let Some(directory) = path.parent() {
            files::create_dir_all(directory)?;
        }
        let file = files::open_lock(path)?;
        match FileExt::try_lock(&file) {
            Ok(()) => Lock::taken(file, path, command).map(Ok),
            Err(TryLockError::WouldBlock) => Ok(Err(Held { by: holder(path) })),
            Err(TryLockError::Error(error)) => Err(HostError::on_path("lock", path, error)),
        }
    }

    /// Takes a lock, waiting for its holder up to `patience` (`None`: for ever), but never less than the second for
    /// which a lock can linger. `waiting` is called when it is clear that there is somebody to wait for, and again
    /// whenever that is somebody else.
    ///
    /// # Errors
    /// [`Kind::Busy`] naming the holder when the time is over.
    pub async fn take(
        path: &Path,
        command: &str,
        patience: Option<Duration>,
        waiting: impl FnMut(&Held) + Send,
    ) -> Result<Lock> {
        Lock::wait(path, patience, waiting, || Lock::try_take(path, command)).await
    }

    /// Takes a lock that others may have at the same time, as long as nobody wants it alone. Waits as [`Lock::take`] does.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub async fn take_shared(
        path: &Path,
        patience: Option<Duration>,
        waiting: impl FnMut(&Held) + Send,
    ) -> Result<Lock> {
        Lock::wait(path, patience, waiting, || Lock::try_take_shared(path)).await
    }

    fn try_take_shared(path: &Path) -> Result<std::result::Result<Lock, Held>> {
        if let Some(directory) = path.parent() {
            files::create_dir_all(directory)?;
        }
        let file = files::open_lock(path)?;
        match FileExt::try_lock_shared(&file) {
            Ok(()) => Ok(Ok(Lock {
                file: Some(file),
                path: path.to_owned(),
            })),
            Err(TryLockError::WouldBlock) => Ok(Err(Held { by: holder(path) })),
            Err(TryLockError::Error(error)) => Err(HostError::on_path("lock", path, error)),
        }
    }

    /// Takes a directory itself, which leaves no file behind and asks for no more rights than reading it. The kernel says who
    /// holds it. Waits as [`Lock::take`] does. On a network's file system that locks no directories it is had at once.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub async fn take_directory(
        path: &Path,
        patience: Option<Duration>,
        waiting: impl FnMut(&Held) + Send,
    ) -> Result<Lock> {
        Lock::wait(path, patience, waiting, || Lock::try_take_directory(path)).await
    }

    fn try_take_directory(path: &Path) -> Result<std::result::Result<Lock, Held>> {
        let file = File::open(path).map_err(|error| HostError::on_path("open", path, error))?;
        let taken = match FileExt::try_lock(&file) {
            // NFS wants a file that is open for writing (flock(2)), which a directory never is.
            Err(TryLockError::Error(error)) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => Ok(()),
            other => other,
        };
        match taken {
            Ok(()) => Ok(Ok(Lock {
                file: Some(file),
                path: path.to_owned(),
            })),
            Err(TryLockError::WouldBlock) => Ok(Err(Held {
                by: holder_in_kernel(&file),
            })),
            Err(TryLockError::Error(error)) => Err(HostError::on_path("lock", path, error)),
        }
    }

    async fn wait(
        path: &Path,
        patience: Option<Duration>,
        mut waiting: impl FnMut(&Held) + Send,
        mut attempt: impl FnMut() -> Result<std::result::Result<Lock, Held>> + Send,
    ) -> Result<Lock> {
        let begun = Instant::now();
        let mut told = None;
        loop {
            let held = match attempt()? {
                Ok(lock) => return Ok(lock),
                Err(held) => held,
            };
            let waited = begun.elapsed();
            if waited >= LINGER && patience.is_some_and(|patience| waited >= patience) {
                return Err(busy(path, &held));
            }
            if waited >= LINGER && told.as_ref() != Some(&held) {
                waiting(&held);
                told = Some(held);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A second handle on the same lock, for a helper that outlives bake: the lock is free when both are gone.
    ///
    /// # Errors
    /// When no descriptor is free.
    pub fn share(&self) -> Result<OwnedFd> {
        let file = self
            .file
            .as_ref()
            .expect("only `leave` takes it, and that consumes the lock");
        let copy = file
            .try_clone()
            .map_err(|error| HostError::on_path("share lock", &self.path, error))?;
        Ok(copy.into())
    }

    /// Lets go of the file without unlocking it: the lock stays with those to whom it was given by [`Lock::share`].
    pub fn leave(mut self) {
        drop(self.file.take());
    }

    /// The same, and others see from now on that `process` has it, with that `command`.
    ///
    /// # Errors
    /// As write(2).
    pub fn hand_over(mut self, process: Process, command: &str) -> Result<()> {
        match self.file.take() {
            Some(mut file) => name_holder(&mut file, &self.path, process, command),
            None => Ok(()),
        }
    }

    fn taken(mut file: File, path: &Path, command: &str) -> Result<Lock> {
        name_holder(&mut file, path, Process::this()?, command)?;
        Ok(Lock {
            file: Some(file),
            path: path.to_owned(),
        })
    }
}

/// Writes into a lock's file who has it.
fn name_holder(file: &mut File, path: &Path, process: Process, command: &str) -> Result<()> {
    let holder = Holder {
        process,
        host: machine::hostname(),
        since: machine::seconds_since_epoch()?,
        command: command.to_owned(),
    };
    let text = serde_json::to_vec(&holder).expect("a holder has only texts and numbers");
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(&text));
    // On a full disk a lock must be had all the same, without a name in it: cleaning up takes locks.
    match written.map_err(|error| HostError::on_path("lock", path, error)) {
        Err(error) if error.kind != Kind::Full => Err(error),
        _ => Ok(()),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Unlocked by name: closing alone does not free it while a child that is being spawned shares the file.
            let _ = file.set_len(0);
            let _ = FileExt::unlock(file);
        }
    }
}

/// Who holds the lock of this file, as far as the file says; somebody may have let go of it meanwhile.
pub fn holder(path: &Path) -> Option<Holder> {
    let mut text = Vec::new();
    File::open(path).ok()?.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Who holds the lock of this file, as `/proc/locks` has it (proc(5)): the fifth field is the process, the sixth ends in the
/// inode. What it was started with is not told: a secret may stand there.
fn holder_in_kernel(file: &File) -> Option<Holder> {
    let inode = format!(":{}", file.metadata().ok()?.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let mut fields = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let held = fields
        .find(|fields| fields.get(1) == Some(&"FLOCK") && fields.get(5).is_some_and(|at| at.ends_with(&inode)))?;
    let process = Process::of(held[4].parse().ok()?).ok()?;
    let command = std::fs::read_to_string(format!("/proc/{}/comm", process.pid)).ok()?;
    Some(Holder {
        process,
        host: machine::hostname(),
        since: machine::seconds_since_epoch().ok()?,
        command: command.trim_end().to_owned(),
    })
}

/// Whether a lock is free now, without keeping it.
///
/// # Errors
/// As open(2); no file means free.
pub fn is_free(path: &Path) -> Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(HostError::on_path("open", path, error)),
    };
    let begun = Instant::now();
    loop {
        match FileExt::try_lock(&file) {
            Ok(()) => {
                let _ = FileExt::unlock(&file);
                return Ok(true);
            }
            Err(TryLockError::WouldBlock) if begun.elapsed() < LINGER => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(HostError::on_path("lock", path, error)),
        }
    }
}

impl std::fmt::Display for Held {
    /// `held by "bake apply" (process 71 on build1)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some(holder) => write!(
                f,
                "held by `{}` (process {} on {})",
                holder.command, holder.process.pid, holder.host
            ),
            None => f.write_str("held by another process"),
        }
    }
}

fn busy(path: &Path, held: &Held) -> HostError {
    HostError::new(Kind::Busy, format!("lock {}", path.display()), format!("it is {held}"))
        .help("wait for it, or give a longer -lock-timeout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holds_it_and_the_other_is_told_who() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locks/web");
        let lock = Lock::try_take(&path, "bake apply").unwrap().unwrap();
        let held = Lock::try_take(&path, "bake destroy").unwrap().unwrap_err();
        assert_eq!(held.by.unwrap().command, "bake apply");
        assert!(!is_free(&path).unwrap());
        let mut told = Vec::new();
        let patience = Some(Duration::ZERO);
        let error = Lock::take(&path, "bake destroy", patience, |held| told.push(held.to_string()))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.to_string().contains("held by `bake apply`"), "{error}");
        drop(lock);
        assert!(is_free(&path).unwrap());
        assert_eq!(holder(&path), None);
    }

    #[tokio::test]
    async fn whoever_waits_gets_it_when_it_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::try_take(&path, "first").unwrap().unwrap();
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut tell = Some(tell);
        let waiting = Lock::take(&path, "second", None, move |held| {
            let _ = tell.take().expect("told once").send(held.to_string());
        });
        let free = async {
            assert!(told.await.unwrap().contains("`first`"));
            drop(lock);
        };
        let (second, ()) = tokio::join!(waiting, free);
        assert_eq!(holder(&path).unwrap().command, "second");
        drop(second.unwrap());
    }

    #[test]
    fn a_lock_that_was_left_stays_with_those_who_share_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::try_take(&path, "first").unwrap().unwrap();
        let shared = lock.share().unwrap();
        lock.hand_over(Process::this().unwrap(), "second").unwrap();
        assert!(!is_free(&path).unwrap());
        assert_eq!(holder(&path).unwrap().command, "second");
        drop(shared);
        assert!(is_free(&path).unwrap());
    }
}
