//! What went wrong on the builder host: the operation, its subject, the kind of failure, and advice.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};

/// What a caller treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// There is no such file, device, user or program.
    NotFound,
    /// The kernel refuses: rights, or a read-only file system.
    Denied,
    /// Somebody else uses it.
    Busy,
    /// It is there already.
    Exists,
    /// No space is left, or a quota is used up.
    Full,
    /// A device or file system failed to read or write.
    Io,
    /// A path led to something of another type, such as a symbolic link where none may be.
    WrongType,
    /// The kernel of this host cannot do it.
    Unsupported,
    /// What was asked for makes no sense: a bad option, a damaged partition table.
    Invalid,
    /// A program ended with an error, or could not be started.
    Failed,
    /// The helper process is gone; with it everything that it held.
    Lost,
}

/// One failed operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("cannot {operation}: {reason}")]
pub struct HostError {
    /// What a caller treats differently.
    pub kind: Kind,
    /// Verb and subject, to be read after "cannot": `mount /dev/loop0p3 on /boot`.
    pub operation: String,
    /// Why, in words.
    pub reason: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
}

/// What the functions of `host` answer.
pub type Result<T> = std::result::Result<T, HostError>;

impl HostError {
    /// An error with its parts and without advice.
    pub fn new(kind: Kind, operation: impl Into<String>, reason: impl Into<String>) -> HostError {
        HostError {
            kind,
            operation: operation.into(),
            reason: reason.into(),
            help: None,
        }
    }

    /// From the system's answer to an operation on a path: `on_path("write", path, error)`.
    pub fn on_path(verb: &str, path: &Path, error: impl Into<io::Error>) -> HostError {
        HostError::of_io(format!("{verb} {}", path.display()), error)
    }

    /// From the system's answer to an operation.
    pub fn of_io(operation: impl Into<String>, error: impl Into<io::Error>) -> HostError {
        let error = error.into();
        let of_kind = code_of(error.kind()).and_then(known);
        // With words of its own it says more than its kind.
        let plain = of_kind.filter(|_| error.get_ref().is_none());
        let words = error.raw_os_error().and_then(known).or(plain);
        let kind = words.or(of_kind).map_or_else(|| kind_of(&error), |(kind, _)| kind);
        let reason = words.map_or_else(|| error.to_string(), |(_, words)| words.to_owned());
        HostError::new(kind, operation, reason)
    }

    /// Adds what to do.
    pub fn help(mut self, text: impl Into<String>) -> HostError {
        self.help = Some(text.into());
        self
    }

    /// Whether it says that something is not there.
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }
}

/// `.doing(|| "mount ...".into())` on what system calls answer.
pub trait Explain<T> {
    /// Says what was being done.
    ///
    /// # Errors
    /// The same failure, with the operation in words.
    fn doing(self, operation: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Explain<T> for std::result::Result<T, E> {
    fn doing(self, operation: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| HostError::of_io(operation(), error))
    }
}

/// The errors that a build meets, in words (errno(3)).
fn known(code: i32) -> Option<(Kind, &'static str)> {
    use nix::libc;
    Some(match code {
        libc::ENOENT => (Kind::NotFound, "it does not exist"),
        libc::ENXIO | libc::ENODEV => (Kind::NotFound, "there is no such device"),
        libc::EACCES | libc::EPERM => (Kind::Denied, "permission denied"),
        libc::EROFS => (Kind::Denied, "the file system is read-only"),
        libc::EBUSY => (Kind::Busy, "it is in use"),
        libc::ETXTBSY => (Kind::Busy, "it is a program that is running"),
        libc::EEXIST => (Kind::Exists, "it exists already"),
        libc::ENOTEMPTY => (Kind::Exists, "the directory is not empty"),
        libc::ENOSPC => (Kind::Full, "no space is left"),
        libc::EDQUOT => (Kind::Full, "the disk quota is used up"),
        libc::EIO => (Kind::Io, "the device failed to read or write"),
        libc::ELOOP => (Kind::WrongType, "a symbolic link stands in the way"),
        libc::ENOTDIR => (Kind::WrongType, "a part of the path is not a directory"),
        libc::EISDIR => (Kind::WrongType, "it is a directory"),
        libc::ENAMETOOLONG => (Kind::Invalid, "the path is too long"),
        libc::EMFILE | libc::ENFILE => (
            Kind::Failed,
            "too many files are open, or directories are nested too deeply",
        ),
        libc::ENOMEM => (Kind::Failed, "no memory is left"),
        libc::EFBIG => (Kind::Invalid, "it is larger than the file system can hold"),
        libc::ENOSYS | libc::EOPNOTSUPP => (Kind::Unsupported, "this kernel or file system cannot do it"),
        libc::ECONNREFUSED => (Kind::NotFound, "nobody answers there"),
        libc::EHOSTUNREACH | libc::ENETUNREACH => (Kind::NotFound, "it cannot be reached"),
        libc::ETIMEDOUT => (Kind::Failed, "no answer came in time"),
        libc::EPIPE | libc::ECONNRESET => (Kind::Lost, "the helper process is gone"),
        _ => return None,
    })
}

/// The number that a kind of error has, of which libraries leave nothing else.
fn code_of(kind: io::ErrorKind) -> Option<i32> {
    use nix::libc;
    Some(match kind {
        io::ErrorKind::NotFound => libc::ENOENT,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        io::ErrorKind::AlreadyExists => libc::EEXIST,
        io::ErrorKind::StorageFull => libc::ENOSPC,
        io::ErrorKind::QuotaExceeded => libc::EDQUOT,
        io::ErrorKind::ReadOnlyFilesystem => libc::EROFS,
        io::ErrorKind::NotADirectory => libc::ENOTDIR,
        io::ErrorKind::IsADirectory => libc::EISDIR,
        io::ErrorKind::ResourceBusy => libc::EBUSY,
        _ => return None,
    })
}

fn kind_of(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Kind::Invalid,
        io::ErrorKind::UnexpectedEof => Kind::Lost,
        _ => Kind::Io,
    }
}

impl From<HostError> for Diagnostic {
    fn from(error: HostError) -> Diagnostic {
        let diagnostic = Diagnostic::error(error.to_string());
        match error.help.or_else(|| advice(error.kind)) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl From<HostError> for Diagnostics {
    fn from(error: HostError) -> Diagnostics {
        Diagnostic::from(error).into()
    }
}

fn advice(kind: Kind) -> Option<String> {
    let text = match kind {
        Kind::Denied => "run bake as root, on a file system that is mounted read-write",
        Kind::Full => "free space there, or use a store on a larger file system",
        Kind::Io => {
            "look at the kernel's messages (`dmesg`); a full file system under an image is reported like this too"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
