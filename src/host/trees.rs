//! Two trees of files side by side: everything in which they differ, in the order of their paths.
//!
//! No link is followed and nothing but plain files is opened, so a hostile tree leads nowhere.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::contents::{self, Candidate};
use super::error::{Explain, Result};
use super::inside::names_in;

/// One thing in which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In the tree, absolute.
    pub path: PathBuf,
    /// Of which kind.
    pub kind: Kind,
    /// Both sides in words; may be empty.
    pub detail: String,
}

/// In what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only the first tree has it.
    Missing,
    /// Only the second tree has it.
    Added,
    /// It is another kind of thing: file, directory, link, ...
    Type,
    /// The bytes of a file.
    Content,
    /// Where a link leads, or which device a node is.
    Target,
    /// Permission bits.
    Mode,
    /// User or group.
    Owner,
    /// When it last changed, in seconds.
    Time,
    /// Extended attributes: capabilities, access lists, labels.
    Attributes,
    /// Which names mean one file.
    Links,
    /// A file with holes became one without.
    Holes,
}

impl Kind {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Added => "added",
            Kind::Type => "type",
            Kind::Content => "content",
            Kind::Target => "target",
            Kind::Mode => "mode",
            Kind::Owner => "owner",
            Kind::Time => "time",
            Kind::Attributes => "extended attributes",
            Kind::Links => "hard links",
            Kind::Holes => "holes",
        }
    }
}

/// What counts.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Times of the first tree that are later than this count as this (seconds after 1970).
    pub latest: Option<i64>,
    /// Whether owners, modes, attributes and times of directories are there at all: a FAT has none, and even seconds.
    pub plain: bool,
}

/// How much more room than before a file with holes may take: blocks of other sizes, the blocks of its map.
const ROOM: u64 = 256 << 10;

/// Compares two directories with all that is in them; nothing mounted in them is entered.
///
/// # Errors
/// As readdir(3) and read(2).
pub fn compare(first: &OwnedFd, second: &OwnedFd, rules: Rules) -> Result<Vec<Difference>> {
    let mut walk = Walk {
        rules,
        devices: None,
        found: Vec::new(),
        links: BTreeMap::new(),
        candidates: Vec::new(),
    };
    let whole = || "compare two trees".to_owned();
    let (one, other) = (
        rustix::fs::fstat(first).doing(whole)?,
        rustix::fs::fstat(second).doing(whole)?,
    );
    walk.devices = Some((one.st_dev, other.st_dev));
    let root = Path::new("/");
    walk.metadata(root, &one, &other);
    walk.attributes(root, (first.as_fd(), second.as_fd()), OsStr::new("."))
        .and_then(|()| walk.directory(root, first, second))
        .and_then(|()| walk.contents(first, second))
        .doing(whole)?;
    // Those of contents come last; a path's own keep their order.
    walk.found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(walk.found)
}

/// Asks the kernel for the content of every file below a directory, and does not wait for it: what is read afterwards, one
/// file after the other, is there already or on its way. A loop device answers a hundred such wishes in the time of one.
///
/// # Errors
/// As readdir(3).
pub fn prefetch(directory: &OwnedFd) -> Result<()> {
    let top = rustix::fs::fstat(directory).doing(|| "read a tree ahead".to_owned())?;
    ahead(directory, top.st_dev).doing(|| "read a tree ahead".to_owned())
}

