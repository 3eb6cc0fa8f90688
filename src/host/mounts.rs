//! Mounts in this process's mount namespace, onto targets that the kernel resolves inside a root.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use super::error::{Explain, HostError, Kind, Result};
use super::helper::{Mount, Place};
use super::inside::{Root, Type, resolve_in};

/// How long bake may take to let go of a directory that it has open.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the target of a mount may be reached through symbolic links (which then end inside the root).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They may.
    Follow,
    /// They may not: the target is one that every system has as a directory.
    Refuse,
}

/// A mount that this process made.
#[derive(Debug)]
pub struct Mounted {
    place: Place,
    /// The kernel's id of it, by which it is found again however the path to it was changed.
    id: u64,
    /// Open since the beginning: syncfs(2) tells an error only to descriptors that were there when it happened.
    opened: Option<OwnedFd>,
    /// What had to be made for the target, outermost first.
    made: Vec<String>,
    /// Whether it shows what is mounted elsewhere, with everything mounted below that, which goes with it.
    bind: bool,
}

impl Mounted {
    /// Mounts.
    ///
    /// # Errors
    /// With the kernel's own words about a bad option or a bad file system.
    pub fn mount(mount: &Mount, links: Links) -> Result<Mounted> {
        let operation = || format!("mount {} on {}", mount.source, mount.target.path);
        let root = Root::open(&mount.target.root)?;
        if links == Links::Refuse && is_link(&root, &mount.target.path)? {
            return Err(HostError::of_io(operation(), Errno::LOOP));
        }
        let made = make_target(&root, mount)?;
        let target = open_target(&root, &mount.target.path, links).doing(operation)?;
        let options = Options::parse(&mount.options);
        let tree = match mount.kind.as_str() {
            "bind" => bind(&mount.source).doing(operation)?,
            kind => new_file_system(kind, mount, &options)?,
        };
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&tree, "", &target, "", flags).doing(operation)?;
        if mount.kind == "bind" && options.attributes != MountAttrFlags::empty() {
            restrict(tree.as_fd(), options.attributes).doing(operation)?;
        }
        Ok(Mounted {
            place: mount.target.clone(),
            id: mount_id(tree.as_fd()).doing(operation)?,
            opened: held(tree.as_fd()).doing(operation)?,
            made,
            bind: mount.kind == "bind",
        })
    }

    /// Where it was mounted.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The directory that it shows, while it is mounted.
    pub fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.opened.as_ref().map(AsFd::as_fd)
    }

    /// Writes everything back.
    ///
    /// # Errors
    /// [`Kind::Io`] if anything written since the last time was lost: writes and umount(2) do not say so.
    pub fn sync(&self) -> Result<()> {
        let synced = self.opened.as_ref().map_or(Ok(()), rustix::fs::syncfs);
        synced
            .doing(|| format!("write {} of the image back", self.place.path))
            .map_err(|error| {
                error.help("look whether the store's file system is full: what was written to the image is lost then")
            })
    }

    /// Writes everything back, and tells the device which blocks the file system does not use. A device that gains nothing by
    /// that does nothing; nobody depends on it, and what is wrong with a file system is for its check to say.
    ///
    /// # Errors
    /// Those of [`Mounted::sync`].
    pub fn discard(&self) -> Result<()> {
        // What was deleted counts as unused once that is written.
        self.sync()?;
        if let Some(opened) = &self.opened {
            let _ = super::sys::trim(opened.as_fd());
        }
        Ok(())
    }

    /// Writes everything back, unmounts, and removes what was made for the target.
    ///
    /// # Errors
    /// [`Kind::Busy`] if it is in use: it stands as before then. Those of [`Mounted::sync`]: it is unmounted all the same.
    pub fn unmount(&mut self) -> Result<()> {
        let operation = || format!("unmount {}", self.place.path);
        // Gone already if a step took the directory below it away.
        let Some(path) = path_of(self.id).doing(operation)? else {
            return Ok(());
        };
        let synced = self.sync();
        // It would keep the mount busy.
        self.opened = None;
        if let Err(error) = unmount_path(&path, self.bind) {
            self.opened = reopen(&path).ok();
            return Err(HostError::of_io(operation(), error));
        }
        let root = Root::open(&self.place.root)?;
        remove_targets(&root, &self.made);
        synced
    }
}

fn is_link(root: &Root, path: &str) -> Result<bool> {
    Ok(root.link_metadata(path)?.is_some_and(|data| data.kind == Type::Link))
}

/// Removes what was made for targets, innermost first, if nobody has put anything into it meanwhile.
pub fn remove_targets(root: &Root, made: &[String]) {
    made.iter().rev().for_each(|path| remove_made(root, path));
}

