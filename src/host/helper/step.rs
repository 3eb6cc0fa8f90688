//! The process between the helper and a command: it makes the command's surroundings, then becomes the command.
//!
//! Everything here happens in a mount namespace that ends with the command. It reads what to do from a file in memory,
//! and writes there why it could not.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid};
use rustix::mount::UnmountFlags;
use rustix::process::{Resource, Rlimit};

use super::confine;
use super::protocol::{Command, HANDED, HandedFile, Mount, Network, Place};
use crate::host::command::program;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::inside::{Attributes, Root};
use crate::host::mounts::{Links, Mounted};
use crate::host::sys;

/// Becomes the command that the descriptor `number` describes; answers only if that failed.
pub(super) fn become_command(number: &str) -> HostError {
    let path = format!("/proc/self/fd/{number}");
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut file) => {
            let error = attempt(&mut file);
            report(&mut file, &error);
            error
        }
        Err(error) => HostError::of_io("read what to run", error),
    }
}

/// Why the command could not be started, for the helper to read behind the description.
fn report(file: &mut File, error: &HostError) {
    let text = serde_json::to_vec(error).expect("an error has only texts");
    // If this fails, the helper says that the command could not be started, without a reason.
    let _ = file.write_all(&text);
}

fn attempt(file: &mut File) -> HostError {
    let mut text = Vec::new();
    let read = file.read_to_end(&mut text).doing(|| "read what to run".into());
    let command = read.and_then(|_| {
        serde_json::from_slice::<Command>(&text)
            .map_err(|error| HostError::new(Kind::Invalid, "read what to run", error.to_string()))
    });
    match command.and_then(|command| prepare(&command).map(|ready| (command, ready))) {
        Ok((command, mut ready)) => {
            let error = ready.exec();
            HostError::of_io(format!("run {}", command.argv.join(" ")), error)
        }
        Err(error) => error,
    }
}

fn prepare(command: &Command) -> Result<std::process::Command> {
    sys::close_on_exec_from(3).doing(|| "keep descriptors from the command".into())?;
    if command.terminal {
        take_terminal().doing(|| "give the command its terminal".into())?;
    }
    separate(command)?;
    let root = command.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    surround(command, &root)?;
    if command.root.is_some() {
        confine::cover(&root)?;
        pivot(&root).doing(|| format!("make {} the root of the command", root.display()))?;
    }
    limit(command)?;
    let directory = command.directory.as_deref().unwrap_or("/");
    let identity = command.user.as_deref().map(Identity::find).transpose()?;
    let ready = ready(command, identity.as_ref())?;
    if command.root.is_some() {
        confine::confine(command.network)?;
    }
    if let Some(identity) = identity {
        identity.take_on()?;
    }
    if command.unflushed {
        // Where the kernel cannot do without, its flushes only cost time.
        let _ = sys::forgo_flushes();
    }
    std::env::set_current_dir(directory).doing(|| format!("start in {directory}"))?;
    Ok(ready)
}

fn take_terminal() -> rustix::io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::ioctl_tiocsctty(std::io::stdin())
}

/// Namespaces of its own.
fn separate(command: &Command) -> Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNS;
    if command.network == Network::None {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    nix::sched::unshare(flags).doing(|| "make the namespaces of the command".into())?;
    if command.network == Network::None {
        sys::loopback_up().doing(|| "bring the loopback interface up".into())?;
    }
    Ok(())
}

/// The files that are handed to this command, and the mounts that only it sees, which may lie among them.
fn surround(command: &Command, root: &Path) -> Result<()> {
    if command.root.is_some() {
        // pivot_root(2) wants a mount point.
        rustix::mount::mount_bind_recursive(root, root).doing(|| format!("bind {}", root.display()))?;
    }
    if !command.files.is_empty() {
        hand_over(&command.files, root, command.root.is_some())?;
    }
    for mount in &command.mounts {
        let target = Place::new(root, &mount.target.path);
        let mount = Mount {
            target,
            ..mount.clone()
        };
        Mounted::mount(&mount, Links::Follow)?;
    }
    Ok(())
}

