//! Files on the builder host that arguments name: read once, hashed, and remembered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::host::stack::roomy;

/// Longer texts are not kept for diffs.
const LONGEST_TEXT: u64 = 64 << 10;

/// A file on the builder host that an argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Relative to the directory of the module, if it was written so; for a tree the path within it is behind it.
    pub path: PathBuf,
    /// Where to read it.
    pub absolute: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// Of a file's content, or of a link's target; of nothing for a directory.
    pub digest: Digest,
    /// Permission bits on the builder host. They count only with `mode = "keep"`.
    pub mode: u32,
    /// The text for diffs, if it is UTF-8 without a zero byte, and at most 64 KiB.
    pub text: Option<Arc<str>>,
}

/// What stands at a path of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A file, mode 0644 in the image.
    File,
    /// A file with an executable bit, mode 0755 in the image.
    Executable,
    /// A directory.
    Directory,
    /// A symbolic link, copied as such.
    Link,
}

impl InputKind {
    /// `file`, `executable`, `directory`, `link`.
    pub fn name(self) -> &'static str {
        match self {
            InputKind::File => "file",
            InputKind::Executable => "executable",
            InputKind::Directory => "directory",
            InputKind::Link => "link",
        }
    }
}

/// Reads files below (or named from) the directory of a module. Each is read once, so that all arguments see the same.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    known: RefCell<BTreeMap<PathBuf, InputFile>>,
}

impl Files {
    /// Takes relative paths from this directory, which is absolute.
    pub fn new(directory: impl Into<PathBuf>) -> Files {
        Files {
            directory: directory.into(),
            known: RefCell::default(),
        }
    }

    /// From where relative paths are taken.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file; links to it are followed.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is no file.
    pub fn file(&self, written: &str) -> Result<InputFile, FileError> {
        let path = clean(Path::new(written));
        let metadata = fs::metadata(self.absolute(&path)).map_err(|error| self.missing(&path, &error))?;
        if metadata.is_dir() {
            return Err(FileError::new(&path, "it is a directory, not a file"));
        }
        self.entry(path, &metadata)
    }

    /// A file, or all that a directory holds: the directory first, then what is in it, by name.
    ///
    /// # Errors
    /// As [`Files::file`]; also sockets, fifos and devices, and names that are not UTF-8.
    pub fn tree(&self, written: &str) -> Result<Vec<InputFile>, FileError> {
        let path = clean(Path::new(written));
        let metadata = fs::metadata(self.absolute(&path)).map_err(|error| self.missing(&path, &error))?;
        let mut found = vec![self.entry(path.clone(), &metadata)?];
        if metadata.is_dir() {
            self.walk(&path, &mut found)?;
        }
        Ok(found)
    }

    /// Files and links that match one of these patterns, by name; and the patterns that match nothing.
    ///
    /// # Errors
    /// As [`Files::tree`], and a pattern that is none.
    pub fn globs(&self, patterns: &[String]) -> Result<(Vec<InputFile>, Vec<String>), FileError> {
        let mut found = BTreeMap::new();
        let mut idle = Vec::new();
        for pattern in patterns {
            let matching = self.glob(pattern)?;
            if matching.is_empty() {
                idle.push(pattern.clone());
            }
            found.extend(matching.into_iter().map(|file| (file.path.clone(), file)));
        }
        Ok((found.into_values().collect(), idle))
    }

    /// What has been read, by path, with the digest of its content.
    pub fn read(&self) -> BTreeMap<PathBuf, Digest> {
        let known = self.known.borrow();
        let contents = known.values().filter(|file| file.kind != InputKind::Directory);
        contents.map(|file| (file.path.clone(), file.digest)).collect()
    }

