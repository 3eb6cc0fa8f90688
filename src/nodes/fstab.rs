//! `/etc/fstab` of a scratch image, written from the declared mounts.

use serde::{Deserialize, Serialize};

use super::filesystem::FilesystemHandle;
use super::{Context, Filesystem, Keeper, Kind, Lifetime, Need, NodeError, Ref, Surroundings, origins};
use crate::address::Address;
use crate::filesystems;
use crate::host::inside::Attributes;
use crate::providers::Marker;

/// The table to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fstab {
    /// In the order of the lines.
    pub lines: Vec<Line>,
    /// Mounts, and what must have run before.
    pub within: Surroundings,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Named by its UUID.
    pub filesystem: Ref<Filesystem>,
    /// `/`, or `none` for swap.
    pub target: String,
    /// Empty: `defaults`.
    pub options: Vec<String>,
}

impl Kind for Fstab {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        self.within
            .needs()
            .into_iter()
            .chain(self.lines.iter().map(|line| line.filesystem.opened()))
            .collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let mut text = String::from(HEADER);
        for line in &self.lines {
            text += &line.text(cx.outputs.get(&line.filesystem)?);
        }
        let mount = cx.outputs.get(&self.within.root)?;
        let root = cx.helper().await?.root(&mount.root).await?;
        root.make_dirs("/etc")?;
        root.write("/etc/fstab", text.as_bytes(), &Attributes::default())?;
        Ok(origins::mark(self.within.date, cx).await?)
    }
}

const HEADER: &str = "# <file system> <mount point> <type> <options> <dump> <pass>\n";

impl Line {
    /// The line, by the UUID of the file system or, where it has none, of its partition (fstab(5)).
    fn text(&self, filesystem: &FilesystemHandle) -> String {
        let is_swap = filesystem.kind == "swap";
        let target = if is_swap { "none" } else { &self.target };
        let options = match (self.options.is_empty(), is_swap) {
            (false, _) => self.options.join(","),
            (true, true) => "sw".to_owned(),
            (true, false) if filesystem.packed().is_some() => "ro".to_owned(),
            (true, false) => "defaults".to_owned(),
        };
        // The root is checked first, then all others (fstab(5), the sixth field).
        let pass = match filesystems::kind(&filesystem.kind).map_or(0, |kind| kind.fsck_pass) {
            0 => 0,
            pass if target == "/" => pass,
            pass => pass + 1,
        };
        let target = target.replace(' ', "\\040");
        let name = match (&*filesystem.uuid, &filesystem.partuuid) {
            ("", Some(partuuid)) => format!("PARTUUID={partuuid}"),
            (uuid, _) => format!("UUID={uuid}"),
        };
        format!("{name} {target} {} {options} 0 {pass}\n", filesystem.kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_kind_has_its_options_and_pass() {
        let line = |kind: &str, target: &str, options: &[&str]| {
            let line = Line {
                filesystem: Ref::new("image.a.filesystem[\"root\"]".parse().unwrap()),
                target: target.to_owned(),
                options: options.iter().map(|option| (*option).to_owned()).collect(),
            };
            line.text(&FilesystemHandle {
                tree: None,
                device: "/dev/loop0p1".into(),
                kind: kind.to_owned(),
                uuid: "U".to_owned(),
                label: None,
                partuuid: None,
                volume: "root".to_owned(),
                disk: "/dev/loop0".into(),
                partitions: BTreeMap::new(),
                copied: false,
            })
        };
        assert_eq!(line("ext4", "/", &["noatime", "ro"]), "UUID=U / ext4 noatime,ro 0 1\n");
        assert_eq!(line("vfat", "/boot/efi", &[]), "UUID=U /boot/efi vfat defaults 0 2\n");
        assert_eq!(line("xfs", "/my data", &[]), "UUID=U /my\\040data xfs defaults 0 0\n");
        assert_eq!(line("swap", "none", &[]), "UUID=U none swap sw 0 0\n");
    }
}
