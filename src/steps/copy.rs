//! Copying between builder host and image. Every path in the image is resolved by the kernel inside its root, and no
//! byte of a file reaches the image unless the file is the one that the plan was made with.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::StepError;
use crate::digest::Digest;
use crate::host::files;
use crate::host::inside::{Attributes, Root, Type};
use crate::host::stack::roomy;
use crate::schema::{GivenFile, InputKind};

/// Who owns what is copied, and with what mode.
#[derive(Debug, Clone, Copy)]
pub struct Ownership {
    user: u32,
    group: u32,
    mode: Mode,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    /// 0755 for what can be executed, else 0644.
    Executable,
    /// All bits of the file on the builder host.
    Keep,
    /// These bits for files.
    Fixed(u32),
}

impl Ownership {
    /// Looks the names up in the image.
    ///
    /// # Errors
    /// If the image has no such user or group.
    pub fn of(root: &Root, owner: &str, group: &str, mode: Option<&str>) -> Result<Ownership, StepError> {
        // An image without /etc/passwd has a root all the same.
        let is_root = |name: &str| name.is_empty() || name == "root";
        Ok(Ownership {
            user: if is_root(owner) { 0 } else { root.user(owner)?.0 },
            group: if is_root(group) { 0 } else { root.group(group)? },
            mode: match mode {
                None => Mode::Executable,
                Some("keep") => Mode::Keep,
                Some(octal) => u32::from_str_radix(octal, 8).map_or(Mode::Executable, Mode::Fixed),
            },
        })
    }

    fn attributes(&self, mode: u32) -> Attributes {
        Attributes {
            mode: Some(mode),
            user: Some(self.user),
            group: Some(self.group),
        }
    }

    fn mode_of(&self, kind: InputKind, own: u32) -> u32 {
        match (self.mode, kind) {
            (Mode::Keep, _) => own,
            (_, InputKind::Directory) => 0o755,
            (Mode::Fixed(mode), _) => mode,
            (Mode::Executable, InputKind::Executable) => 0o755,
            (Mode::Executable, _) => 0o644,
        }
    }
}

/// A copy into the image.
#[derive(Debug)]
pub struct Copy {
    destination: String,
    entries: Vec<Entry>,
    ownership: Ownership,
}

#[derive(Debug)]
struct Entry {
    /// In the image, absolute.
    path: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(Vec<u8>),
    File(GivenFile),
}

impl Copy {
    /// Of a file or a tree. A destination that ends in `/` is the directory into which it goes under its own name, unless
    /// `written` ends in `/` too: then what is in that directory goes there.
    ///
    /// # Errors
    /// [`StepError::Unfit`] if the destination is not absolute.
    pub fn of_files(
        files: &[GivenFile],
        written: &str,
        destination: &str,
        ownership: Ownership,
    ) -> Result<Copy, StepError> {
        let base = files.first().map(|file| file.absolute.clone()).unwrap_or_default();
        let own_name = base
            .file_name()
            .filter(|_| destination.ends_with('/') && !written.ends_with('/'));
        let destination = absolute(destination, own_name.and_then(|name| name.to_str()))?;
        let entry = |file: &GivenFile| {
            let below = file
                .absolute
                .strip_prefix(&base)
                .unwrap_or(Path::new(""))
                .display()
                .to_string();
            Entry {
                path: format!("{destination}/{below}").trim_end_matches('/').to_owned(),
                content: Content::File(file.clone()),
            }
        };
        let entries = files.iter().map(entry).collect();
        Ok(Copy {
            entries,
            ownership,
            destination,
        })
    }

    /// Of a text.
    ///
    /// # Errors
    /// [`StepError::Unfit`] if the destination is no name of a file.
    pub fn of_content(content: &str, destination: &str, ownership: Ownership) -> Result<Copy, StepError> {
        if destination.ends_with('/') {
            return Err(StepError::Unfit {
                what: format!("destination {destination:?} is a directory, and content has no name"),
                help: "write the whole path of the file".to_owned(),
            });
        }
        let destination = absolute(destination, None)?;
        let entries = vec![Entry {
            path: destination.clone(),
            content: Content::Text(content.as_bytes().to_vec()),
        }];
        Ok(Copy {
            entries,
            ownership,
            destination,
        })
    }

    /// Where it goes, without a `/` at its end.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Copies, making missing parents.
    ///
    /// # Errors
    /// [`StepError::Changed`], and those of the system.
    pub fn run(&self, root: &Root) -> Result<(), StepError> {
        if let Some((parent, _)) = self.destination.rsplit_once('/') {
            root.make_dirs(if parent.is_empty() { "/" } else { parent })?;
        }
        self.entries.iter().try_for_each(|entry| self.put(root, entry))
    }

    fn put(&self, root: &Root, entry: &Entry) -> Result<(), StepError> {
        match &entry.content {
            Content::Text(text) => self.put_text(root, &entry.path, text),
            Content::File(file) => match file.kind {
                InputKind::Directory => self.put_directory(root, &entry.path, file),
                InputKind::Link => self.put_link(root, &entry.path, file),
                InputKind::File | InputKind::Executable => self.put_file(root, &entry.path, file),
            },
        }
    }