    fn glob(&self, pattern: &str) -> Result<Vec<InputFile>, FileError> {
        let path = clean(Path::new(pattern));
        let (base, wild) = literal_part(&path);
        if !wild {
            return self.file(pattern).map(|file| vec![file]);
        }
        let bad = |error: globset::Error| FileError::new(&path, format!("it is no pattern: {}", error.kind()));
        let text = path
            .to_str()
            .ok_or_else(|| FileError::new(&path, "its name is not UTF-8"))?;
        let matcher = globset::GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .map_err(bad)?
            .compile_matcher();
        if !self.absolute(&base).is_dir() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        self.walk(&base, &mut found)?;
        found.retain(|file| file.kind != InputKind::Directory && matcher.is_match(&file.path));
        Ok(found)
    }

    fn walk(&self, directory: &Path, found: &mut Vec<InputFile>) -> Result<(), FileError> {
        let problem = |error: io::Error| FileError::io(directory, &error);
        let entries = fs::read_dir(self.absolute(directory)).map_err(problem)?;
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(problem)?;
        names.sort();
        for name in names {
            let path = match directory == Path::new(".") {
                true => PathBuf::from(&name),
                false => directory.join(&name),
            };
            if name.to_str().is_none() {
                return Err(FileError::new(&path, "its name is not UTF-8"));
            }
            let metadata = fs::symlink_metadata(self.absolute(&path)).map_err(|error| FileError::io(&path, &error))?;
            found.push(self.entry(path.clone(), &metadata)?);
            if metadata.is_dir() {
                roomy(|| self.walk(&path, found))?;
            }
        }
        Ok(())
    }

    /// Why a path cannot be used; of one that is not there also which is near.
    fn missing(&self, path: &Path, error: &io::Error) -> FileError {
        let near = || {
            let name = path.file_name()?.to_str()?;
            let directory = self.absolute(path.parent()?);
            let names = fs::read_dir(directory)
                .ok()?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let mut names: Vec<String> = names.collect();
            names.sort();
            super::suggest(name, names.iter().map(String::as_str)).map(|near| path.with_file_name(near))
        };
        let mut problem = FileError::io(path, error);
        if let (io::ErrorKind::NotFound, Some(near)) = (error.kind(), near()) {
            problem.why = format!("{}; did you mean \"{}\"?", problem.why, near.display());
        }
        problem
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn entry(&self, path: PathBuf, metadata: &Metadata) -> Result<InputFile, FileError> {
        if let Some(known) = self
            .known
            .borrow()
            .get(&path)
            .filter(|known| (known.kind == InputKind::Link) == metadata.is_symlink())
        {
            return Ok(known.clone());
        }
        let absolute = self.absolute(&path);
        let mode = metadata.permissions().mode() & 0o7777;
        let (kind, (digest, text)) = match kind_of(metadata) {
            Ok(InputKind::Directory) => (InputKind::Directory, (Digest::of(b""), None)),
            Ok(InputKind::Link) => (
                InputKind::Link,
                link(&absolute).map_err(|error| FileError::io(&path, &error))?,
            ),
            Ok(kind) => (kind, content(&absolute).map_err(|error| FileError::io(&path, &error))?),
            Err(what) => {
                return Err(FileError::new(
                    &path,
                    format!("it is a {what}; only files, directories and links can be copied"),
                ));
            }
        };
        let file = InputFile {
            path: path.clone(),
            absolute,
            kind,
            digest,
            mode,
            text,
        };
        self.known.borrow_mut().insert(path, file.clone());
        Ok(file)
    }
}

fn kind_of(metadata: &Metadata) -> Result<InputKind, &'static str> {
    let kind = metadata.file_type();
    match () {
        () if kind.is_symlink() => Ok(InputKind::Link),
        () if kind.is_dir() => Ok(InputKind::Directory),
        () if kind.is_file() && metadata.permissions().mode() & 0o111 != 0 => Ok(InputKind::Executable),
        () if kind.is_file() => Ok(InputKind::File),
        () if kind.is_socket() => Err("socket"),
        () if kind.is_fifo() => Err("fifo"),
        () => Err("device"),
    }
}

fn link(path: &Path) -> io::Result<(Digest, Option<Arc<str>>)> {
    let target = fs::read_link(path)?;
    Ok((Digest::of(target.as_os_str().as_bytes()), None))
}