/// Removes what was made for a target, if nobody has put anything into it meanwhile.
fn remove_made(root: &Root, path: &str) {
    let is_empty_file = matches!(root.link_metadata(path), Ok(Some(data)) if data.kind == Type::File && data.size == 0);
    let is_empty_dir = root.list(path).is_ok_and(|names| names.is_empty());
    if is_empty_file || is_empty_dir {
        // What stays behind is empty; it is not worth failing for.
        let _ = root.remove(path);
    }
}

fn unmount_path(path: &Path, bind: bool) -> rustix::io::Result<()> {
    let with_all = if bind {
        UnmountFlags::DETACH
    } else {
        UnmountFlags::empty()
    };
    let begun = Instant::now();
    loop {
        match rustix::mount::unmount(path, UnmountFlags::NOFOLLOW | with_all) {
            Err(Errno::BUSY) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
}

/// Makes the target with its parents if it is missing: a directory, or a file for a bind of what is none. Answers what it made,
/// outermost first, for [`remove_targets`].
///
/// # Errors
/// As mkdir(2).
pub fn make_target(root: &Root, mount: &Mount) -> Result<Vec<String>> {
    let path = &mount.target.path;
    if root.metadata(path)?.is_some() {
        return Ok(Vec::new());
    }
    let is_other = |found: fs::Metadata| !found.is_dir();
    let file = mount.kind == "bind" && fs::metadata(&mount.source).is_ok_and(is_other);
    let mut made = Vec::new();
    for ancestor in ancestors(path) {
        if root.metadata(&ancestor)?.is_none() {
            if file && ancestor == *path {
                root.create_file(&ancestor, 0o644)?;
            } else {
                root.make_dir(&ancestor)?;
            }
            made.push(ancestor);
        }
    }
    Ok(made)
}

/// `/a`, `/a/b`, `/a/b/c`.
fn ancestors(path: &str) -> Vec<String> {
    let mut all: Vec<String> = Path::new(path)
        .ancestors()
        .map(|one| one.display().to_string())
        .collect();
    all.retain(|one| one != "/" && !one.is_empty());
    all.reverse();
    all
}

fn open_target(root: &Root, path: &str, links: Links) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    if links == Links::Follow {
        return resolve_in(root.as_fd(), Path::new(path), flags, Mode::empty());
    }
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), how)
}

fn bind(source: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    rustix::mount::open_tree(CWD, source, flags)
}

/// Read-only and the like of a bind: a property of the mount, set once it stands (mount(2), `MS_REMOUNT | MS_BIND`).
fn restrict(mount: BorrowedFd<'_>, attributes: MountAttrFlags) -> rustix::io::Result<()> {
    let mut flags = MountFlags::BIND;
    for (attribute, flag) in [
        (MountAttrFlags::MOUNT_ATTR_RDONLY, MountFlags::RDONLY),
        (MountAttrFlags::MOUNT_ATTR_NOSUID, MountFlags::NOSUID),
        (MountAttrFlags::MOUNT_ATTR_NODEV, MountFlags::NODEV),
        (MountAttrFlags::MOUNT_ATTR_NOEXEC, MountFlags::NOEXEC),
        (MountAttrFlags::MOUNT_ATTR_NOATIME, MountFlags::NOATIME),
    ] {
        if attributes.contains(attribute) {
            flags |= flag;
        }
    }
    rustix::mount::mount_remount(by_descriptor(mount), flags, c"")
}

fn new_file_system(kind: &str, mount: &Mount, options: &Options<'_>) -> Result<OwnedFd> {
    let operation = || format!("mount {} on {} as {kind}", mount.source, mount.target.path);
    let context = match rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC) {
        Err(Errno::NODEV) => {
            let reason = format!("this kernel has no {kind}");
            return Err(HostError::new(Kind::Unsupported, operation(), reason));
        }
        other => other.doing(operation)?,
    };
    let created = options
        .set(context.as_fd(), &mount.source)
        .and_then(|()| rustix::mount::fsconfig_create(context.as_fd()));
    if let Err(error) = created {
        return Err(refused(operation(), context.as_fd(), kind, error));
    }
    rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, options.attributes).doing(operation)
}

/// The kernel's words about a mount that it refused (fsopen(2): each read of the context gives one message).
fn refused(operation: String, context: BorrowedFd<'_>, kind: &str, error: Errno) -> HostError {
    let mut words = Vec::new();
    let mut line = [0; 1024];
    while let Ok(count) = rustix::io::read(context, &mut line) {
        let text = String::from_utf8_lossy(&line[..count]);
        words.push(text.trim().trim_start_matches(['e', 'w', 'i']).trim().to_owned());
    }
    if !words.is_empty() {
        return HostError::new(Kind::Invalid, operation, words.join("; "));
    }
    match error {
        Errno::INVAL | Errno::UCLEAN => {
            let reason = format!("there is no {kind} on it, it is damaged, or an option is wrong");
            HostError::new(Kind::Invalid, operation, reason).help("the kernel's messages say more: dmesg")
        }
        other => HostError::of_io(operation, other),
    }
}

