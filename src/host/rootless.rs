//! Root without being root: a user namespace of bake's own, in which an ordinary user builds.
//!
//! The kernel lets everybody make a user namespace (user_namespaces(7)); the ids in it beyond the user's own are those that
//! `/etc/subuid` and `/etc/subgid` give to the user, mapped by newuidmap(1) and newgidmap(1). In it bake may mount, chroot
//! and own files of every mapped id, and reaches nothing of the host that the user does not reach: no block device, no loop
//! device, no file of somebody else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid, User};

use super::command::{find, program, this_program};
use super::error::{Explain, HostError, Kind, Result};
use super::helper;
use super::machine;

/// How many ids a system uses: up to `nobody`, 65534 (Debian Policy, 9.2.2).
const IDS: u64 = 65535;

/// What is said when the namespace was made.
const MADE: u8 = b'm';

/// Makes a user namespace in which this process is root, and enters it. Processes that it starts are in it too.
///
/// It must be asked while this process has one thread (setns(2)). If it fails, nothing has changed.
///
/// # Errors
/// [`Kind::Denied`], [`Kind::NotFound`] with what the host has to allow.
pub fn become_root() -> Result<()> {
    let name = user_name()?;
    let users = Map::of("/etc/subuid", &name, Uid::current().as_raw())?;
    let groups = Map::of("/etc/subgid", &name, Gid::current().as_raw())?;
    let holder = Holder::start()?;
    let pid = holder.child.id().to_string();
    users.write("newuidmap", &pid)?;
    groups.write("newgidmap", &pid)?;
    let operation = || "enter a user namespace".to_owned();
    let namespace = File::open(format!("/proc/{pid}/ns/user")).doing(operation)?;
    nix::sched::setns(namespace, CloneFlags::CLONE_NEWUSER).doing(operation)?;
    holder.end();
    // Groups of the user beside its first are none of the image's.
    nix::unistd::setgroups(&[]).doing(operation)
}

/// What the process that holds the new namespace does, until its standard input ends.
///
/// # Errors
/// If the kernel gives none.
pub(super) fn hold() -> Result<()> {
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER).doing(|| "make a user namespace".into())?;
    let mut output = std::io::stdout();
    let said = output.write_all(&[MADE]).and_then(|()| output.flush());
    said.doing(|| "make a user namespace".into())?;
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .map(drop)
        .doing(|| "hold a user namespace".into())
}

/// A process in a new user namespace: it keeps that alive until bake is in it, and goes.
struct Holder {
    child: Child,
    input: ChildStdin,
}

