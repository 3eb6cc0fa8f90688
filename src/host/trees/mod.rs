//! Two trees of files side by side: everything in which they differ, in the order of their paths.
//!
//! No link is followed and nothing but plain files is opened, so a hostile tree leads nowhere.

mod contents;
mod side;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::error::{Explain, Result};
use super::inside::names_in;
use super::stack::roomy;
use contents::Candidate;
pub use side::Side;
use side::{Facts, Folder, flags};

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
    /// Whether a file with holes has to keep them; what is compressed has no use for them.
    pub holes: bool,
    /// Whether owners, modes, attributes and times of directories are there at all: a FAT has none, and even seconds.
    pub plain: bool,
}

/// How much more room than before a file with holes may take: blocks of other sizes, the blocks of its map.
const ROOM: u64 = 256 << 10;

/// Compares two trees with all that is in them.
///
/// # Errors
/// As readdir(3) and read(2); if an ext4 is damaged.
pub fn compare(first: &Side, second: &Side, rules: Rules) -> Result<Vec<Difference>> {
    let whole = || "compare two trees".to_owned();
    let (one, other) = (first.top().doing(whole)?, second.top().doing(whole)?);
    let mut walk = Walk {
        rules,
        sides: (first, second),
        devices: (one.1.on, other.1.on),
        found: Vec::new(),
        links: BTreeMap::new(),
        candidates: Vec::new(),
    };
    let root = Path::new("/");
    walk.metadata(root, &one.1, &other.1);
    walk.attributes(root, (&one.0, &other.0), OsStr::new("."), (&one.1, &other.1))
        .and_then(|()| walk.directory(root, &one.0, &other.0))
        .and_then(|()| walk.contents())
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
            true => roomy(|| ahead(&opened, device))?,
            // It is a wish: who cannot grant it reads later.
            false => drop(rustix::fs::fadvise(&opened, 0, None, rustix::fs::Advice::WillNeed)),
        }
    }
    Ok(())
}

struct Walk<'a> {
    rules: Rules,
    sides: (&'a Side, &'a Side),
    /// The file systems of the tops: nothing on another one counts.
    devices: (u64, u64),
    found: Vec<Difference>,
    /// The inode of the second tree, and the first path, by the inode of the first.
    links: BTreeMap<u64, (u64, PathBuf)>,
    /// Files of one length in both trees, whose bytes are still to be compared.
    candidates: Vec<Candidate>,
}

type Folders<'a> = (&'a Folder, &'a Folder);

