//! FAT by mkfs.fat(8) and mtools: the same geometry as before, and the files in bytewise order.

use std::path::Path;

use super::Anew;
use crate::filesystems::stand_in;
use crate::host::command::Tool;
use crate::host::helper::Helper;
use crate::host::inside::{Root, Type};
use crate::host::stack::roomy;
use crate::host::{HostError, Result};

/// How a FAT is laid out ("Microsoft FAT Specification", "Boot Sector and BPB").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// 12, 16 or 32.
    bits: u32,
    sectors_per_cluster: u8,
    reserved: u16,
    copies: u8,
    root_entries: u16,
    sectors_per_track: u16,
    heads: u16,
    /// Sectors before it on its disk.
    hidden: u32,
}

impl Geometry {
    /// From the first sector of a FAT; none if it is no FAT.
    pub fn of(head: &[u8]) -> Option<Geometry> {
        let number16 = |at: usize| Some(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
        let bits = match head.get(54..90)? {
            name if name[28..].starts_with(b"FAT32") => 32,
            name if name.starts_with(b"FAT16") => 16,
            name if name.starts_with(b"FAT12") => 12,
            _ => return None,
        };
        Some(Geometry {
            bits,
            sectors_per_cluster: head[13],
            reserved: number16(14)?,
            copies: head[16],
            root_entries: number16(17)?,
            sectors_per_track: number16(24)?,
            heads: number16(26)?,
            hidden: u32::from(number16(28)?) | u32::from(number16(30)?) << 16,
        })
    }

    fn options(&self) -> Vec<String> {
        let mut all = vec![
            ("-F", self.bits.to_string()),
            ("-s", self.sectors_per_cluster.to_string()),
            ("-R", self.reserved.to_string()),
            ("-f", self.copies.to_string()),
            ("-g", format!("{}/{}", self.heads, self.sectors_per_track)),
            ("-h", self.hidden.to_string()),
        ];
        if self.bits < 32 {
            all.push(("-r", self.root_entries.to_string()));
        }
        all.into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value])
            .collect()
    }
}

/// The command that makes an empty one.
pub fn make(anew: &Anew<'_>, geometry: &Geometry) -> Tool {
    let id: String = anew.uuid.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let file = anew.file.display().to_string();
    let geometry = geometry.options();
    let mut words = vec!["--invariant", "-i", &id];
    words.extend(geometry.iter().map(String::as_str));
    words.extend(anew.label.into_iter().flat_map(|label| ["-n", label]));
    words.push(&file);
    Tool::new("mkfs.vfat", &words)
        .env("SOURCE_DATE_EPOCH", &anew.date.to_string())
        .env("TZ", "UTC")
}

/// Copies a tree into an empty FAT: directories, then files, in bytewise order; no time is later than the date.
///
/// # Errors
/// What mtools say.
pub async fn fill(anew: &Anew<'_>, helper: &Helper) -> Result<()> {
    let root = helper.root(anew.tree).await?;
    let mut paths = Vec::new();
    walk(&root, "/", &mut paths)?;
    for (path, kind) in &paths {
        settle(&root, path, anew.date)?;
        let operand = format!("::{path}");
        let source = format!("{}{path}", anew.tree.display());
        let tool = match kind {
            Type::Directory => stand_in::mtools(anew.file, "mmd", &[], &[&operand]),
            _ => stand_in::mtools(anew.file, "mcopy", &["-m", "-Q"], &[&source, &operand]),
        };
        let date = anew.date.to_string();
        tool.env("SOURCE_DATE_EPOCH", &date).run_in(helper).await?;
    }
    Ok(())
}

fn settle(root: &Root, path: &str, date: i64) -> Result<()> {
    match root.link_metadata(path)? {
        Some(found) => root.set_modified(path, found.modified.min(date)),
        None => Ok(()),
    }
}

fn walk(root: &Root, directory: &str, into: &mut Vec<(String, Type)>) -> Result<()> {
    for name in root.list(directory)? {
        let path = format!("{}/{}", directory.trim_end_matches('/'), name.to_string_lossy());
        let Some(found) = root.link_metadata(&path)? else {
            let why = "its name is no text";
            return Err(HostError::new(crate::host::Kind::Invalid, format!("read {path}"), why));
        };
        into.push((path.clone(), found.kind));
        if found.kind == Type::Directory {
            roomy(|| walk(root, &path, into))?;
        }
    }
    Ok(())
}

/// Unpacks a FAT into a directory.
///
/// # Errors
/// What mtools say.
pub async fn unpack(helper: &Helper, device: &Path, into: &Path) -> Result<()> {
    stand_in::fill(helper, device, into).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometry_is_read_from_the_first_sector() {
        let mut head = vec![0; 512];
        head[13] = 4;
        head[14] = 1;
        head[16] = 2;
        head[17..19].copy_from_slice(&512_u16.to_le_bytes());
        head[24] = 32;
        head[26] = 8;
        head[28..32].copy_from_slice(&4096_u32.to_le_bytes());
        head[54..62].copy_from_slice(b"FAT16   ");
        let options = Geometry::of(&head).unwrap().options().join(" ");
        assert_eq!(options, "-F 16 -s 4 -R 1 -f 2 -g 8/32 -h 4096 -r 512");
        assert_eq!(Geometry::of(&[0; 512]), None);
    }
}
