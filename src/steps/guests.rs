//! What is in the image only while a step runs: a `policy-rc.d` that keeps services from starting, the builder host's
//! name resolution, more lines of `/etc/hosts`. What the image had there before is moved aside and comes back.
//!
//! Nothing is mounted over a file of the image. A bind mount over `/etc/resolv.conf` makes the installation of
//! systemd-resolved lose its own link for ever, and one over a file that a package owns breaks the upgrade of that
//! package ("Invalid cross-device link").

use std::ffi::OsStr;
use std::path::Path;

use super::StepError;
use super::site::Surround;
use crate::host::files;
use crate::host::helper::{HANDED, HandedFile};
use crate::host::inside::{Attributes, Root, Type};

const RESOLVER: &str = "/etc/resolv.conf";
const RESOLVER_ASIDE: &str = "/etc/.resolv.conf.bake";
/// Where systemd-resolved keeps what it found at its installation.
const RESOLVER_OF_PACKAGE: &str = "/etc/.resolv.conf.systemd-resolved.bak";
/// Name of the file that is handed to each step.
const HANDED_NAME: &str = "resolv.conf";

const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_ASIDE: &str = "/usr/sbin/.policy-rc.d.bake";
/// 101: "action forbidden by policy" (invoke-rc.d(8)).
const POLICY_TEXT: &str = "#!/bin/sh\n# Put here by bake while a step runs.\nexit 101\n";

const HOSTS: &str = "/etc/hosts";
const HOSTS_MARK: &str = " # bake: while the image is built";

/// What was put in, and has to be taken out.
#[derive(Debug)]
#[must_use = "guests stay in the image until they are taken out"]
pub struct Guests {
    policy: bool,
    resolver: bool,
    hosts: bool,
}

/// The file to which the image's `/etc/resolv.conf` leads while a step runs.
///
/// # Errors
/// If the host's own cannot be read.
pub fn handed(surround: &Surround) -> Result<Option<HandedFile>, StepError> {
    if !surround.resolv_conf {
        return Ok(None);
    }
    let content = match files::read(Path::new(RESOLVER)) {
        Err(error) if error.is_not_found() => Vec::new(),
        other => other?,
    };
    Ok(Some(HandedFile {
        name: HANDED_NAME.to_owned(),
        content,
        mode: 0o644,
    }))
}

/// Puts them in, each only where the image has the directory for it.
///
/// # Errors
/// As the system calls.
pub fn put_in(root: &Root, surround: &Surround) -> Result<Guests, StepError> {
    let guests = Guests {
        policy: !surround.services && is_directory(root, "/usr/sbin")?,
        resolver: surround.resolv_conf && is_directory(root, "/etc")?,
        hosts: !surround.hosts.is_empty() && is_directory(root, "/etc")?,
    };
    if guests.policy {
        move_aside(root, POLICY, POLICY_ASIDE)?;
        root.write(POLICY, POLICY_TEXT.as_bytes(), &mode(0o755))?;
    }
    if guests.resolver {
        move_aside(root, RESOLVER, RESOLVER_ASIDE)?;
        root.symlink(OsStr::new(&link()), RESOLVER)?;
    }
    if guests.hosts {
        add_hosts(root, surround)?;
    }
    Ok(guests)
}

impl Guests {
    /// Takes them out again. What a step put in their place stays.
    ///
    /// # Errors
    /// As the system calls.
    pub fn take_out(self, root: &Root) -> Result<(), StepError> {
        if self.policy {
            let is_ours = root.read(POLICY).is_ok_and(|text| text == POLICY_TEXT.as_bytes());
            give_back(root, POLICY, POLICY_ASIDE, is_ours)?;
        }
        if self.resolver {
            take_out_resolver(root)?;
        }
        if self.hosts {
            remove_hosts(root)?;
        }
        Ok(())
    }
}

/// The link leads to the tmpfs of the step, so a program that follows it never writes into the image, and a package
/// that moves it away moves a link and no address of the builder's network.
fn link() -> String {
    format!("..{HANDED}/{HANDED_NAME}")
}

fn is_link(root: &Root, path: &str) -> bool {
    root.read_link(path).is_ok_and(|target| target == OsStr::new(&link()))
}

fn take_out_resolver(root: &Root) -> Result<(), StepError> {
    let is_ours = is_link(root, RESOLVER);
    if !is_ours && is_link(root, RESOLVER_OF_PACKAGE) && exists(root, RESOLVER_ASIDE)? {
        // The package kept our link as the file that it found: what it would have found takes its place.
        root.rename(RESOLVER_ASIDE, RESOLVER_OF_PACKAGE)?;
    }
    give_back(root, RESOLVER, RESOLVER_ASIDE, is_ours)?;
    for name in root.list("/etc")? {
        let path = format!("/etc/{}", name.to_string_lossy());
        if is_link(root, &path) {
            root.remove(&path)?;
        }
    }
    Ok(())
}

fn move_aside(root: &Root, path: &str, aside: &str) -> Result<(), StepError> {
    if exists(root, path)? {
        root.rename(path, aside)?;
    }
    Ok(())
}

/// Removes the guest if it is still there, and brings back what it had replaced; unless a step put something of its own
/// there, or removed the guest.
fn give_back(root: &Root, path: &str, aside: &str, is_ours: bool) -> Result<(), StepError> {
    if is_ours {
        root.remove(path)?;
    }
    match (exists(root, aside)?, is_ours) {
        (true, true) => root.rename(aside, path)?,
        (true, false) => root.remove(aside)?,
        (false, _) => {}
    }
    Ok(())
}

fn add_hosts(root: &Root, surround: &Surround) -> Result<(), StepError> {
    let lines = surround
        .hosts
        .iter()
        .map(|(name, address)| format!("{address}\t{name}{HOSTS_MARK}\n"));
    let mut text = read_or_empty(root, HOSTS)?;
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    lines.for_each(|line| text.extend_from_slice(line.as_bytes()));
    write_hosts(root, &text)
}

fn remove_hosts(root: &Root) -> Result<(), StepError> {
    let text = read_or_empty(root, HOSTS)?;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let is_own = |line: &&[u8]| line.trim_ascii_end().ends_with(HOSTS_MARK.as_bytes());
    let rest: Vec<u8> = lines.filter(|line| !is_own(line)).flatten().copied().collect();
    match rest.is_empty() {
        true => Ok(root.remove(HOSTS)?),
        false => write_hosts(root, &rest),
    }
}

fn read_or_empty(root: &Root, path: &str) -> Result<Vec<u8>, StepError> {
    match root.read(path) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        other => Ok(other?),
    }
}

fn write_hosts(root: &Root, text: &[u8]) -> Result<(), StepError> {
    let own_mode = root.metadata(HOSTS)?.map_or(0o644, |hosts| hosts.mode);
    Ok(root.write(HOSTS, text, &mode(own_mode))?)
}

fn mode(mode: u32) -> Attributes {
    Attributes {
        mode: Some(mode),
        ..Attributes::default()
    }
}

fn exists(root: &Root, path: &str) -> Result<bool, StepError> {
    Ok(root.link_metadata(path)?.is_some())
}

fn is_directory(root: &Root, path: &str) -> Result<bool, StepError> {
    Ok(root.metadata(path)?.is_some_and(|found| found.kind == Type::Directory))
}
