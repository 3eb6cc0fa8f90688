//! Disk images that bake did not make: raw or qcow2 files on this host, of which a store takes a copy.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::images::ImageRecord;
use super::store::Shelf;
use super::volumes::QCOW2;
use super::{Local, blocking};
use crate::digest::Digest;
use crate::host::HostError;
use crate::providers::foreign::{Adoption, Facts, Foreign, Matter};
use crate::providers::{ImageId, ProviderError};
use crate::units::Size;

/// Other formats by how a file of them begins, with the name that qemu-img has for each.
const OTHERS: &[(&[u8], &str)] = &[
    (b"KDMV", "vmdk"),
    (b"# Disk DescriptorFile", "vmdk"),
    (b"conectix", "vpc"),
    (b"vhdxfile", "vhdx"),
    (b"<<< Oracle VM VirtualBox Disk Image >>>", "vdi"),
];
/// As much of a file as tells what it is.
const HEAD: u64 = 512;
const SECTOR: u64 = 512;

#[async_trait]
impl Adoption for Local {
    async fn foreign(&self, id: &str) -> Result<Option<Foreign>, ProviderError> {
        if let Some(image) = self.of_store(id)? {
            return Ok(Some(image));
        }
        let (from, path) = (id.to_owned(), PathBuf::from(id));
        blocking(move || disk(from, &path)).await
    }
}

impl Local {
    /// An image of the store itself: somebody's in any case.
    fn of_store(&self, id: &str) -> Result<Option<Foreign>, ProviderError> {
        if !id.starts_with("img-") || id.contains('/') || !self.store.exists()? {
            return Ok(None);
        }
        let record: Option<ImageRecord> = self.store.read(Shelf::Images, id)?;
        Ok(record.map(|record| {
            let holder = record.holder();
            let image = record.into_observed(id.to_owned(), self);
            Foreign {
                from: id.to_owned(),
                matter: Matter::Image {
                    id: ImageId(id.to_owned()),
                    name: image.name,
                    created: image.created,
                    volumes: Vec::new(),
                },
                holder: Some(holder),
                facts: Facts::default(),
                unusable: None,
            }
        }))
    }
}

fn disk(from: String, path: &Path) -> crate::host::Result<Option<Foreign>> {
    let failed = |what: &str, error| HostError::on_path(what, path, error);
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("look at", error)),
    };
    if !about.is_file() {
        let error = HostError::new(
            crate::host::Kind::WrongType,
            format!("import {}", path.display()),
            "it is no file",
        );
        return Err(error.help("name a disk image: a raw or qcow2 file"));
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| failed("open", error))?;
    let read = file.take(HEAD).read_to_end(&mut head);
    read.map_err(|error| failed("read", error))?;
    let (size, unusable) = kind(&head, about.len(), &from);
    // What is refused need not be read to its end.
    let digest = match unusable {
        Some(_) => Digest::of(&head),
        None => {
            let whole = File::open(path).and_then(Digest::of_reader);
            whole.map_err(|error| failed("read", error))?
        }
    };
    Ok(Some(Foreign {
        from,
        matter: Matter::Disk {
            path: std::path::absolute(path).map_err(|error| failed("find", error))?,
            digest,
            size: Size::bytes(size),
        },
        holder: None,
        facts: Facts::default(),
        unusable,
    }))
}

/// The size of the disk in a file that begins so and has this length; why it cannot be taken.
///
/// Source: QEMU, docs/interop/qcow2.rst: the place of the backing file's name at byte 8, the size of the disk at byte 24.
fn kind(head: &[u8], length: u64, from: &str) -> (u64, Option<(String, String)>) {
    let converting = |format: &str| format!("convert it first: qemu-img convert -f {format} -O raw {from} disk.raw");
    let number = |at: usize| {
        let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_be_bytes)
    };
    if head.starts_with(&QCOW2) {
        let backed = (number(8) != 0).then(|| {
            let why = "it holds only what differs from another file, its backing file".to_owned();
            (why, converting("qcow2"))
        });
        return (number(24), backed);
    }
    if let Some((_, format)) = OTHERS.iter().find(|(start, _)| head.starts_with(start)) {
        return (length, Some((format!("it is a {format} file"), converting(format))));
    }
    let whole = length > 0 && length.is_multiple_of(SECTOR);
    let odd = (!whole).then(|| {
        let why =
            format!("{length} bytes are no whole number of sectors of {SECTOR} bytes, so it is no raw disk image");
        (why, "name a raw or qcow2 disk image".to_owned())
    });
    (length, odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_how_they_begin() {
        assert_eq!(kind(&[0; 512], 1024, "d"), (1024, None));
        for (head, why) in [
            (&b"KDMV"[..], "vmdk"),
            (b"conectix", "vpc"),
            (b"text", "no whole number of sectors"),
        ] {
            let (_, unusable) = kind(head, 1023, "d");
            assert!(unusable.is_some_and(|(said, _)| said.contains(why)), "{why}");
        }
        assert!(kind(&[], 0, "d").1.is_some());
    }

    #[test]
    fn a_qcow2_file_says_how_large_its_disk_is_and_whether_it_stands_alone() {
        let mut head = [0; 512];
        head[..4].copy_from_slice(&QCOW2);
        head[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
        assert_eq!(kind(&head, 4096, "d"), (1 << 30, None));
        head[15] = 104;
        let (_, unusable) = kind(&head, 4096, "d");
        assert!(unusable.is_some_and(|(why, _)| why.contains("backing file")));
    }
}
