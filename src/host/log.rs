//! Files that only grow: journals, events, logs, the history of the console.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::{HostError, Result};
use super::files::{parent, sync_directory};

/// A file that only grows, one record a line. A crash can tear its last line; [`Log::open`] takes a torn one away.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens a log, or makes it with its entry in the directory flushed. What follows its last newline is cut off.
    ///
    /// # Errors
    /// As open(2) and write(2).
    pub fn open(path: &Path) -> Result<Log> {
        let fresh = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path);
        let file = file.map_err(|error| HostError::on_path("open", path, error))?;
        if fresh {
            sync_directory(parent(path))?;
        }
        let mut log = Log {
            file,
            path: path.to_owned(),
        };
        log.mend()?;
        Ok(log)
    }

    /// Adds a line; `line` has no newline of its own.
    ///
    /// # Errors
    /// As write(2).
    pub fn append(&mut self, line: &[u8]) -> Result<()> {
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        let written = self.file.write_all(&whole);
        written.map_err(|error| HostError::on_path("write to", &self.path, error))
    }

    /// Waits until everything that was added is on the disk.
    ///
    /// # Errors
    /// As fdatasync(2).
    pub fn flush(&mut self) -> Result<()> {
        let flushed = self.file.sync_data();
        flushed.map_err(|error| HostError::on_path("write to", &self.path, error))
    }

    /// The open file, to be locked by its owner.
    pub fn file(&self) -> &File {
        &self.file
    }

    fn mend(&mut self) -> Result<()> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
        let total = read.map_err(|error| HostError::on_path("read", &self.path, error))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < total {
            let cut = self.file.set_len(whole as u64);
            cut.map_err(|error| HostError::on_path("write to", &self.path, error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files::read;

    #[test]
    fn a_torn_line_is_cut_off_and_the_rest_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut log = Log::open(&path).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        log.flush().unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"thr")
            .unwrap();
        let mut log = Log::open(&path).unwrap();
        log.append(b"four").unwrap();
        assert_eq!(read(&path).unwrap(), b"one\ntwo\nfour\n");
    }
}
