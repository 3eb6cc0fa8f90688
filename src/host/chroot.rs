//! What steps find around them in an image: a private `/dev`, `/proc`, a read-only `/sys`, an empty `/run`.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, makedev};
use rustix::io::Errno;

use super::error::{Explain, HostError, Kind, Result};
use super::helper::{Chroot, Mount, Place, ShownDevice};
use super::machine;
use super::mounts::{Links, Mounted};

/// Target, kind, options; in this order.
const MOUNTS: &[(&str, &str, &str)] = &[
    ("/proc", "proc", "nosuid,nodev,noexec"),
    ("/sys", "sysfs", "ro,nosuid,nodev,noexec"),
    ("/dev", "tmpfs", "nosuid,noexec,mode=755,size=1m"),
    (
        "/dev/pts",
        "devpts",
        "nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5",
    ),
    ("/dev/shm", "tmpfs", "nosuid,nodev,mode=1777"),
    ("/run", "tmpfs", "nosuid,nodev,mode=755"),
];

/// Character devices that every program may expect: name, major, minor (null(4), random(4), tty(4)).
const NODES: &[(&str, u32, u32)] = &[
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Links of `/dev`.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// The mounts of a chroot, taken off by [`Entered::leave`].
#[derive(Debug)]
pub struct Entered {
    mounts: Vec<Mounted>,
}

impl Entered {
    /// Mounts them. A symbolic link in the image in place of a target is refused: it is none of an honest image's.
    ///
    /// # Errors
    /// [`Kind::WrongType`] for such a link; what was mounted before it is unmounted again.
    pub fn enter(chroot: &Chroot) -> Result<Entered> {
        let mut entered = Entered { mounts: Vec::new() };
        match entered.mount_all(chroot) {
            Ok(()) => Ok(entered),
            Err(error) => {
                // The first error is the one to report.
                let _ = entered.leave();
                Err(error)
            }
        }
    }

    fn mount_all(&mut self, chroot: &Chroot) -> Result<()> {
        let rooted = machine::has_devices();
        for (target, kind, options) in MOUNTS {
            let (source, kind) = match (*kind, rooted) {
                // The kernel shows devices of a network namespace, and that is the host's (sysfs(5)).
                ("sysfs", false) => ("/sys", "bind"),
                (kind, _) => (kind, kind),
            };
            self.mount(&chroot.root, (source, target, kind, options))?;
            if *target == "/dev" {
                fill(self.dev()?, rooted).doing(|| "make the private /dev".into())?;
            }
        }
        if !rooted {
            for (name, ..) in NODES {
                let path = format!("/dev/{name}");
                self.mount(&chroot.root, (&path, &path, "bind", ""))?;
            }
        }
        self.show(&chroot.devices)
    }

    /// Source, target, kind, options.
    fn mount(&mut self, root: &Path, (source, target, kind, options): (&str, &str, &str, &str)) -> Result<()> {
        let mount = Mount {
            source: source.to_owned(),
            target: Place::new(root, target),
            kind: kind.to_owned(),
            options: vec![options.to_owned()],
        };
        self.mounts.push(Mounted::mount(&mount, Links::Refuse)?);
        Ok(())
    }

    /// Shows block devices in `/dev`.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if one is not there.
    pub fn show(&self, devices: &[ShownDevice]) -> Result<()> {
        let dev = self.dev()?;
        for device in devices {
            show(dev, device).doing(|| format!("show {} in the image", device.path.display()))?;
        }
        Ok(())
    }

    /// Unmounts all, innermost first.
    ///
    /// # Errors
    /// [`Kind::Busy`]: that one and those around it stand as before.
    pub fn leave(&mut self) -> Result<()> {
        while let Some(mut last) = self.mounts.pop() {
            if let Err(error) = last.unmount() {
                self.mounts.push(last);
                return Err(error);
            }
        }
        Ok(())
    }

    fn dev(&self) -> Result<BorrowedFd<'_>> {
        let dev = self.mounts.iter().find(|mounted| mounted.place().path == "/dev");
        dev.and_then(Mounted::directory)
            .ok_or_else(|| HostError::new(Kind::NotFound, "reach the private /dev", "it is not mounted"))
    }
}

/// Without root there are no nodes of one's own: those of the host are shown in their place.
fn fill(dev: BorrowedFd<'_>, rooted: bool) -> rustix::io::Result<()> {
    for (name, major, minor) in NODES.iter().filter(|_| rooted) {
        node(dev, OsStr::new(name), FileType::CharacterDevice, *major, *minor, 0o666)?;
    }
    for (name, text) in LINKS {
        rustix::fs::symlinkat(*text, dev, *name)?;
    }
    for name in ["pts", "shm"] {
        rustix::fs::mkdirat(dev, name, Mode::from_bits_truncate(0o755))?;
    }
    Ok(())
}

fn node(
    dev: BorrowedFd<'_>,
    name: &OsStr,
    kind: FileType,
    major: u32,
    minor: u32,
    mode: u32,
) -> rustix::io::Result<()> {
    let mode = Mode::from_bits_truncate(mode);
    match rustix::fs::mknodat(dev, name, kind, mode, makedev(major, minor)) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(()),
        other => return other,
    }
    // The umask took bits away.
    rustix::fs::chmodat(dev, name, mode, AtFlags::empty())
}

/// The node with the numbers that sysfs gives, and the links to it that a device manager would make.
fn show(dev: BorrowedFd<'_>, device: &ShownDevice) -> std::io::Result<()> {
    let name = device.path.file_name().unwrap_or_default();
    let (major, minor) = numbers(name)?;
    node(dev, name, FileType::BlockDevice, major, minor, 0o660)?;
    for link in &device.links {
        make_parents(dev, Path::new(link))?;
        let up = "../".repeat(Path::new(link).components().count().saturating_sub(1));
        let mut text = std::ffi::OsString::from(up);
        text.push(name);
        match rustix::fs::symlinkat(&text, dev, link.as_str()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn numbers(name: &OsStr) -> std::io::Result<(u32, u32)> {
    let text = fs::read_to_string(Path::new("/sys/class/block").join(name).join("dev"))?;
    let parsed = text
        .trim()
        .split_once(':')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| std::io::Error::other("sysfs gives no device number"))
}

/// In the private `/dev` there is nothing that a step could have put in the way yet.
fn make_parents(dev: BorrowedFd<'_>, link: &Path) -> rustix::io::Result<()> {
    let parents = link.parent().into_iter().flat_map(Path::ancestors);
    let mut parents: Vec<_> = parents.filter(|parent| !parent.as_os_str().is_empty()).collect();
    parents.reverse();
    for parent in parents {
        match rustix::fs::mkdirat(dev, parent, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            other => return other,
        }
    }
    Ok(())
}
