//! Images that stand: the table of `bake images`, one image of `bake show`, and both as JSON.

use serde::Serialize;

use super::json;
use super::table::table;
use crate::address::ImageAddress;
use crate::providers::ObservedImage;
use crate::units::{Duration, Size};

/// An image as `-json` prints it.
#[derive(Debug, Serialize)]
struct Written<'a> {
    address: &'a ImageAddress,
    release: u64,
    current: bool,
    size_bytes: u64,
    #[serde(flatten)]
    image: &'a ObservedImage,
}

/// Whether it is the current release of its address among these.
fn is_current(image: &ObservedImage, all: &[ObservedImage]) -> bool {
    let same = all
        .iter()
        .filter(|other| other.manifest.address == image.manifest.address);
    same.map(|other| (other.manifest.release, &other.created)).max() == Some((image.manifest.release, &image.created))
}

fn size(image: &ObservedImage) -> Size {
    Size::bytes(image.manifest.volumes.iter().map(|volume| volume.size.as_bytes()).sum())
}

/// What the bytes of its disks are, the root volume first.
fn blocks(image: &ObservedImage) -> String {
    let roots = image.manifest.volumes.iter().filter_map(|volume| volume.blocks);
    roots.map(|root| root.short()).collect::<Vec<_>>().join(" ")
}

/// What it was made from; of one that bake did not make nobody knows.
fn content(image: &ObservedImage) -> String {
    match image.manifest.imported {
        Some(_) => "imported".to_owned(),
        None => image.manifest.digest.short(),
    }
}

/// One line per image.
pub fn list(all: &[ObservedImage]) -> String {
    let rows = all.iter().map(|image| {
        vec![
            image.manifest.address.to_string(),
            image.manifest.release.to_string(),
            if is_current(image, all) { "yes" } else { "" }.to_owned(),
            image.id.to_string(),
            minute(&image.created),
            size(image).to_string(),
            content(image),
            blocks(image),
        ]
    });
    table(
        &[
            "ADDRESS", "RELEASE", "CURRENT", "ID", "CREATED", "SIZE", "DIGEST", "BLOCKS",
        ],
        &rows.collect::<Vec<_>>(),
    )
}

/// Images as one JSON document; `all` are all that stand, which tells what is current.
pub fn json(chosen: &[ObservedImage], all: &[ObservedImage]) -> String {
    let written = chosen.iter().map(|image| Written {
        address: &image.manifest.address,
        release: image.manifest.release,
        current: is_current(image, all),
        size_bytes: size(image).as_bytes(),
        image,
    });
    let images: Vec<_> = written.collect();
    json::pretty(&serde_json::json!({ "format_version": json::FORMAT, "images": images }))
}

/// Everything about one image that a person asks for.
pub fn detail(image: &ObservedImage, all: &[ObservedImage]) -> String {
    let manifest = &image.manifest;
    let current = if is_current(image, all) { " (current)" } else { "" };
    let mut text = format!("# {} release {}{current}\n", manifest.address, manifest.release);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text += &format!("{name:<13}{value}\n");
        }
    };
    line("id", image.id.to_string());
    line("name", image.name.clone());
    line("provider", image.provider.to_string());
    line("description", image.description.clone().unwrap_or_default());
    line(
        "created",
        match manifest.imported {
            Some(_) => image.created.clone(),
            None => format!("{} by bake {}", image.created, manifest.bake),
        },
    );
    line("deprecated", image.deprecated_at.clone().unwrap_or_default());
    let imported = manifest.imported.as_ref();
    match imported {
        Some(imported) => line(
            "imported",
            format!("from {}; what is on its disk is not known", imported.from),
        ),
        None => line("digest", manifest.digest.to_string()),
    }
    let base = manifest.built_on.as_ref();
    line(
        "built on",
        base.map(|base| format!("{} release {}", base.address, base.release))
            .unwrap_or_default(),
    );
    for (name, value) in &image.tags {
        line("tag", format!("{name} = {value}"));
    }
    for volume in &manifest.volumes {
        line(
            "volume",
            format!("{}, {}, snapshot {}", volume.name, volume.size, volume.snapshot),
        );
        line("blocks", volume.blocks.map(|root| root.to_string()).unwrap_or_default());
    }
    for node in &manifest.nodes {
        let took = node
            .took
            .map(|took: Duration| format!(" in {took}"))
            .unwrap_or_default();
        line("step", format!("{} {}{took}", node.digest.short(), node.name));
    }
    text
}

/// `2026-11-23 12:03` of `2026-11-23T12:03:09Z`.
fn minute(moment: &str) -> String {
    moment
        .get(..16)
        .map_or_else(|| moment.to_owned(), |text| text.replace('T', " "))
}
