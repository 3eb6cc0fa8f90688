//! What a sealed image does not keep: traces of the machine and the moment that built it, and secrets that no two
//! machines may share.

use std::os::unix::ffi::OsStrExt;

use crate::host::inside::{Attributes, Root, Type};
use crate::host::{Kind, Result};

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
    match if_there(root.metadata(path))?.flatten() {
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
        return if_there(root.remove(path)).map(drop);
    };
    // Where a link leads there may be more than was meant: everything goes only from the directory itself.
    let found = match (before, after) {
        ("", "") => root.link_metadata(directory),
        _ => root.metadata(directory),
    };
    let found = if_there(found)?.flatten();
    if found.is_none_or(|found| found.kind != Type::Directory) {
        return Ok(());
    }
    for found in root.list(directory)? {
        let name = found.as_bytes();
        let long = name.len() >= before.len() + after.len();
        if long && name.starts_with(before.as_bytes()) && name.ends_with(after.as_bytes()) {
            root.remove_from(directory, &found)?;
        }
    }
    Ok(())
}

/// None where nothing of this path can be: a part of it is missing, or no directory.
fn if_there<T>(done: Result<T>) -> Result<Option<T>> {
    match done {
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::WrongType) => Ok(None),
        other => other.map(Some),
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

    /// Names that are no text, links to directories, and parts of a path that are no directories.
    #[test]
    fn what_a_link_leads_to_goes_and_a_name_is_bytes() {
        use std::ffi::OsStr;
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for path in ["etc", "srv/ssh", "usr/lib", "var/lib", "real", "dev"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        symlink("../srv/ssh", at("etc/ssh")).unwrap();
        symlink("../usr/lib/mid", at("etc/machine-id")).unwrap();
        symlink("real", at("tmp")).unwrap();
        let odd = |path: &str| at(path).join(OsStr::from_bytes(b"ssh_host_\xff"));
        for path in [
            odd("srv/ssh"),
            odd("dev"),
            at("usr/lib/mid"),
            at("real/kept"),
            at("var/lib/dbus"),
        ] {
            fs::write(path, "x").unwrap();
        }
        let root = Root::open(directory.path()).unwrap();
        let all: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
        apply(&root, "/", &all).unwrap();
        assert!(!odd("srv/ssh").exists() && !odd("dev").exists());
        assert_eq!(fs::read(at("usr/lib/mid")).unwrap(), b"");
        assert!(
            at("real/kept").exists(),
            "all of a directory goes only where that stands itself"
        );
        assert!(at("var/lib/dbus").exists() && at("etc/ssh").is_symlink());
    }
}