/// Mount options, parted into those of the mount and those of the file system.
struct Options<'a> {
    attributes: MountAttrFlags,
    settings: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Options<'a> {
    fn parse(options: &'a [String]) -> Options<'a> {
        let mut parsed = Options {
            attributes: MountAttrFlags::empty(),
            settings: Vec::new(),
        };
        for option in options.iter().flat_map(|option| option.split(',')) {
            parsed.add(option);
        }
        parsed
    }

    fn add(&mut self, option: &'a str) {
        self.attributes |= match option {
            "ro" => MountAttrFlags::MOUNT_ATTR_RDONLY,
            "nosuid" => MountAttrFlags::MOUNT_ATTR_NOSUID,
            "nodev" => MountAttrFlags::MOUNT_ATTR_NODEV,
            "noexec" => MountAttrFlags::MOUNT_ATTR_NOEXEC,
            "noatime" => MountAttrFlags::MOUNT_ATTR_NOATIME,
            "nodiratime" => MountAttrFlags::MOUNT_ATTR_NODIRATIME,
            "strictatime" => MountAttrFlags::MOUNT_ATTR_STRICTATIME,
            _ => MountAttrFlags::empty(),
        };
        match option.split_once('=') {
            // Of the mount, the default, or for the boot alone (fstab(5), mount(8)).
            None if matches!(
                option,
                "" | "nosuid"
                    | "nodev"
                    | "noexec"
                    | "noatime"
                    | "nodiratime"
                    | "strictatime"
                    | "relatime"
                    | "defaults"
                    | "suid"
                    | "dev"
                    | "exec"
                    | "atime"
                    | "diratime"
                    | "auto"
                    | "noauto"
                    | "nofail"
                    | "_netdev"
                    | "user"
                    | "nouser"
                    | "users"
            ) => {}
            _ if option.starts_with("x-") || option.starts_with("X-") => {}
            None => self.settings.push((option, None)),
            Some((key, value)) => self.settings.push((key, Some(value))),
        }
    }

    fn set(&self, context: BorrowedFd<'_>, source: &str) -> rustix::io::Result<()> {
        rustix::mount::fsconfig_set_string(context, "source", source)?;
        for (key, value) in &self.settings {
            match value {
                Some(value) => rustix::mount::fsconfig_set_string(context, *key, *value)?,
                None => rustix::mount::fsconfig_set_flag(context, *key)?,
            }
        }
        Ok(())
    }
}

/// A mount that was just made, open; nothing of a bind of a device, which is no file system to be written back, and does
/// something when it is opened.
fn held(tree: BorrowedFd<'_>) -> rustix::io::Result<Option<OwnedFd>> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(tree)?.st_mode);
    match kind {
        FileType::Directory | FileType::RegularFile => reopen(&by_descriptor(tree)).map(Some),
        _ => Ok(None),
    }
}

/// A mount as an open directory or file, to be synced or looked into.
fn reopen(mount: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(
        mount,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

fn by_descriptor(open: BorrowedFd<'_>) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()))
}

/// The kernel's id of the mount that an open file is on (`/proc/PID/fdinfo`, proc(5)).
fn mount_id(open: BorrowedFd<'_>) -> std::io::Result<u64> {
    use std::os::fd::AsRawFd;
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", open.as_raw_fd()))?;
    let id = text
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.ok_or_else(|| std::io::Error::other("the kernel names no mount id"))
}

/// Where a mount is now; `None` if it is not there any more.
fn path_of(id: u64) -> std::io::Result<Option<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let line = table
        .lines()
        .find(|line| line.split(' ').next() == Some(&id.to_string()));
    Ok(line.and_then(|line| line.split(' ').nth(4)).map(unescape))
}

/// Blanks, tabs, newlines and backslashes of a path are three octal digits in mountinfo (proc(5)).
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &behind[3..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_mountinfo_are_read_as_they_are() {
        assert_eq!(unescape(r"/a\040b\134c"), Path::new(r"/a b\c"));
        assert_eq!(unescape("/plain"), Path::new("/plain"));
    }

    #[test]
    fn options_of_the_mount_and_of_the_file_system_are_parted() {
        let given = [
            "ro,nosuid".to_owned(),
            "nouuid".to_owned(),
            "size=1m".to_owned(),
            "x-systemd.growfs".to_owned(),
        ];
        let options = Options::parse(&given);
        assert_eq!(options.settings, [("ro", None), ("nouuid", None), ("size", Some("1m"))]);
        assert_eq!(
            options.attributes,
            MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOSUID
        );
    }

    #[test]
    fn ancestors_come_outermost_first() {
        assert_eq!(ancestors("/a/b"), ["/a", "/a/b"]);
        assert!(ancestors("/").is_empty());
    }
}