/// A tmpfs at [`HANDED`]. If the image's `/run` is no mount, one goes there, so that nothing is left in the image.
fn hand_over(files: &[HandedFile], root: &Path, is_image: bool) -> Result<()> {
    let opened = Root::open(root)?;
    let device = |path| opened.metadata(path).map(|found| found.map(|data| data.device));
    // On the host the helper's own directory is below /run, and must stay in sight.
    if is_image && device("/run")? == device("/")? {
        Mounted::mount(&tmpfs(root, "/run", "mode=755"), Links::Refuse)?;
    }
    Mounted::mount(&tmpfs(root, HANDED, "mode=755"), Links::Follow)?;
    for file in files {
        let attributes = Attributes {
            mode: Some(file.mode),
            ..Attributes::default()
        };
        opened.write(&format!("{HANDED}/{}", file.name), &file.content, &attributes)?;
    }
    Ok(())
}

fn tmpfs(root: &Path, path: &str, options: &str) -> Mount {
    Mount {
        source: "bake".into(),
        target: Place::new(root, path),
        kind: "tmpfs".into(),
        options: vec![options.to_owned()],
    }
}

/// Makes a directory the root and forgets the old one (pivot_root(2), "pivot_root(".", ".")").
pub(super) fn pivot(root: &Path) -> std::io::Result<()> {
    std::env::set_current_dir(root)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

fn limit(command: &Command) -> Result<()> {
    for (name, &most) in &command.limits {
        let operation = || format!("limit {name} to {most}");
        let resource = resource(name).ok_or_else(|| {
            HostError::new(Kind::Invalid, operation(), "there is no such limit")
                .help("limits are nofile, nproc, as, cpu, fsize, core, stack, data")
        })?;
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        rustix::process::setrlimit(resource, limit).doing(operation)?;
    }
    Ok(())
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "as" => Resource::As,
        "core" => Resource::Core,
        "cpu" => Resource::Cpu,
        "data" => Resource::Data,
        "fsize" => Resource::Fsize,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "stack" => Resource::Stack,
        _ => return None,
    })
}

fn ready(command: &Command, identity: Option<&Identity>) -> Result<std::process::Command> {
    let (name, arguments) = command
        .argv
        .split_first()
        .ok_or_else(|| HostError::new(Kind::Invalid, "run a command", "it is empty"))?;
    let mut ready = program(name);
    ready.args(arguments).env_clear().envs(&command.env);
    if !command.env.contains_key("HOME") {
        ready.env("HOME", identity.map_or("/root", |identity| &identity.home));
    }
    Ok(ready)
}

/// As whom the command runs.
struct Identity {
    user: u32,
    group: u32,
    further: Vec<u32>,
    home: String,
}

impl Identity {
    /// Looks `NAME`, `UID`, `NAME:GROUP` or `UID:GID` up in the passwd and group files of the root, which is `/` now.
    fn find(wanted: &str) -> Result<Identity> {
        let root = Root::open(Path::new("/"))?;
        let (name, group) = wanted
            .split_once(':')
            .map_or((wanted, None), |(name, group)| (name, Some(group)));
        let (user, own_group) = root.user(name)?;
        let group = match group {
            Some(group) => root.group(group)?,
            None => own_group.unwrap_or(user),
        };
        Ok(Identity {
            user,
            group,
            further: root.memberships(name)?,
            home: root.home(name)?.unwrap_or_else(|| "/".into()),
        })
    }

    fn take_on(&self) -> Result<()> {
        let operation = || format!("become user {}", self.user);
        let groups: Vec<_> = self.further.iter().map(|&group| Gid::from_raw(group)).collect();
        nix::unistd::setgroups(&groups).doing(operation)?;
        nix::unistd::setgid(Gid::from_raw(self.group)).doing(operation)?;
        nix::unistd::setuid(Uid::from_raw(self.user)).doing(operation)
    }
}
