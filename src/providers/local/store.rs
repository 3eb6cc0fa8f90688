//! The directory of a store: its records, written whole or not at all, and what a crash left of them.
//!
//! ```text
//! store.json            says that this is a store, and its format
//! images/img-*.json     one record per image
//! snapshots/snap-*.json, .raw, .blocks
//! volumes/vol-*.json, .raw
//! locks/                one file per image, and the catalogue's
//! ```
//!
//! A record is written before its disk and removed before it, so a disk without a record is what a crash left. Records
//! change only under the lock of the catalogue; whoever takes it clears such remains away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::images::{ImageRecord, ListedImage};
use crate::digest::Digest;
use crate::host::locks::Lock;
use crate::host::threads::side_by_side;
use crate::host::{files, machine};
use crate::providers::ProviderError;

/// The format that this bake writes; it reads this and older ones.
const FORMAT: u32 = 1;

/// Records that are in memory before they are handed over.
const AT_ONCE: usize = 512;

/// So many records at least are worth a thread of their own.
const WORTH_A_THREAD: usize = 64;

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// `images/`.
    Images,
    /// `snapshots/`.
    Snapshots,
    /// `volumes/`.
    Volumes,
}

impl Shelf {
    const ALL: [Shelf; 3] = [Shelf::Images, Shelf::Snapshots, Shelf::Volumes];

    fn directory(self) -> &'static str {
        match self {
            Shelf::Images => "images",
            Shelf::Snapshots => "snapshots",
            Shelf::Volumes => "volumes",
        }
    }

    /// How its ids begin.
    fn prefix(self) -> &'static str {
        match self {
            Shelf::Images => "img",
            Shelf::Snapshots => "snap",
            Shelf::Volumes => "vol",
        }
    }

    /// The id of what a marker's call makes: that it can be said beforehand makes looking it up one look.
    pub fn id(self, token: &str) -> String {
        format!("{}-{}", self.prefix(), token.get(..17).unwrap_or(token))
    }
}

/// A store, which need not exist yet.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Sign {
    /// What this directory is, for people who find it.
    about: String,
    format: u32,
}

impl Store {
    /// The store in this directory.
    pub fn new(root: impl Into<PathBuf>) -> Store {
        Store { root: root.into() }
    }

    /// Where the bytes of a volume or snapshot are.
    pub fn disk(&self, shelf: Shelf, id: &str) -> PathBuf {
        self.path(shelf, id, "raw")
    }

    /// The list of a snapshot's blocks.
    pub fn blocks(&self, snapshot: &str) -> PathBuf {
        self.path(Shelf::Snapshots, snapshot, "blocks")
    }

    /// The lock file of something.
    pub fn lock_file(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(name)
    }

    /// Whether the store exists.
    ///
    /// # Errors
    /// [`ProviderError::Damaged`] if the directory holds something else, or the store of a newer bake.
    pub fn exists(&self) -> Result<bool, ProviderError> {
        let path = self.root.join("store.json");
        let text = match files::read(&path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let sign: Sign = serde_json::from_slice(&text).map_err(|why| damaged(&path, why))?;
        match sign.format {
            FORMAT => Ok(true),
            other => Err(newer(&path, other)),
        }
    }

    /// Makes the store if it does not exist, takes the lock of its catalogue, and clears away what a crash left.
    ///
    /// # Errors
    /// As mkdir(2), open(2); [`ProviderError::Damaged`] as [`Store::exists`].
    pub async fn lock(&self) -> Result<Catalogue<'_>, ProviderError> {
        if !self.exists()? {
            self.make()?;
        }
        let path = self.lock_file("catalogue");
        let lock = Lock::take(&path, "bake", None, |_| ()).await?;
        let catalogue = Catalogue {
            store: self,
            _lock: lock,
        };
        catalogue.sweep()?;
        Ok(catalogue)
    }

    fn make(&self) -> Result<(), ProviderError> {
        for shelf in Shelf::ALL {
            files::create_dir_all(&self.root.join(shelf.directory()))?;
        }
        files::create_dir_all(&self.root.join("locks"))?;
        let about = "images built by bake; see bake images".to_owned();
        let sign = serde_json::to_vec(&Sign { about, format: FORMAT }).expect("a text and a number are JSON");
        Ok(files::replace(&self.root.join("store.json"), &sign)?)
    }

