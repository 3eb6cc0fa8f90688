//! A FAT that the kernel cannot mount, stood in for by a tmpfs: filled from the FAT when it is opened, written back and
//! checked before it is closed.
//!
//! The source that the tmpfs names is the partition, so that programs which look a mount's device up (`grub-probe`,
//! `grub-install`) find the FAT itself. mtools read and write it; mcopy(1), mdel(1), mmd(1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::host::HostError;
use crate::host::command::Tool;
use crate::host::helper::{Helper, Mount, PRIVATE, Place};
use crate::host::inside::{Root, Type};
use crate::host::stack::roomy;

/// Mounts the stand-in and fills it.
///
/// # Errors
/// If mtools are missing, or if the FAT is damaged.
pub async fn open(helper: &Helper, device: &Path, size: u64, target: Place) -> Result<(), HostError> {
    tmpfs(helper, device, size, target.clone()).await?;
    fill(helper, device, &host_path(&target)).await
}

/// Writes back what has changed in it, checks the FAT, and unmounts.
///
/// # Errors
/// [`StandInError`] for what a FAT cannot hold; the FAT is then as it was.
pub async fn close(helper: &Helper, device: &Path, size: u64, target: Place) -> Result<(), StandInError> {
    let before = Place::root(Path::new(PRIVATE).join("fat"));
    helper.make_dir(&before.root).await?;
    tmpfs(helper, device, size, before.clone()).await?;
    let written = write_back(helper, device, &before, &target).await;
    let removed = helper.unmount(before).await;
    let unmounted = helper.unmount(target).await;
    written?;
    removed?;
    Ok(unmounted?)
}

async fn tmpfs(helper: &Helper, device: &Path, size: u64, target: Place) -> Result<(), HostError> {
    let mount = Mount {
        source: device.display().to_string(),
        target,
        kind: "tmpfs".to_owned(),
        options: vec![format!("size={size}"), "mode=755".to_owned()],
    };
    helper.mount(mount).await
}

pub(super) async fn fill(helper: &Helper, device: &Path, into: &Path) -> Result<(), HostError> {
    let listed = mtools(device, "mdir", &["-b"], &["::/"]).run_in(helper).await?;
    if listed.trim_ascii().is_empty() {
        return Ok(());
    }
    let into = format!("{}/", into.display());
    let copy = mtools(device, "mcopy", &["-s", "-n", "-m", "-Q"], &["::*", &into]);
    copy.run_in(helper).await.map(drop)
}

async fn write_back(helper: &Helper, device: &Path, before: &Place, now: &Place) -> Result<(), StandInError> {
    fill(helper, device, &before.root).await?;
    let old = tree(&helper.root(&before.root).await?, "/")?;
    let new = tree(&helper.root(&host_path(now)).await?, "/")?;
    check_names(&new)?;
    for command in changes(&old, &new, device, &host_path(now)) {
        command.run_in(helper).await?;
    }
    let shown = device.display().to_string();
    Tool::new("fsck.vfat", &["-n", &shown]).run_in(helper).await?;
    Ok(())
}

/// The commands that make the FAT hold the new tree: what is gone first, then directories, then files.
fn changes(old: &Tree, new: &Tree, device: &Path, from: &Path) -> Vec<Tool> {
    let same = |path: &String, node: &Node, other: &Tree| other.get(path).is_some_and(|found| found == node);
    let within_gone = |path: &str| {
        let parents = Path::new(path)
            .ancestors()
            .skip(1)
            .map(|parent| parent.display().to_string());
        parents
            .filter(|parent| parent != "/")
            .any(|parent| old.contains_key(&parent) && new.get(&parent) != Some(&Node::Directory))
    };
    let gone = old
        .iter()
        .filter(|(path, node)| !same(path, node, new) && !within_gone(path));
    let removed = gone.map(|(path, node)| match node {
        Node::Directory => mtools(device, "mdeltree", &[], &[&format!("::{path}")]),
        Node::File { .. } => mtools(device, "mdel", &[], &[&format!("::{path}")]),
    });
    let fresh = || new.iter().filter(|(path, node)| !same(path, node, old));
    let directories = fresh().filter(|(_, node)| **node == Node::Directory);
    let made = directories.map(|(path, _)| mtools(device, "mmd", &[], &[&format!("::{path}")]));
    let files = fresh().filter(|(_, node)| **node != Node::Directory);
    let copied = files.map(|(path, _)| {
        let source = format!("{}{path}", from.display());
        mtools(device, "mcopy", &["-o", "-m", "-Q"], &[&source, &format!("::{path}")])
    });
    removed.chain(made).chain(copied).collect()
}

/// A program of mtools on a device, with times in UTC and without its opinions on geometry.
pub(super) fn mtools(device: &Path, program: &str, options: &[&str], operands: &[&str]) -> Tool {
    let device = device.display().to_string();
    let arguments = [options, &["-i", &device], operands].concat();
    Tool::new(program, &arguments)
        .env("TZ", "UTC")
        .env("MTOOLS_SKIP_CHECK", "1")
}

