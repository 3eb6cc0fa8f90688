//! A node in a few words, for plans and progress.

use serde_json::Value as Json;

use super::shape::{Bytes, Shape, Slot, TableShape, VolumeShape};
use crate::schema::{Recorded, RecordedArgument};
use crate::spec::{HookPoint, ImageSpec, PartitionTable, Seal};
use crate::units::Size;

/// `8 GiB volume "root"`, `volume "root" from image.base`.
pub fn volume(spec: &ImageSpec, volume: &VolumeShape) -> String {
    let size = volume.size.map(|size| format!("{size} ")).unwrap_or_default();
    let from = match &volume.bytes {
        Bytes::Blank => String::new(),
        Bytes::Base(_) => spec
            .source
            .base()
            .map(|base| format!(" from {base}"))
            .unwrap_or_default(),
        Bytes::File(path, _) => {
            let name = path.file_name().unwrap_or_default();
            format!(" from {}", name.to_string_lossy())
        }
        Bytes::Snapshot(id) => format!(" from {id}"),
        Bytes::Ami(id) => format!(" from {id}"),
    };
    format!("{size}volume {:?}{from}", volume.name)
}

/// `gpt: bios 1 MiB, esp 64 MiB vfat, root 7.9 GiB ext4`.
pub fn partitions(volume: &VolumeShape) -> String {
    match &volume.table {
        TableShape::Write(kind, entries) => {
            let kind = match kind {
                PartitionTable::Gpt => "gpt",
                PartitionTable::Mbr => "mbr",
            };
            let taken: u64 = entries.iter().filter_map(|(.., size)| size.map(Size::as_bytes)).sum();
            // The first MiB, and the second copy of a GPT at the end.
            let rest = volume
                .size
                .map(|size| Size::bytes(size.as_bytes().saturating_sub(taken + (2 << 20))));
            let each = entries.iter().map(|(name, _, size)| {
                let size = size.or(rest).map(|size| format!(" {size}")).unwrap_or_default();
                let made = volume
                    .slots
                    .iter()
                    .find(|slot| slot.label == *name)
                    .and_then(|slot| slot.make.as_ref());
                let made = made.map(|make| format!(" {}", make.kind)).unwrap_or_default();
                format!("{name}{size}{made}")
            });
            format!("{kind}: {}", each.collect::<Vec<_>>().join(", "))
        }
        TableShape::Read => "as the source has them".into(),
        TableShape::Hooks => "as the hooks make them".into(),
        TableShape::None => match volume.slots.first().and_then(|slot| slot.make.as_ref()) {
            Some(make) => format!("whole volume {}", make.kind),
            None => "none".into(),
        },
    }
}

/// `make ext4 on root`, `use root`.
pub fn filesystem(volume: &VolumeShape, slot: &Slot) -> String {
    let on = if slot.label.is_empty() {
        &volume.name
    } else {
        &slot.label
    };
    match &slot.make {
        Some(make) => format!("make {} on {on}", make.kind),
        None => format!("find the file system on {on}"),
    }
}

/// A hook: `before_mount: 2 lines`.
pub fn hook(point: HookPoint, block: &Recorded) -> String {
    match commands(block) {
        Some(commands) => format!("{}: {commands}", point.name()),
        None => point.name().to_owned(),
    }
}

/// A bootstrap, boot loader or step: `debian bookworm, 4 packages`, `grub: bios, uefi`, `shell: scripts/nginx.sh`.
pub fn block(kind: &str, block: &Recorded) -> String {
    let text = |name: &str| block.arguments.get(name).and_then(|found| text(found));
    let list = |name: &str| block.arguments.get(name).map(|found| texts(found)).unwrap_or_default();
    match kind {
        "debian" => {
            let packages = match list("packages").len() {
                0 => String::new(),
                more => format!(", {}", count(more, "package")),
            };
            format!("debian {}{packages}", text("suite").unwrap_or_default())
        }
        "grub" => format!("grub: {}", list("targets").join(", ")),
        "file" => {
            let from = text("source").unwrap_or_else(|| "content".into());
            format!("file: {from} -> {}", text("destination").unwrap_or_default())
        }
        "ansible" => {
            let playbook = text("playbook").unwrap_or_else(|| "site.yml".into());
            format!(
                "ansible: {}/{playbook}",
                text("directory").unwrap_or_default().trim_end_matches('/')
            )
        }
        "tar" => format!("tar {}", text("path").unwrap_or_default()),
        "shell" | "local" => commands(block).map_or(kind.to_owned(), |commands| format!("{kind}: {commands}")),
        _ => kind.to_owned(),
    }
}

/// What a block runs: `2 lines`, `scripts/nginx.sh`.
fn commands(block: &Recorded) -> Option<String> {
    let get = |name: &str| block.arguments.get(name);
    if let Some(inline) = get("inline") {
        return Some(match inline.sensitive || inline.value.is_none() {
            true => "lines that are not shown".into(),
            false => count(texts(inline).len(), "line"),
        });
    }
    let script = get("script").and_then(|found| text(found));
    let listed = || get("scripts").or(get("command")).map(|list| texts(list).join(" "));
    script.or_else(listed)
}

/// `ext4 root, vfat esp anew; no time after 2020-01-01T00:00:00Z; without machine-id, logs`.
pub fn seal(seal: &Seal, shape: &Shape) -> String {
    let slots = shape
        .volumes
        .iter()
        .flat_map(|volume| volume.slots.iter().map(move |slot| (volume, slot)));
    let each = slots.filter(|(_, slot)| !slot.swap).map(|(volume, slot)| {
        let name = if slot.label.is_empty() {
            &volume.name
        } else {
            &slot.label
        };
        match &slot.make {
            Some(make) => format!("{} {name}", make.kind),
            None => name.clone(),
        }
    });
    let date = jiff::Timestamp::from_second(seal.date).map(|date| date.to_string());
    let without = match seal.rules.is_empty() {
        true => String::new(),
        false => format!("; without {}", seal.rules.join(", ")),
    };
    let each = each.collect::<Vec<_>>().join(", ");
    format!("{each} anew; no time after {}{without}", date.unwrap_or_default())
}

/// `1 line`, `2 lines`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}

fn text(argument: &RecordedArgument) -> Option<String> {
    argument.value.as_ref().and_then(Json::as_str).map(str::to_owned)
}

fn texts(argument: &RecordedArgument) -> Vec<String> {
    let all = argument.value.as_ref().and_then(Json::as_array).into_iter().flatten();
    all.map(|one| one.as_str().unwrap_or("(known after apply)").to_owned())
        .collect()
}