    /// Reads a record; none if there is none.
    ///
    /// # Errors
    /// [`ProviderError::Damaged`] naming the file: a record that does not read is never "nothing there".
    pub fn read<T: DeserializeOwned>(&self, shelf: Shelf, id: &str) -> Result<Option<T>, ProviderError> {
        read_record(&self.path(shelf, id, "json"))
    }

    /// Reads every record and hands it over, in the order of their ids; some are read at once.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn each<T: DeserializeOwned + Send>(
        &self,
        shelf: Shelf,
        mut take: impl FnMut(String, T),
    ) -> Result<(), ProviderError> {
        let mut ids = self.ids(shelf, "json")?;
        ids.sort();
        for batch in ids.chunks(AT_ONCE) {
            let records = side_by_side(batch, WORTH_A_THREAD, |id| self.read(shelf, id));
            for (id, record) in batch.iter().zip(records) {
                if let Some(record) = record? {
                    take(id.clone(), record);
                }
            }
        }
        Ok(())
    }

    /// Reads every record, in the order of their ids.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_all<T: DeserializeOwned + Send>(&self, shelf: Shelf) -> Result<Vec<(String, T)>, ProviderError> {
        let mut all = Vec::new();
        self.each(shelf, |id, record| all.push((id, record)))?;
        Ok(all)
    }

    fn ids(&self, shelf: Shelf, ending: &str) -> Result<Vec<String>, ProviderError> {
        let names = list(&self.root.join(shelf.directory()))?;
        let mut ids = names.into_iter().filter_map(|name| {
            let (id, found) = name.rsplit_once('.')?;
            (found == ending && id.starts_with(shelf.prefix())).then(|| id.to_owned())
        });
        Ok(ids.by_ref().collect())
    }

    /// The files beside the records of a shelf, or beside one of them: disks, lists of their blocks, and what is made on the
    /// way (a file system that is being sealed, partitions).
    pub fn bytes(&self, shelf: Shelf, id: Option<&str>) -> Result<Vec<PathBuf>, ProviderError> {
        let directory = self.root.join(shelf.directory());
        let names = list(&directory)?.into_iter().filter(|name| {
            let Some((found, ending)) = name.rsplit_once('.') else {
                return false;
            };
            let meant = id.map_or(found.starts_with(shelf.prefix()), |id| found == id);
            meant && !["json", "retired"].contains(&ending)
        });
        Ok(names.map(|name| directory.join(name)).collect())
    }

    fn path(&self, shelf: Shelf, id: &str, ending: &str) -> PathBuf {
        self.root.join(shelf.directory()).join(format!("{id}.{ending}"))
    }

    /// A name for a file, of a text that may hold anything.
    pub fn file_name(text: &str) -> String {
        let clean: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let start: String = clean.chars().take(60).collect();
        format!("{start}-{}", Digest::of(text.as_bytes()).short())
    }
}

/// The right to change records, until it is dropped.
#[derive(Debug)]
pub struct Catalogue<'a> {
    store: &'a Store,
    _lock: Lock,
}

