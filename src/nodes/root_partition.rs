//! Which partition of a source is `/`.

use super::NodeError;
use super::filesystem::{head, mount_briefly};
use super::partitions::{PartitionEntry, PartitionsHandle};
use crate::diagnostic::Diagnostic;
use crate::filesystems::{self, Found};
use crate::host::helper::Helper;
use crate::spec::RootPartition;

/// Root partitions by type, of x86-64 and AArch64 (Discoverable Partitions Specification).
const ROOT_TYPES: &[&str] = &[
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "b921b045-1df0-41c3-af44-4c6f280d3fae",
];

/// How a member of a volume group is called.
const LVM: &str = "LVM2_member";

/// Files of which a root has at least one.
const MARKS: &[&str] = &["/etc/os-release", "/usr/lib/os-release", "/sbin/init", "/bin/sh"];

/// Finds it; `None`: it is on the whole disk.
///
/// # Errors
/// If there is none, or if several could be meant.
pub async fn find<'a>(
    partitions: &'a PartitionsHandle,
    how: &RootPartition,
    helper: &Helper,
) -> Result<Option<&'a PartitionEntry>, NodeError> {
    if *how == RootPartition::Whole || (partitions.entries.is_empty() && *how == RootPartition::Auto) {
        return Ok(None);
    }
    let candidates: Vec<(&PartitionEntry, Found)> = partitions
        .entries
        .iter()
        .filter_map(|entry| Some((entry, filesystems::probe(&head(&entry.device).ok()?)?)))
        .collect();
    let chosen: Vec<&PartitionEntry> = match how {
        RootPartition::Number(number) => {
            let entries = partitions.entries.iter();
            entries.filter(|entry| entry.number == *number).collect()
        }
        RootPartition::Label(label) => with(&candidates, |found| found.label.as_ref() == Some(label)),
        RootPartition::Uuid(uuid) => with(&candidates, |found| found.uuid.eq_ignore_ascii_case(uuid)),
        RootPartition::Auto | RootPartition::Whole => automatic(&candidates, helper).await?,
    };
    match chosen.as_slice() {
        [one] => Ok(Some(one)),
        [] => match candidates.iter().find(|(_, found)| found.kind == LVM) {
            Some((entry, _)) => Err(in_a_group(entry)),
            None => Err(none(partitions, how)),
        },
        several => Err(ambiguous(several)),
    }
}

fn with<'a>(candidates: &[(&'a PartitionEntry, Found)], wanted: impl Fn(&Found) -> bool) -> Vec<&'a PartitionEntry> {
    let fitting = candidates.iter().filter(|(_, found)| wanted(found));
    fitting.map(|(entry, _)| *entry).collect()
}

/// By type, then by content.
async fn automatic<'a>(
    candidates: &[(&'a PartitionEntry, Found)],
    helper: &Helper,
) -> Result<Vec<&'a PartitionEntry>, NodeError> {
    let is_root = |entry: &PartitionEntry| ROOT_TYPES.contains(&entry.kind.to_lowercase().as_str());
    let by_type: Vec<_> = candidates
        .iter()
        .map(|(entry, _)| *entry)
        .filter(|entry| is_root(entry))
        .collect();
    if by_type.len() == 1 {
        return Ok(by_type);
    }
    let mut by_content = Vec::new();
    for (entry, found) in candidates {
        let mountable = filesystems::kind(found.kind).is_some_and(|kind| kind.mountable && kind.name != "vfat");
        if mountable && looks_like_root(helper, entry, found.kind).await? {
            by_content.push(*entry);
        }
    }
    Ok(by_content)
}

async fn looks_like_root(helper: &Helper, entry: &PartitionEntry, kind: &str) -> Result<bool, NodeError> {
    let place = mount_briefly(helper, &entry.device, kind, &["ro"]).await?;
    let root = helper.root(&place.root).await?;
    let found = MARKS.iter().any(|path| matches!(root.metadata(path), Ok(Some(_))));
    drop(root);
    helper.unmount(place).await?;
    Ok(found)
}

fn none(partitions: &PartitionsHandle, how: &RootPartition) -> NodeError {
    let disk = partitions.disk.display();
    let what = match how {
        RootPartition::Number(number) => format!("the source has no partition {number}"),
        RootPartition::Label(label) => format!("no file system of the source has the label {label:?}"),
        RootPartition::Uuid(uuid) => format!("no file system of the source has the UUID {uuid}"),
        RootPartition::Auto | RootPartition::Whole => format!("none of the partitions of {disk} looks like a root"),
    };
    let numbers: Vec<String> = partitions
        .entries
        .iter()
        .map(|entry| entry.number.to_string())
        .collect();
    Diagnostic::error(what)
        .note(format!("the source has the partitions {}", numbers.join(", ")))
        .help("name it: root { partition = 1 }, \"label=...\", \"uuid=...\" or \"whole\"")
        .into()
}

/// The root may lie in a volume group, which bake does not assemble: two copies of one group cannot be active on a host.
fn in_a_group(entry: &PartitionEntry) -> NodeError {
    let group = head(&entry.device)
        .ok()
        .and_then(|head| filesystems::volume_group(&head));
    let group = group.map_or_else(
        || "an LVM volume group".to_owned(),
        |name| format!("the LVM volume group {name:?}"),
    );
    Diagnostic::error(format!("partition {} of the source belongs to {group}", entry.number))
        .note("bake does not open volume groups, and no other partition looks like a root")
        .help("choose a source without LVM, or build one: scratch {} with partitions and a bootstrap block")
        .into()
}

fn ambiguous(several: &[&PartitionEntry]) -> NodeError {
    let numbers: Vec<String> = several.iter().map(|entry| entry.number.to_string()).collect();
    Diagnostic::error(format!("the partitions {} could all be the root", numbers.join(", ")))
        .help("name it: root { partition = 1 }, \"label=...\" or \"uuid=...\"")
        .into()
}
