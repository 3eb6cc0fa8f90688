//! What a command in an image may not do to the machine that builds it.
//!
//! It is root there, with the machine's kernel: this keeps an image's scripts and packages from reaching the builder
//! by its usual ways, and is no wall against a program made to break out. `docs/isolation.md` says which is which.

use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities};

use super::protocol::{Mount, Network, Place};
use crate::host::error::{Explain, Result};
use crate::host::inside::{Attributes, Root, Type};
use crate::host::mounts::{Links, Mounted};

/// The view of the helper's first process, whose root is the machine's.
const FIRST: &str = "/proc/1";

/// Parts of `/proc` through which the whole machine is set (proc(5)); read-only, as in containers.
const SETTINGS: &[&str] = &["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"];

/// What no command in an image needs, and what reaches the machine (capabilities(7)). `SYS_PTRACE` and its like also
/// close the entries in `/proc` of the helper's first process: only who has all that it has may look into it (ptrace(2),
/// "Ptrace access mode checking"). `DAC_READ_SEARCH` opens files by handle, past the top of a bind mount.
const TAKEN: &[CapabilitySet] = &[
    CapabilitySet::AUDIT_CONTROL,
    CapabilitySet::AUDIT_READ,
    CapabilitySet::BLOCK_SUSPEND,
    CapabilitySet::BPF,
    CapabilitySet::CHECKPOINT_RESTORE,
    CapabilitySet::DAC_READ_SEARCH,
    CapabilitySet::MAC_ADMIN,
    CapabilitySet::MAC_OVERRIDE,
    CapabilitySet::PERFMON,
    CapabilitySet::SYSLOG,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_PACCT,
    CapabilitySet::SYS_PTRACE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_TIME,
    CapabilitySet::SYS_TTY_CONFIG,
    CapabilitySet::WAKE_ALARM,
];

/// Makes the `/proc` of a root harmless, in this process's own mount namespace. A root without one is left as it is.
///
/// An empty directory stands for the first process's root: programs that compare it with `/` to find out whether they
/// run in a chroot (systemctl, ischroot) go on finding that they do.
///
/// # Errors
/// As mount(2).
pub(super) fn cover(root: &Path) -> Result<()> {
    let opened = Root::open(root)?;
    if !has_processes(&opened)? {
        return Ok(());
    }
    for path in SETTINGS {
        if opened.metadata(path)?.is_some() {
            read_only(root, path)?;
        }
    }
    let mount = mount_of(root, FIRST, "tmpfs", "bake", "mode=755,size=64k");
    Mounted::mount(&mount, Links::Refuse)?;
    opened.make_dir(&format!("{FIRST}/root"))?;
    opened.write(&format!("{FIRST}/comm"), b"bake\n", &Attributes::default())
}

/// Whether `/proc` is the kernel's: what else an image has there could lead anywhere.
fn has_processes(root: &Root) -> Result<bool> {
    if root
        .metadata("/proc")?
        .is_none_or(|found| found.kind != Type::Directory)
    {
        return Ok(false);
    }
    let found = rustix::fs::fstatfs(root.open_dir("/proc")?).doing(|| "look at /proc of the image".into())?;
    Ok(found.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

fn read_only(root: &Path, path: &str) -> Result<()> {
    let source = root.join(path.trim_start_matches('/')).display().to_string();
    Mounted::mount(&mount_of(root, path, "bind", &source, "ro"), Links::Refuse).map(drop)
}

fn mount_of(root: &Path, path: &str, kind: &str, source: &str, options: &str) -> Mount {
    Mount {
        source: source.into(),
        target: Place::new(root, path),
        kind: kind.into(),
        options: vec![options.to_owned()],
    }
}

/// Takes capabilities away for good from this process and what it becomes. The machine's network is set by the machine;
/// one of its own the command may set as it likes.
///
/// # Errors
/// As prctl(2) and capset(2).
pub(super) fn confine(network: Network) -> Result<()> {
    let network = (network != Network::None).then_some(CapabilitySet::NET_ADMIN);
    let taken: Vec<_> = TAKEN.iter().copied().chain(network).collect();
    let all = taken.iter().fold(CapabilitySet::empty(), |all, one| all | *one);
    take(&taken, all).doing(|| "take capabilities from the command".into())
}

fn take(taken: &[CapabilitySet], all: CapabilitySet) -> rustix::io::Result<()> {
    for one in taken {
        match remove_capability_from_bounding_set(*one) {
            // Newer than this kernel.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            error => return error,
        }
    }
    let mut sets = capabilities(None)?;
    sets.effective.remove(all);
    sets.permitted.remove(all);
    sets.inheritable.remove(all);
    set_capabilities(None, sets)
}