impl Catalogue<'_> {
    /// Writes a record, in place of an old one.
    ///
    /// # Errors
    /// [`ProviderError::Full`] and the like; the old record stands then.
    pub fn write<T: Serialize>(&self, shelf: Shelf, id: &str, record: &T) -> Result<(), ProviderError> {
        let body = serde_json::to_string(record).expect("records are plain data with text keys");
        let text = format!("{}{body}}}\n", head(&body));
        Ok(files::replace(&self.store.path(shelf, id, "json"), text.as_bytes())?)
    }

    /// Removes a record; its disk is the caller's to remove, and goes with the next lock if that does not happen.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn remove(&self, shelf: Shelf, id: &str) -> Result<(), ProviderError> {
        Ok(files::remove(&self.store.path(shelf, id, "json"))?)
    }

    /// Takes an image out of the catalogue in one step; [`Catalogue::bury`] does the rest.
    ///
    /// # Errors
    /// As rename(2).
    pub fn retire(&self, id: &str) -> Result<(), ProviderError> {
        let from = self.store.path(Shelf::Images, id, "json");
        Ok(files::rename(&from, &self.store.path(Shelf::Images, id, "retired"))?)
    }

    /// Removes the snapshots of a retired image that no other image uses, then what is left of the image.
    ///
    /// # Errors
    /// As unlink(2); [`ProviderError::Damaged`] if another image does not read: it might use them.
    pub fn bury(&self, id: &str) -> Result<(), ProviderError> {
        let path = self.store.path(Shelf::Images, id, "retired");
        let Some(image) = read_record::<ImageRecord>(&path)? else {
            return Ok(());
        };
        let standing = self.store.read_all::<ListedImage>(Shelf::Images)?;
        let used: BTreeSet<_> = standing
            .iter()
            .flat_map(|(_, other)| other.snapshots.values())
            .collect();
        for snapshot in image.snapshots.values().filter(|snapshot| !used.contains(snapshot)) {
            self.discard(&snapshot.0)?;
        }
        Ok(files::remove(&path)?)
    }

    /// Clears away what a crash left: files that were being written, disks without a record, retirements half done.
    fn sweep(&self) -> Result<(), ProviderError> {
        for shelf in Shelf::ALL {
            let directory = self.store.root.join(shelf.directory());
            for name in list(&directory)?.iter().filter(|name| name.starts_with(".new-")) {
                files::remove(&directory.join(name))?;
            }
            for path in self.store.bytes(shelf, None)? {
                if !path.with_extension("json").exists() {
                    files::remove(&path)?;
                }
            }
        }
        for id in self.store.ids(Shelf::Images, "retired")? {
            self.bury(&id)?;
        }
        Ok(())
    }

    /// Removes a snapshot that nothing uses.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn discard(&self, id: &str) -> Result<(), ProviderError> {
        self.remove(Shelf::Snapshots, id)?;
        files::remove(&self.store.blocks(id))?;
        Ok(files::remove(&self.store.disk(Shelf::Snapshots, id))?)
    }
}

/// What stands before a record: JSON of a fixed width, so that the record's bytes are found without parsing.
fn head(body: &str) -> String {
    format!(
        "{{\"format\":{FORMAT},\"crc32\":\"{:08x}\",\"record\":",
        crc32fast::hash(body.as_bytes())
    )
}

fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ProviderError> {
    let text = match files::read(path) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let text = String::from_utf8(text).map_err(|why| damaged(path, why))?;
    let body = text
        .get(head("").len()..)
        .and_then(|rest| rest.trim_end().strip_suffix('}'));
    match body {
        Some(body) if text.starts_with(&head(body)) => serde_json::from_str(body).map(Some),
        _ => {
            let newer = format_of(&text).filter(|format| *format > FORMAT);
            newer.map_or(Ok(()), |format| Err(self::newer(path, format)))?;
            return Err(damaged(path, "it is cut off or was changed: its checksum does not fit"));
        }
    }
    .map_err(|why| damaged(path, why))
}

fn format_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("{\"format\":")?;
    digits[..digits.find(',')?].parse().ok()
}

/// The names in a directory; none if it does not exist.
fn list(directory: &Path) -> Result<Vec<String>, ProviderError> {
    let failed = |error| crate::host::HostError::on_path("read directory", directory, error);
    match std::fs::read_dir(directory) {
        Ok(entries) => entries
            .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error).into()),
    }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> ProviderError {
    ProviderError::Damaged {
        what: path.display().to_string(),
        why: why.to_string(),
    }
}

fn newer(path: &Path, format: u32) -> ProviderError {
    ProviderError::Newer {
        what: path.display().to_string(),
        format,
        known: FORMAT,
    }
}

/// RFC 3339, now.
pub fn now() -> Result<String, ProviderError> {
    let seconds = i64::try_from(machine::seconds_since_epoch()?).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).map_err(|why| ProviderError::Failed {
        what: "read the clock".into(),
        why: why.to_string(),
    })?;
    Ok(time.to_string())
}