impl Holder {
    fn start() -> Result<Holder> {
        let operation = || "make a user namespace".to_owned();
        let mut child = this_program(None)
            .args([helper::ARGUMENT, "user"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .doing(operation)?;
        let input = child.stdin.take().expect("it was asked for above");
        let mut output: ChildStdout = child.stdout.take().expect("it was asked for above");
        let mut word = [0];
        let made = output.read(&mut word).doing(operation)? == 1 && word[0] == MADE;
        let holder = Holder { child, input };
        match made {
            true => Ok(holder),
            false => {
                holder.end();
                Err(forbidden(operation()))
            }
        }
    }

    fn end(mut self) {
        drop(self.input);
        // Its status says nothing; it only has to be gone.
        let _ = self.child.wait();
    }
}

/// Why there are no user namespaces on this host, and what gives them.
pub(super) fn forbidden(operation: String) -> HostError {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).map(|text| text.trim().to_owned());
    let is = |name: &str, value: &str| setting(name).is_ok_and(|found| found == value);
    let (reason, help) = if is("kernel/unprivileged_userns_clone", "0") {
        (
            "this host gives user namespaces to root alone",
            "allow them: sysctl -w kernel.unprivileged_userns_clone=1",
        )
    } else if is("user/max_user_namespaces", "0") {
        (
            "this host allows no user namespaces",
            "allow them: sysctl -w user.max_user_namespaces=10000",
        )
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        (
            "AppArmor takes all rights from user namespaces of ordinary users on this host",
            "allow bake to make them by a profile with \"userns,\", or everybody: \
             sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        )
    } else {
        (
            "the kernel refuses: a container, a security module or a limit forbids it",
            "allow user namespaces there (user_namespaces(7))",
        )
    };
    HostError::new(Kind::Denied, operation, reason).help(help)
}

fn user_name() -> Result<String> {
    let user = User::from_uid(Uid::current()).doing(|| "find the name of this user".into())?;
    Ok(user.map_or_else(|| Uid::current().to_string(), |user| user.name))
}

/// Which ids of the host stand behind those of the namespace: the user's own behind 0, the others behind 1 and up.
#[derive(Debug, PartialEq, Eq)]
struct Map {
    own: u32,
    /// First id and how many.
    ranges: Vec<(u32, u64)>,
}

impl Map {
    fn of(table: &str, name: &str, own: u32) -> Result<Map> {
        let text = match fs::read_to_string(table) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.doing(|| format!("read {table}"))?,
        };
        let map = Map {
            own,
            ranges: ranges(&text, name, own),
        };
        let all: u64 = map.ranges.iter().map(|(_, count)| count).sum();
        if all >= IDS {
            return Ok(map);
        }
        let operation = format!("map the ids of an image for {name}");
        let reason = match all {
            0 => format!("{table} gives the user none"),
            some => format!("{table} gives the user {some} ids, and a system has {IDS} beside root"),
        };
        let flag = if table.ends_with("subuid") { "uids" } else { "gids" };
        let help = format!(
            "as root give the user a range that nobody else has: usermod --add-sub{flag} 1000000-1065535 {name}"
        );
        Err(HostError::new(Kind::NotFound, operation, reason).help(help))
    }

    /// What newuidmap(1) takes: id inside, id outside, how many; and so on.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["0".to_owned(), self.own.to_string(), "1".to_owned()];
        let mut inside = 1;
        for (first, count) in &self.ranges {
            words.extend([inside, u64::from(*first), *count].map(|number| number.to_string()));
            inside += count;
        }
        words
    }

    fn write(&self, tool: &str, pid: &str) -> Result<()> {
        let operation = || format!("map ids by {tool}");
        let path = find(tool)?.display().to_string();
        let output = program(&path).arg(pid).args(self.words()).output().doing(operation)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let error = HostError::new(Kind::Denied, operation(), said);
        Err(error.help(format!(
            "{path} has to be set-user-id root or have the capability for it, as the package uidmap installs it"
        )))
    }
}

/// The ranges that a table gives to a user by name or id (subuid(5)).
fn ranges(text: &str, name: &str, own: u32) -> Vec<(u32, u64)> {
    let own = own.to_string();
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let who = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (who == name || who == own).then_some((first, count))
    };
    text.lines().filter_map(range).filter(|(_, count)| *count > 0).collect()
}

/// That bake is root here, over everything or over a namespace of its own.
///
/// # Errors
/// [`Kind::Denied`] otherwise.
pub(super) fn check() -> Result<()> {
    match machine::is_root() {
        true => Ok(()),
        false => {
            let error = HostError::new(Kind::Denied, "make namespaces", "bake does not run as root");
            Err(error.help("run it as root: it attaches disks and mounts file systems"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ranges_of_a_user_follow_one_another_behind_its_own_id() {
        let text = "other:5:9\nann:100000:65536\n# ann:1:1\n1000:300000:10\nann:7\n";
        let map = Map {
            own: 1000,
            ranges: ranges(text, "ann", 1000),
        };
        assert_eq!(map.ranges, [(100000, 65536), (300000, 10)]);
        assert_eq!(map.words().join(" "), "0 1000 1 1 100000 65536 65537 300000 10");
    }
}
