//! What a sealed image does not keep: traces of the machine and the moment that built it, and secrets that no two
//! machines may share.

use crate::host::inside::{Attributes, Root, Type};
use crate::host::{HostError, Result};

/// Some things that are taken out.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// As it is written in `keep`.
    pub name: &'static str,
    /// Paths of files that become empty.
    pub emptied: &'static [&'static str],
    /// Paths that are removed; the last part may hold one `*`.
    pub removed: &'static [&'static str],
}

/// Every rule, in the order in which a plan names them.
pub const RULES: &[Rule] = &[
    Rule {
        name: "machine-id",
        emptied: &["/etc/machine-id"],
        removed: &["/var/lib/dbus/machine-id"],
    },
    Rule {
        name: "host-keys",
        emptied: &[],
        removed: &["/etc/ssh/ssh_host_*"],
    },
    Rule {
        name: "random-seeds",
        emptied: &[],
        removed: &[
            "/var/lib/systemd/random-seed",
            "/var/lib/urandom/random-seed",
            "/var/lib/systemd/credential.secret",
        ],
    },
    Rule {
        name: "caches",
        emptied: &[],
        removed: &[
            "/var/cache/ldconfig/aux-cache",
            "/var/cache/apt/*.bin",
            "/var/cache/apt/archives/*.deb",
            "/var/cache/debconf/*-old",
            "/var/cache/fontconfig/*",
            "/var/cache/man/*",
        ],
    },
    Rule {
        name: "logs",
        emptied: &[],
        removed: &["/var/log/*.log", "/var/log/apt/*", "/var/log/journal/*"],
    },
    Rule {
        name: "package-lists",
        emptied: &[],
        removed: &["/var/lib/apt/lists/*"],
    },
    Rule {
        name: "temporary-files",
        emptied: &[],
        removed: &["/tmp/*", "/var/tmp/*", "/run/*"],
    },
    Rule {
        name: "devices",
        emptied: &[],
        removed: &["/dev/*"],
    },
];

/// The names of all rules.
pub const NAMES: &[&str] = &[
    "machine-id",
    "host-keys",
    "random-seeds",
    "caches",
    "logs",
    "package-lists",
    "temporary-files",
    "devices",
];

/// Applies rules to a file system that is mounted at `target` in the image.
///
/// # Errors
/// As unlink(2).
pub fn apply(root: &Root, target: &str, names: &[String]) -> Result<()> {
    for rule in RULES.iter().filter(|rule| names.iter().any(|name| name == rule.name)) {
        for path in rule.emptied.iter().filter_map(|path| within(path, target)) {
            empty(root, path)?;
        }
        for path in rule.removed.iter().filter_map(|path| within(path, target)) {
            remove(root, path)?;
        }
    }
    Ok(())
}

/// The path as the file system mounted at `target` knows it: `/log/x` for `/var/log/x` in `/var`.
fn within<'a>(path: &'a str, target: &str) -> Option<&'a str> {
    match target {
        "/" => Some(path),
        _ => path.strip_prefix(target).filter(|rest| rest.starts_with('/')),
    }
}

fn empty(root: &Root, path: &str) -> Result<()> {
    match root.link_metadata(path)? {
        Some(found) if found.kind == Type::File && found.size > 0 => {
            let mode = Attributes {
                mode: Some(found.mode),
                ..Attributes::default()
            };
            root.write(path, b"", &mode)
        }
        _ => Ok(()),
    }
}

fn remove(root: &Root, path: &str) -> Result<()> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((before, after)) = name.split_once('*') else {
        return nothing_there(root.remove(path));
    };
    // A link there leads elsewhere: what is elsewhere has rules of its own.
    let is_directory = root
        .link_metadata(directory)?
        .is_some_and(|found| found.kind == Type::Directory);
    if !is_directory {
        return Ok(());
    }
    for found in root.list(directory)? {
        let Some(text) = found.to_str() else { continue };
        let fits = text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after);
        if fits {
            nothing_there(root.remove(&format!("{directory}/{text}")))?;
        }
    }
    Ok(())
}

fn nothing_there(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if HostError::is_not_found(&error) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // A tree is made by hand.
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_rule_has_its_name_in_the_list() {
        let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn only_what_the_rules_name_goes() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for path in ["etc/ssh", "var/log/apt", "dev"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        let files = [
            "etc/machine-id",
            "etc/ssh/ssh_host_rsa_key",
            "etc/ssh/sshd_config",
            "var/log/a.log",
            "var/log/wtmp",
            "dev/x",
        ];
        for path in files {
            fs::write(at(path), "x").unwrap();
        }
        let root = Root::open(directory.path()).unwrap();
        let names = ["machine-id", "host-keys", "logs"].map(str::to_owned);
        apply(&root, "/", &names).unwrap();
        assert_eq!(fs::read(at("etc/machine-id")).unwrap(), b"");
        assert!(!at("etc/ssh/ssh_host_rsa_key").exists() && at("etc/ssh/sshd_config").exists());
        assert!(!at("var/log/a.log").exists() && at("var/log/wtmp").exists() && at("dev/x").exists());
        assert_eq!(within("/var/log/x", "/var"), Some("/log/x"));
        assert_eq!(within("/various", "/var"), None);
    }
}
