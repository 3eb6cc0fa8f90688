//! Who holds a block device: what a message says when the kernel does not let go of one.

use std::fs;
use std::path::Path;

/// Processes of this host that have a disk or one of its partitions open or mounted, in the order of their ids:
/// `process 71 (sleep) has /dev/loop0p1 mounted`. Nobody is named whom this user may not look at.
pub fn holders_of(disk: &Path) -> Vec<String> {
    let mut pids = pids();
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| held_by(pid, disk)).collect()
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn held_by(pid: u32, disk: &Path) -> Option<String> {
    let of = Path::new("/proc").join(pid.to_string());
    let name = fs::read_to_string(of.join("comm")).ok()?;
    let (device, how) = open_in(&of, disk)
        .map(|device| (device, "open"))
        .or_else(|| mounted_in(&of, disk).map(|device| (device, "mounted")))?;
    Some(format!("process {pid} ({}) has {device} {how}", name.trim_end()))
}

fn open_in(process: &Path, disk: &Path) -> Option<String> {
    let open = fs::read_dir(process.join("fd")).ok()?.flatten();
    let mut targets = open.filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()));
    targets.find(|target| is_of(target, disk))
}

/// Field 10 of a line of mountinfo, the second after the lone dash, is the mount's source (proc(5)).
fn mounted_in(process: &Path, disk: &Path) -> Option<String> {
    let table = fs::read_to_string(process.join("mountinfo")).ok()?;
    let mut sources = table
        .lines()
        .filter_map(|line| line.split_once(" - ")?.1.split(' ').nth(1));
    sources.find(|source| is_of(source, disk)).map(str::to_owned)
}

/// Whether a name is that of the disk or of one of its partitions: `/dev/loop1p2` is of `/dev/loop1`, `/dev/loop12` is not.
fn is_of(device: &str, disk: &Path) -> bool {
    let rest = device.strip_prefix(&*disk.to_string_lossy());
    rest.is_some_and(|rest| {
        let number = rest.strip_prefix('p').unwrap_or(rest);
        rest.is_empty() || (number != rest && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_of_its_disk_and_of_no_other() {
        let disk = Path::new("/dev/loop1");
        for (device, is) in [
            ("/dev/loop1", true),
            ("/dev/loop1p2", true),
            ("/dev/loop12", false),
            ("/dev/loop1p", false),
            ("/dev/loop", false),
        ] {
            assert_eq!(is_of(device, disk), is, "{device}");
        }
    }

    #[test]
    fn whoever_has_it_open_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        crate::host::files::replace(&path, b"").unwrap();
        let file = fs::File::open(&path).unwrap();
        let held = holders_of(&path);
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(
            held[0].starts_with(&format!("process {} (", std::process::id())),
            "{held:?}"
        );
        assert!(held[0].ends_with(&format!(" has {} open", path.display())), "{held:?}");
        drop(file);
        assert!(holders_of(&path).is_empty());
    }
}
