//! The builder host: what it is, what its kernel can do, and which processes live.

use std::fs;
use std::path::Path;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::error::{Explain, HostError, Kind, Result};

/// The processor architecture as the Discoverable Partitions Specification and Debian's multiarch tuples name it:
/// `x86_64`, `aarch64`.
pub fn architecture() -> &'static str {
    std::env::consts::ARCH
}

/// The host's name.
pub fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned())
}

/// Identifies this boot of the host (`/proc/sys/kernel/random/boot_id`, proc(5)); empty if it cannot be read.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

/// Whether bake runs as root, be it in a user namespace.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether this is the host's own user namespace, where root may make and mount block devices. In any other one ids are
/// mapped, so their map is not the whole of them (user_namespaces(7)).
pub fn has_devices() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole = ["0", "0", "4294967295"];
    map.trim().is_empty() || map.split_whitespace().eq(whole)
}

/// Whether the kernel can mount file systems of this kind, as far as `/proc/filesystems` tells. One that comes as a
/// module is listed only once the module is loaded, so its file is looked for as well.
pub fn can_mount(kind: &str) -> bool {
    let listed = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    listed.lines().any(|line| line.split_whitespace().last() == Some(kind)) || has_module(kind)
}

/// Whether a module of this name can be loaded (`modules.dep` of the running kernel).
fn has_module(name: &str) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let table = Path::new("/lib/modules").join(release.trim()).join("modules.dep");
    let wanted = format!("/{name}.ko");
    fs::read_to_string(table).is_ok_and(|table| {
        table
            .lines()
            .any(|line| line.split(':').next().is_some_and(|path| path.contains(&wanted)))
    })
}

/// A process of this boot. A pid alone is given away again; with the start time it names one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its id, in the host's PID namespace.
    pub pid: u32,
    /// When it started, in clock ticks after boot (field 22 of `/proc/PID/stat`, proc(5)).
    pub start_time: u64,
}

impl Process {
    /// This process.
    ///
    /// # Errors
    /// If `/proc` is not there.
    pub fn this() -> Result<Process> {
        Process::of(std::process::id())
    }

    /// The process that has this id now.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn of(pid: u32) -> Result<Process> {
        let (_, start_time) = stat(pid)?;
        Ok(Process { pid, start_time })
    }

    /// Whether it still runs; one that waits to be reaped does not.
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_ok_and(|(state, start_time)| state != 'Z' && state != 'X' && start_time == self.start_time)
    }
}

/// State and start time of a process. The name in field 2 may hold blanks and brackets: what counts begins after the
/// last bracket.
fn stat(pid: u32) -> Result<(char, u64)> {
    let operation = || format!("look at process {pid}");
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| match error.raw_os_error() {
        Some(libc::ESRCH) => HostError::new(Kind::NotFound, operation(), "it is gone"),
        _ => HostError::of_io(operation(), error),
    })?;
    let parsed = text.rsplit_once(')').and_then(|(_, rest)| {
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        Some((state, fields.nth(18)?.parse().ok()?))
    });
    parsed.ok_or_else(|| {
        HostError::new(
            Kind::Invalid,
            operation(),
            "its stat file has another form than expected",
        )
    })
}

/// The number of processors that this process may use; at least 1.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The system's clock as seconds after 1970.
///
/// # Errors
/// When it stands before that.
pub fn seconds_since_epoch() -> Result<u64> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(|passed| passed.as_secs())
        .map_err(std::io::Error::other)
        .doing(|| "read the clock".into())
}