fn content(path: &Path) -> io::Result<(Digest, Option<Arc<str>>)> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(LONGEST_TEXT + 1).read_to_end(&mut start)?;
    if start.len() as u64 > LONGEST_TEXT {
        return Ok((Digest::of_reader(start.chain(file))?, None));
    }
    let digest = Digest::of(&start);
    // As for git, a file with a zero byte is no text: an archive of small files is otherwise UTF-8, too.
    let text = (!start.contains(&0)).then(|| String::from_utf8(start).ok()).flatten();
    Ok((digest, text.map(Arc::from)))
}

/// Without `.` and doubled slashes; `..` stays, since what it means depends on links.
pub(super) fn clean(path: &Path) -> PathBuf {
    let cleaned: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if cleaned.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        cleaned
    }
}

/// The directories in front of the first wildcard, and whether there is one.
fn literal_part(pattern: &Path) -> (PathBuf, bool) {
    let is_wild = |part: &Component| part.as_os_str().as_bytes().iter().any(|byte| b"*?[{".contains(byte));
    let base: PathBuf = pattern.components().take_while(|part| !is_wild(part)).collect();
    let wild = pattern.components().any(|part| is_wild(&part));
    (
        if base.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            base
        },
        wild,
    )
}

/// A file that cannot be used: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct FileError {
    /// As it was written, or where in the tree.
    pub path: PathBuf,
    /// `there is no such file`
    pub why: String,
}

impl FileError {
    fn new(path: &Path, why: impl Into<String>) -> FileError {
        FileError {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    fn io(path: &Path, error: &io::Error) -> FileError {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::NotADirectory => "a part of the path is no directory".to_owned(),
            io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
            _ => error.to_string(),
        };
        FileError::new(path, why)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests lay out a tree")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn sample() -> (tempfile::TempDir, Files) {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("etc/sub")).unwrap();
        fs::write(at("etc/b.conf"), "b").unwrap();
        fs::write(at("etc/a.sh"), "a").unwrap();
        fs::set_permissions(at("etc/a.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(at("etc/sub/c.conf"), "c").unwrap();
        symlink("b.conf", at("etc/link")).unwrap();
        let files = Files::new(directory.path());
        (directory, files)
    }

    fn names(files: &[InputFile]) -> Vec<(&str, InputKind)> {
        files
            .iter()
            .map(|file| (file.path.to_str().unwrap(), file.kind))
            .collect()
    }

    #[test]
    fn trees_are_in_order_and_keep_links() {
        let (_directory, files) = sample();
        let found = files.tree("./etc/").unwrap();
        let wanted = [
            ("etc", InputKind::Directory),
            ("etc/a.sh", InputKind::Executable),
            ("etc/b.conf", InputKind::File),
            ("etc/link", InputKind::Link),
            ("etc/sub", InputKind::Directory),
            ("etc/sub/c.conf", InputKind::File),
        ];
        assert_eq!(names(&found), wanted);
        assert_eq!(found[2].text.as_deref(), Some("b"));
        assert_eq!(files.file("etc/link").unwrap().digest, Digest::of(b"b"));
    }

    #[test]
    fn patterns_stay_within_a_directory_unless_told() {
        let (_directory, files) = sample();
        let (found, idle) = files.globs(&["etc/*.conf".into(), "etc/*.txt".into()]).unwrap();
        assert_eq!(names(&found), [("etc/b.conf", InputKind::File)]);
        assert_eq!(idle, ["etc/*.txt"]);
        let (found, _) = files.globs(&["**/*.conf".into()]).unwrap();
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let (directory, files) = sample();
        let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("etc/sub/s")).unwrap();
        assert_eq!(
            files.tree("etc").unwrap_err().to_string(),
            "etc/sub/s: it is a socket; only files, directories and links can be copied"
        );
        assert_eq!(
            files.file("none").unwrap_err().to_string(),
            "none: there is no such file"
        );
    }
}
