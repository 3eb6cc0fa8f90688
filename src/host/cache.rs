//! What may be thrown away at any time, and is slow to get again: packages, and trees made of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::{HostError, Kind, Result};
use super::files;

/// A directory of the cache, made if there is none: under `XDG_CACHE_HOME`, else under `~/.cache` (XDG Base Directory
/// Specification).
///
/// # Errors
/// No home directory; as mkdir(2).
pub fn directory(name: &str) -> Result<PathBuf> {
    let absolute = |variable: &str| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let base = base.ok_or_else(|| {
        let error = HostError::new(
            Kind::NotFound,
            "find the cache",
            "neither HOME nor XDG_CACHE_HOME is set",
        );
        error.help("set HOME")
    })?;
    let directory = base.join("bake").join(name);
    files::create_dir_all(&directory)?;
    Ok(directory)
}

/// How long something stays in the cache that nobody uses.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Says that a file of the cache was used.
pub fn used(path: &Path) {
    // It only counts for how long it is kept.
    let _ = std::fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Takes out of a directory of the cache what nobody has used for a month.
pub fn sweep(directory: &Path) {
    let old = |path: &Path| {
        let modified = std::fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT))
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| old(path)) {
        // What another user, or another bake, has removed is gone all the same.
        let _ = files::remove(&path);
    }
}