/// Where a place is in the helper's own file system. The targets of stand-ins hold no links: bake has mounted on them.
fn host_path(place: &Place) -> PathBuf {
    place.root.join(place.path.trim_start_matches('/'))
}

type Tree = BTreeMap<String, Node>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    /// Seconds after 1970 (FAT keeps even ones), and the content.
    File {
        modified: i64,
        digest: Digest,
    },
}

fn tree(root: &Root, directory: &str) -> Result<Tree, StandInError> {
    let mut found = Tree::new();
    for name in root.list(directory)? {
        let Some(name) = name.to_str() else {
            return Err(StandInError::name(
                &format!("{directory}/{}", name.to_string_lossy()),
                "is no text",
            ));
        };
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        let metadata = root.link_metadata(&path)?;
        match metadata.map(|data| (data.kind, data.modified)) {
            Some((Type::Directory, _)) => {
                found.extend(roomy(|| tree(root, &path))?);
                found.insert(path, Node::Directory);
            }
            Some((Type::File, modified)) => {
                let digest = Digest::of(&root.read(&path)?);
                found.insert(
                    path,
                    Node::File {
                        modified: modified & !1,
                        digest,
                    },
                );
            }
            Some((Type::Link, _)) => return Err(StandInError::name(&path, "is a symbolic link, and a FAT holds none")),
            Some(_) => {
                return Err(StandInError::name(
                    &path,
                    "is a device, fifo or socket, and a FAT holds none",
                ));
            }
            None => {}
        }
    }
    Ok(found)
}

/// Names that a FAT cannot hold beside one another, or at all (Microsoft FAT Specification, "Long Directory Entries").
fn check_names(tree: &Tree) -> Result<(), StandInError> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for path in tree.keys() {
        if let Some(other) = seen.insert(path.to_lowercase(), path) {
            return Err(StandInError::name(
                path,
                &format!("differs from {other} only in case, and a FAT holds one of them"),
            ));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_bad = |c: char| c.is_control() || "\"*:<>?\\|".contains(c);
        if name.chars().any(is_bad) || name.ends_with(['.', ' ']) || name.encode_utf16().count() > 255 {
            return Err(StandInError::name(path, "has a name that a FAT cannot hold"));
        }
    }
    Ok(())
}

/// Why a tree cannot be written back.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// The host said no; among others that the FAT is full.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Something that is no matter for a FAT.
    #[error("{path} on the FAT file system {why}")]
    Unfit {
        /// Within the file system.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl StandInError {
    fn name(path: &str, why: &str) -> StandInError {
        StandInError::Unfit {
            path: path.to_owned(),
            why: why.to_owned(),
        }
    }
}

impl From<StandInError> for Diagnostic {
    fn from(error: StandInError) -> Diagnostic {
        match error {
            StandInError::Host(error) => error.into(),
            StandInError::Unfit { .. } => {
                Diagnostic::error(error.to_string()).help("rename or remove it in the step that makes it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Node {
        Node::File {
            modified: 2,
            digest: Digest::of(text.as_bytes()),
        }
    }

    fn tree_of(nodes: &[(&str, Node)]) -> Tree {
        nodes
            .iter()
            .map(|(path, node)| ((*path).to_owned(), node.clone()))
            .collect()
    }

    fn lines(old: &[(&str, Node)], new: &[(&str, Node)]) -> Vec<String> {
        let tools = changes(&tree_of(old), &tree_of(new), Path::new("/dev/x"), Path::new("/m"));
        let line = |tool: &Tool| format!("{} {}", tool.program, tool.arguments.last().unwrap());
        tools.iter().map(line).collect()
    }

    #[test]
    fn only_what_differs_is_written_and_what_is_gone_goes_first() {
        let old = [
            ("/EFI", Node::Directory),
            ("/EFI/a", file("a")),
            ("/old", Node::Directory),
            ("/old/x", file("x")),
        ];
        let new = [
            ("/EFI", Node::Directory),
            ("/EFI/a", file("b")),
            ("/EFI/new", Node::Directory),
            ("/EFI/new/y", file("y")),
        ];
        assert_eq!(
            lines(&old, &new),
            [
                "mdel ::/EFI/a",
                "mdeltree ::/old",
                "mmd ::/EFI/new",
                "mcopy ::/EFI/a",
                "mcopy ::/EFI/new/y"
            ]
        );
        assert!(lines(&old, &old).is_empty());
    }

    #[test]
    fn names_that_a_fat_cannot_hold_are_refused() {
        for bad in [&["/EFI/a", "/EFI/A"][..], &["/a:b"], &["/a."], &["/x?"]] {
            let nodes: Vec<_> = bad.iter().map(|path| (*path, file(""))).collect();
            assert!(check_names(&tree_of(&nodes)).is_err(), "{bad:?}");
        }
        assert!(check_names(&tree_of(&[("/A/x", file("")), ("/B/x", file(""))])).is_ok());
    }
}