fn ahead(directory: &OwnedFd, device: u64) -> std::io::Result<()> {
    for name in names_in(directory)? {
        let found = rustix::fs::statat(directory, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
        let wish = match FileType::from_raw_mode(found.st_mode) {
            _ if found.st_dev != device => continue,
            FileType::Directory => flags() | OFlags::DIRECTORY,
            FileType::RegularFile if found.st_size > 0 => flags() | OFlags::NONBLOCK,
            _ => continue,
        };
        let opened = rustix::fs::openat(directory, &*name, wish, Mode::empty())?;
        match wish.contains(OFlags::DIRECTORY) {
            true => ahead(&opened, device)?,
            // It is a wish: who cannot grant it reads later.
            false => drop(rustix::fs::fadvise(&opened, 0, None, rustix::fs::Advice::WillNeed)),
        }
    }
    Ok(())
}

struct Walk {
    rules: Rules,
    devices: Option<(u64, u64)>,
    found: Vec<Difference>,
    /// The inode of the second tree, and the first path, by the inode of the first.
    links: BTreeMap<u64, (u64, PathBuf)>,
    /// Files of one length in both trees, whose bytes are still to be compared.
    candidates: Vec<Candidate>,
}

type Pair<'a> = (BorrowedFd<'a>, BorrowedFd<'a>);

impl Walk {
    fn say(&mut self, path: &Path, kind: Kind, detail: impl Into<String>) {
        self.found.push(Difference {
            path: path.to_owned(),
            kind,
            detail: detail.into(),
        });
    }

    fn directory(&mut self, path: &Path, first: &OwnedFd, second: &OwnedFd) -> std::io::Result<()> {
        let (ours, theirs) = (names_in(first)?, names_in(second)?);
        let mut all: Vec<&OsString> = ours.iter().chain(&theirs).collect();
        all.sort();
        all.dedup();
        for name in all {
            let at = path.join(name);
            let pair = (first.as_fd(), second.as_fd());
            match (ours.binary_search(name).is_ok(), theirs.binary_search(name).is_ok()) {
                (true, true) => self.entry(&at, pair, name)?,
                // mkfs makes one where there was none; an empty one is nothing.
                (true, false) | (false, true) if at == Path::new("/lost+found") => {}
                (true, false) => self.say(&at, Kind::Missing, ""),
                _ => self.say(&at, Kind::Added, ""),
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, pair: Pair<'_>, name: &OsStr) -> std::io::Result<()> {
        let look = |directory: BorrowedFd<'_>| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let (one, other) = (look(pair.0)?, look(pair.1)?);
        if self
            .devices
            .is_some_and(|devices| (one.st_dev, other.st_dev) != devices)
        {
            return Ok(());
        }
        let (kind, theirs) = (
            FileType::from_raw_mode(one.st_mode),
            FileType::from_raw_mode(other.st_mode),
        );
        if kind != theirs {
            self.say(path, Kind::Type, format!("{kind:?} and {theirs:?}"));
            return Ok(());
        }
        self.metadata(path, &one, &other);
        self.attributes(path, pair, name)?;
        match kind {
            FileType::Directory => {
                let open = |at| rustix::fs::openat(at, name, flags() | OFlags::DIRECTORY, Mode::empty());
                let (first, second) = (open(pair.0)?, open(pair.1)?);
                self.directory(path, &first, &second)
            }
            FileType::RegularFile => {
                self.file(path, (&one, &other));
                Ok(())
            }
            FileType::Symlink => {
                let read = |at: BorrowedFd<'_>| rustix::fs::readlinkat(at, name, Vec::new());
                let (to, theirs) = (read(pair.0)?, read(pair.1)?);
                if to != theirs {
                    self.say(path, Kind::Target, format!("{to:?} and {theirs:?}"));
                }
                Ok(())
            }
            FileType::BlockDevice | FileType::CharacterDevice if one.st_rdev != other.st_rdev => {
                self.say(
                    path,
                    Kind::Target,
                    format!("device {:#x} and {:#x}", one.st_rdev, other.st_rdev),
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn metadata(&mut self, path: &Path, one: &Stat, other: &Stat) {
        let latest = self.rules.latest.unwrap_or(i64::MAX);
        let (time, theirs) = (one.st_mtime.min(latest), other.st_mtime);
        let is_directory = FileType::from_raw_mode(one.st_mode) == FileType::Directory;
        if self.rules.plain {
            if !is_directory && time & !1 != theirs {
                self.say(path, Kind::Time, format!("{time} and {theirs}"));
            }
            return;
        }
        if time != theirs {
            self.say(path, Kind::Time, format!("{time} and {theirs}"));
        }
        if one.st_mode != other.st_mode {
            self.say(
                path,
                Kind::Mode,
                format!("{:04o} and {:04o}", one.st_mode & 0o7777, other.st_mode & 0o7777),
            );
        }
        if (one.st_uid, one.st_gid) != (other.st_uid, other.st_gid) {
            let detail = format!("{}:{} and {}:{}", one.st_uid, one.st_gid, other.st_uid, other.st_gid);
            self.say(path, Kind::Owner, detail);
        }
        if !is_directory {
            self.link(path, one, other);
        }
    }

    fn link(&mut self, path: &Path, one: &Stat, other: &Stat) {
        if one.st_nlink != other.st_nlink {
            self.say(
                path,
                Kind::Links,
                format!("{} and {} names", one.st_nlink, other.st_nlink),
            );
        } else if one.st_nlink > 1 {
            let known = self
                .links
                .entry(one.st_ino)
                .or_insert_with(|| (other.st_ino, path.to_owned()));
            if known.0 != other.st_ino {
                let detail = format!("no other name of {} any more", known.1.display());
                self.say(path, Kind::Links, detail);
            }
        }
    }

    fn attributes(&mut self, path: &Path, pair: Pair<'_>, name: &OsStr) -> std::io::Result<()> {
        if self.rules.plain {
            return Ok(());
        }
        let (ours, theirs) = (attributes_of(pair.0, name)?, attributes_of(pair.1, name)?);
        let differ =
            |(name, value): &(&OsString, &Vec<u8>)| ours.get(*name) != Some(value) || theirs.get(*name) != Some(value);
        let mut names: Vec<String> = ours
            .iter()
            .chain(&theirs)
            .filter(differ)
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            self.say(path, Kind::Attributes, names.join(", "));
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, stats: (&Stat, &Stat)) {
        let (size, theirs) = (length(stats.0), length(stats.1));
        if size != theirs {
            self.say(path, Kind::Content, format!("{size} and {theirs} bytes"));
            return;
        }
        let taken = |stat: &Stat| u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        if !self.rules.plain && taken(stats.0) < size && taken(stats.1) > taken(stats.0) + ROOM {
            self.say(
                path,
                Kind::Holes,
                format!("{} and {} bytes on disk", taken(stats.0), taken(stats.1)),
            );
        }
        if size > 0 {
            self.candidates.push(Candidate {
                path: path.to_owned(),
                size,
            });
        }
    }

    fn contents(&mut self, first: &OwnedFd, second: &OwnedFd) -> std::io::Result<()> {
        let candidates = std::mem::take(&mut self.candidates);
        for (number, at) in contents::differing(first, second, &candidates)? {
            let Candidate { path, size } = &candidates[number];
            self.say(path, Kind::Content, format!("from byte {at} of {size}"));
        }
        Ok(())
    }
}

fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// All extended attributes of a name, by the path of its directory's descriptor: no call takes both.
fn attributes_of(directory: BorrowedFd<'_>, name: &OsStr) -> std::io::Result<BTreeMap<OsString, Vec<u8>>> {
    let path = Path::new("/proc/self/fd")
        .join(directory.as_raw_fd().to_string())
        .join(name);
    let path = CString::new(path.into_os_string().into_encoded_bytes())?;
    let names = whole(|buffer| rustix::fs::llistxattr(&path, buffer))?;
    let mut all = BTreeMap::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let c_name = CString::new(name)?;
        let value = whole(|buffer| rustix::fs::lgetxattr(&path, &c_name, buffer))?;
        all.insert(OsStr::from_bytes(name).to_owned(), value);
    }
    Ok(all)
}

/// All that a call gives which says how long that is when it is asked without a buffer.
fn whole(mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> std::io::Result<Vec<u8>> {
    loop {
        let length = match call(&mut []) {
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            other => other?,
        };
        let mut buffer = vec![0; length];
        if length == 0 {
            return Ok(buffer);
        }
        match call(&mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            // It has grown meanwhile.
            Err(Errno::RANGE) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // A tree is made by hand.
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn found(change: impl Fn(&Path)) -> Vec<(String, Kind)> {
        let directory = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let root = directory.path().join(name);
            fs::create_dir_all(root.join("etc")).unwrap();
            fs::write(root.join("etc/a"), "text").unwrap();
            fs::hard_link(root.join("etc/a"), root.join("etc/b")).unwrap();
            std::os::unix::fs::symlink("a", root.join("etc/link")).unwrap();
            root
        };
        let (first, second) = (make("1"), make("2"));
        change(&second);
        let open = |path: &Path| OwnedFd::from(File::open(path).unwrap());
        let rules = Rules {
            latest: Some(0),
            plain: false,
        };
        let all = compare(&open(&first), &open(&second), rules).unwrap();
        let timeless = all.into_iter().filter(|one| one.kind != Kind::Time);
        timeless.map(|one| (one.path.display().to_string(), one.kind)).collect()
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        let one = |path: &str, kind| vec![(path.to_owned(), kind)];
        assert_eq!(found(|_| {}), []);
        assert_eq!(
            found(|root| fs::write(root.join("etc/new"), "").unwrap()),
            one("/etc/new", Kind::Added)
        );
        assert_eq!(
            found(|root| fs::remove_file(root.join("etc/link")).unwrap()),
            one("/etc/link", Kind::Missing)
        );
        let relink = |root: &Path| {
            fs::remove_file(root.join("etc/link")).unwrap();
            std::os::unix::fs::symlink("b", root.join("etc/link")).unwrap();
        };
        assert_eq!(found(relink), one("/etc/link", Kind::Target));
        let content = found(|root| fs::write(root.join("etc/a"), "tezt").unwrap());
        assert_eq!(
            content,
            [
                ("/etc/a".to_owned(), Kind::Content),
                ("/etc/b".to_owned(), Kind::Content)
            ]
        );
        let cut = |root: &Path| {
            fs::remove_file(root.join("etc/b")).unwrap();
            fs::write(root.join("etc/b"), "text").unwrap();
        };
        assert!(found(cut).contains(&("/etc/b".to_owned(), Kind::Links)));
        let closed = |root: &Path| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(root.join("etc"), mode).unwrap();
        };
        assert_eq!(found(closed), one("/etc", Kind::Mode));
    }
}