impl Walk<'_> {
    fn say(&mut self, path: &Path, kind: Kind, detail: impl Into<String>) {
        self.found.push(Difference {
            path: path.to_owned(),
            kind,
            detail: detail.into(),
        });
    }

    fn directory(&mut self, path: &Path, first: &Folder, second: &Folder) -> std::io::Result<()> {
        let (ours, theirs) = (first.names(), second.names());
        let mut all: Vec<&OsString> = ours.iter().chain(&theirs).copied().collect();
        all.sort();
        all.dedup();
        for name in all {
            let at = path.join(name);
            match (ours.binary_search(&name).is_ok(), theirs.binary_search(&name).is_ok()) {
                (true, true) => self.entry(&at, (first, second), name)?,
                // mkfs makes one where there was none; an empty one is nothing.
                (true, false) | (false, true) if at == Path::new("/lost+found") => {}
                (true, false) => self.say(&at, Kind::Missing, ""),
                _ => self.say(&at, Kind::Added, ""),
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, folders: Folders<'_>, name: &OsStr) -> std::io::Result<()> {
        let sides = self.sides;
        let (one, other) = (sides.0.look(folders.0, name)?, sides.1.look(folders.1, name)?);
        if (one.on, other.on) != self.devices {
            return Ok(());
        }
        if one.kind != other.kind {
            self.say(path, Kind::Type, format!("{:?} and {:?}", one.kind, other.kind));
            return Ok(());
        }
        self.metadata(path, &one, &other);
        self.attributes(path, folders, name, (&one, &other))?;
        match one.kind {
            FileType::Directory => {
                let (first, second) = (sides.0.enter(folders.0, name)?, sides.1.enter(folders.1, name)?);
                roomy(|| self.directory(path, &first, &second))
            }
            FileType::RegularFile => {
                self.file(path, (&one, &other));
                Ok(())
            }
            FileType::Symlink => {
                let (to, theirs) = (sides.0.target(folders.0, name)?, sides.1.target(folders.1, name)?);
                if to != theirs {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    self.say(path, Kind::Target, format!("{:?} and {:?}", text(&to), text(&theirs)));
                }
                Ok(())
            }
            FileType::BlockDevice | FileType::CharacterDevice if one.device != other.device => {
                let text = |(major, minor): (u32, u32)| format!("{major}:{minor}");
                let detail = format!("device {} and {}", text(one.device), text(other.device));
                self.say(path, Kind::Target, detail);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn metadata(&mut self, path: &Path, one: &Facts, other: &Facts) {
        let latest = self.rules.latest.unwrap_or(i64::MAX);
        let (time, theirs) = (one.modified.min(latest), other.modified);
        let is_directory = one.kind == FileType::Directory;
        if self.rules.plain {
            if !is_directory && time & !1 != theirs {
                self.say(path, Kind::Time, format!("{time} and {theirs}"));
            }
            return;
        }
        if time != theirs {
            self.say(path, Kind::Time, format!("{time} and {theirs}"));
        }
        if one.mode != other.mode {
            self.say(path, Kind::Mode, format!("{:04o} and {:04o}", one.mode, other.mode));
        }
        if (one.user, one.group) != (other.user, other.group) {
            let detail = format!("{}:{} and {}:{}", one.user, one.group, other.user, other.group);
            self.say(path, Kind::Owner, detail);
        }
        if !is_directory {
            self.link(path, one, other);
        }
    }

    fn link(&mut self, path: &Path, one: &Facts, other: &Facts) {
        if one.links != other.links {
            self.say(path, Kind::Links, format!("{} and {} names", one.links, other.links));
        } else if one.links > 1 {
            let known = self
                .links
                .entry(one.inode)
                .or_insert_with(|| (other.inode, path.to_owned()));
            if known.0 != other.inode {
                let detail = format!("no other name of {} any more", known.1.display());
                self.say(path, Kind::Links, detail);
            }
        }
    }

    fn attributes(
        &mut self,
        path: &Path,
        folders: Folders<'_>,
        name: &OsStr,
        facts: (&Facts, &Facts),
    ) -> std::io::Result<()> {
        if self.rules.plain {
            return Ok(());
        }
        let ours = self.sides.0.attributes(folders.0, name, facts.0)?;
        let theirs = self.sides.1.attributes(folders.1, name, facts.1)?;
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

    fn file(&mut self, path: &Path, facts: (&Facts, &Facts)) {
        let (one, other) = facts;
        if one.size != other.size {
            self.say(path, Kind::Content, format!("{} and {} bytes", one.size, other.size));
            return;
        }
        if self.rules.holes && !self.rules.plain && one.taken < one.size && other.taken > one.taken + ROOM {
            let detail = format!("{} and {} bytes on disk", one.taken, other.taken);
            self.say(path, Kind::Holes, detail);
        }
        if one.size > 0 {
            self.candidates.push(Candidate {
                path: path.to_owned(),
                size: one.size,
                inodes: (one.inode, other.inode),
            });
        }
    }

    fn contents(&mut self) -> std::io::Result<()> {
        let candidates = std::mem::take(&mut self.candidates);
        for (number, at) in contents::differing(self.sides, &candidates)? {
            let Candidate { path, size, .. } = &candidates[number];
            self.say(path, Kind::Content, format!("from byte {at} of {size}"));
        }
        Ok(())
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
        let open = |path: &Path| Side::Directory(OwnedFd::from(File::open(path).unwrap()));
        let rules = Rules {
            latest: Some(0),
            holes: true,
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
        let noted = |root: &Path| {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(root.join("etc"), "user.note", b"text", flags).unwrap();
        };
        assert_eq!(found(noted), one("/etc", Kind::Attributes));
    }
}