    fn put_text(&self, root: &Root, path: &str, text: &[u8]) -> Result<(), StepError> {
        no_directory(root, path)?;
        let mode = self.ownership.mode_of(InputKind::File, 0o644);
        Ok(root.write(path, text, &self.ownership.attributes(mode))?)
    }

    fn put_file(&self, root: &Root, path: &str, planned: &GivenFile) -> Result<(), StepError> {
        no_directory(root, path)?;
        let unreadable = |why: io::Error| StepError::unreadable(planned, &why);
        let changed = || StepError::Changed {
            path: planned.path.clone(),
        };
        let mut file = File::open(&planned.absolute).map_err(unreadable)?;
        let own_mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
        if Digest::of_reader(&file).map_err(unreadable)? != planned.digest {
            return Err(changed());
        }
        file.rewind().map_err(unreadable)?;
        let mode = self.ownership.mode_of(planned.kind, own_mode);
        root.write_from(path, &file, &self.ownership.attributes(mode))?;
        // Whoever writes to the file while it is copied is not believed either.
        file.rewind().map_err(unreadable)?;
        if Digest::of_reader(&file).map_err(unreadable)? != planned.digest {
            root.remove(path)?;
            return Err(changed());
        }
        Ok(())
    }

    fn put_directory(&self, root: &Root, path: &str, planned: &GivenFile) -> Result<(), StepError> {
        let path = if path.is_empty() { "/" } else { path };
        if root.metadata(path)?.is_some_and(|found| found.kind == Type::Directory) {
            return Ok(());
        }
        root.make_dir(path)?;
        let own_mode = std::fs::metadata(&planned.absolute).map(|found| found.permissions().mode() & 0o7777);
        let mode = self.ownership.mode_of(InputKind::Directory, own_mode.unwrap_or(0o755));
        Ok(root.set_attributes(path, &self.ownership.attributes(mode))?)
    }

    fn put_link(&self, root: &Root, path: &str, planned: &GivenFile) -> Result<(), StepError> {
        let text = std::fs::read_link(&planned.absolute).map_err(|why| StepError::unreadable(planned, &why))?;
        if Digest::of(text.as_os_str().as_bytes()) != planned.digest {
            return Err(StepError::Changed {
                path: planned.path.clone(),
            });
        }
        no_directory(root, path)?;
        root.remove(path)?;
        root.symlink(text.as_os_str(), path)?;
        Ok(root.set_link_owner(path, Some(self.ownership.user), Some(self.ownership.group))?)
    }
}

/// A file is never copied over a directory, nor silently into one.
fn no_directory(root: &Root, path: &str) -> Result<(), StepError> {
    let found = root.link_metadata(path)?;
    if found.is_none_or(|found| found.kind != Type::Directory) {
        return Ok(());
    }
    Err(StepError::Unfit {
        what: format!("{path} is a directory in the image"),
        help: format!("write \"{path}/\" to copy into it"),
    })
}

fn absolute(destination: &str, name: Option<&str>) -> Result<String, StepError> {
    if !destination.starts_with('/') {
        return Err(StepError::Unfit {
            what: format!("destination {destination:?} is not absolute"),
            help: "begin it with a slash: it is a path in the image".to_owned(),
        });
    }
    let directory = destination.trim_end_matches('/');
    Ok(match name {
        Some(name) => format!("{directory}/{name}"),
        None => directory.to_owned(),
    })
}

/// Copies a file or a tree out of the image. Links in it are followed inside the image.
///
/// # Errors
/// If there is nothing, if it is a device or the like, and those of the system.
pub fn out(root: &Root, source: &str, destination: &Path, into: bool) -> Result<(), StepError> {
    let own_name = Path::new(source).file_name().filter(|_| into);
    let destination = own_name.map_or_else(|| destination.to_owned(), |name| destination.join(name));
    let parent = destination.parent().unwrap_or(Path::new("/"));
    files::create_dir_all(parent)?;
    copy_out(root, source.trim_end_matches('/'), &destination)
}

fn copy_out(root: &Root, source: &str, destination: &Path) -> Result<(), StepError> {
    let shown = if source.is_empty() { "/" } else { source };
    let unfit = |what: &str| StepError::Unfit {
        what: format!("{shown} in the image {what}"),
        help: "only files and directories can be downloaded".to_owned(),
    };
    match root.metadata(shown)?.map(|found| found.kind) {
        Some(Type::File) => {
            files::replace_from(destination, root.open_file(source)?)?;
            Ok(())
        }
        Some(Type::Directory) => {
            files::create_dir_all(destination)?;
            let each = |name: OsString| {
                let name = name.into_string().map_err(|_| unfit("holds a name that is no text"))?;
                roomy(|| copy_out(root, &format!("{source}/{name}"), &destination.join(name)))
            };
            root.list(shown)?.into_iter().try_for_each(each)
        }
        Some(_) => Err(unfit("is a device, fifo or socket")),
        None => Err(unfit("does not exist")),
    }
}
