//! Two disks of one image: the files in which they differ, whose they are, and which step made them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::session::Session;
use super::blocks::ranges;
use super::rebuild::{elsewhere, origins};
use super::report;
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems::{self, Found, Sealing, probe, seal::fat};
use crate::host::blocks::Blocks;
use crate::host::helper::{Extent, Helper, Mount, PRIVATE, Place};
use crate::host::inside::Root;
use crate::host::partitions;
use crate::host::trees::{self, Difference, Side};
use crate::host::{self, ext4, machine};
use crate::nodes::origins as notes;
use crate::providers::manifest::BuiltVolume;
use crate::providers::{self, Contact, ImageQuery, ObservedImage};
use crate::ui::Terminal;

/// In what a volume differs; nothing if it does not.
pub struct Volume {
    name: String,
    root: String,
    /// Blocks with other bytes.
    blocks: Vec<u64>,
    files: Vec<File>,
}

/// A file that differs.
struct File {
    /// In the image where that is known, else in its file system.
    path: String,
    difference: Difference,
    package: Option<String>,
    step: Option<String>,
}

/// Compares an image with its other build.
///
/// # Errors
/// If a disk cannot be read.
pub async fn find(session: &Session, image: &ObservedImage, into: &Path) -> Result<Vec<Volume>, Diagnostic> {
    let other = providers::open(&[elsewhere(&image.provider, into)?], &Contact::nobody()).map_err(first)?;
    let query = ImageQuery {
        owner: session.module.owner.clone(),
        address: Some(image.manifest.address.clone()),
    };
    let images = other.get(&image.provider)?.images().observe(&[query]).await?;
    let again = images.into_iter().flatten().next();
    let again = again.ok_or_else(|| Diagnostic::error(format!("{} was not built again", image.manifest.address)))?;
    let steps = notes::read(&origins(into, &image.manifest.address))?;
    let mut all = Vec::new();
    for (volume, theirs) in image.manifest.volumes.iter().zip(&again.manifest.volumes) {
        let gone = || Diagnostic::error(format!("the disk of {} is not on this host", image.id));
        let disk = |providers: &providers::Providers, of: &BuiltVolume| {
            let disk = providers.get(&image.provider)?.disk(&of.snapshot)?;
            disk.ok_or_else(gone)
        };
        let (old, new) = (disk(&session.providers, volume)?, disk(&other, theirs)?);
        all.push(compare(volume, (&old, &new), into, &steps).await?);
    }
    Ok(all)
}

fn first(all: crate::diagnostic::Diagnostics) -> Diagnostic {
    all.iter()
        .next()
        .cloned()
        .unwrap_or_else(|| Diagnostic::error("the other store cannot be opened"))
}

async fn compare(
    volume: &BuiltVolume,
    (old, new): (&Path, &Path),
    into: &Path,
    steps: &BTreeMap<String, String>,
) -> Result<Volume, Diagnostic> {
    let (ours, theirs) = (Blocks::of(old)?, Blocks::of(new)?);
    let blocks = ours.differing(&theirs);
    let mut files = Vec::new();
    if !blocks.is_empty() {
        let helper = Helper::start(None).await?;
        let compared = disks(&helper, volume, (old, new), into).await;
        helper.end().await;
        files = compared?;
        for file in &mut files {
            file.step = step_of(&file.path, steps);
        }
    }
    Ok(Volume {
        name: volume.name.clone(),
        root: ours.root().to_string(),
        blocks,
        files,
    })
}

/// The step that touched a path last; of one that is gone, the step that touched its directory.
fn step_of(path: &str, steps: &BTreeMap<String, String>) -> Option<String> {
    let found = Path::new(path)
        .ancestors()
        .find_map(|at| steps.get(&*at.to_string_lossy()))?;
    let node = found.parse::<Address>().ok().and_then(|address| address.node);
    Some(node.map_or_else(|| found.clone(), |node| node.to_string()))
}

/// Goes through the file systems of two disks of one layout.
async fn disks(
    helper: &Helper,
    volume: &BuiltVolume,
    (old, new): (&Path, &Path),
    into: &Path,
) -> Result<Vec<File>, Diagnostic> {
    let first = parts(helper, old, &into.join("old")).await?;
    let second = parts(helper, new, &into.join("new")).await?;
    let mut all = Vec::new();
    for ((name, one), (_, other)) in first.iter().zip(&second) {
        let (Some(kind), Some(theirs)) = (kind_of(one)?, kind_of(other)?) else {
            continue;
        };
        if kind.kind == theirs.kind {
            let target = volume.mounts.get(name).map_or("", String::as_str);
            all.extend(filesystem(helper, kind.kind, (one, other), target).await?);
        }
    }
    Ok(all)
}

/// The partitions of a disk by name, or the whole of it. Where there are no devices they are files in a directory.
async fn parts(helper: &Helper, disk: &Path, files: &Path) -> Result<Vec<(String, PathBuf)>, Diagnostic> {
    if !machine::has_devices() {
        return parts_in_files(disk, files);
    }
    let device = helper.attach(disk, true).await?.path;
    let Some(table) = partitions::read(&device)? else {
        return Ok(vec![("whole".to_owned(), device)]);
    };
    let extent = |entry: &partitions::Entry| Extent {
        number: entry.number,
        start: entry.start,
        size: entry.size,
    };
    let extents: Vec<Extent> = table.entries.iter().map(extent).collect();
    let devices = helper.add_partitions(&device, &extents).await?;
    let names = table.entries.iter().map(|entry| entry.name.clone());
    Ok(names.zip(devices).collect())
}

fn parts_in_files(disk: &Path, into: &Path) -> Result<Vec<(String, PathBuf)>, Diagnostic> {
    let Some(table) = partitions::read(disk)? else {
        return Ok(vec![("whole".to_owned(), disk.to_owned())]);
    };
    host::files::create_dir_all(into)?;
    let cut = |entry: &partitions::Entry| {
        let file = into.join(entry.number.to_string());
        host::files::remove(&file)?;
        host::pour::cut(disk, entry.start, entry.size, &file)?;
        Ok((entry.name.clone(), file))
    };
    table.entries.iter().map(cut).collect()
}

fn kind_of(device: &Path) -> Result<Option<Found>, Diagnostic> {
    let mut head = Vec::new();
    let opened = std::fs::File::open(device);
    let read = opened.and_then(|file| file.take(probe::HEAD as u64).read_to_end(&mut head));
    read.map_err(|why| Diagnostic::error(format!("cannot read {}: {why}", device.display())))?;
    Ok(filesystems::probe(&head))
}

async fn filesystem(
    helper: &Helper,
    kind: &str,
    devices: (&Path, &Path),
    target: &str,
) -> Result<Vec<File>, Diagnostic> {
    let (old, new) = (place("old"), place("new"));
    let plain = match filesystems::kind(kind).map(|kind| kind.sealing) {
        Some(Sealing::Fat) => true,
        Some(Sealing::Tree | Sealing::Packed(_)) => false,
        _ => return Ok(Vec::new()),
    };
    show(helper, kind, devices.0, &old, plain).await?;
    show(helper, kind, devices.1, &new, plain).await?;
    let root = helper.root(&old.root).await?;
    let other = helper.root(&new.root).await?.open_dir("/")?;
    let trees = (Side::Directory(root.open_dir("/")?), Side::Directory(other));
    let rules = trees::Rules {
        latest: None,
        holes: true,
        plain,
    };
    let found = trees::compare(&trees.0, &trees.1, rules)?;
    let owners = owners(&root, &found);
    drop((trees, root));
    helper.unmount(new).await?;
    helper.unmount(old).await?;
    let file = |difference: Difference| {
        let path = difference.path.display().to_string();
        File {
            package: owners.get(&path).cloned(),
            path: format!("{}{path}", target.trim_end_matches('/')),
            difference,
            step: None,
        }
    };
    Ok(found.into_iter().map(file).collect())
}

async fn show(helper: &Helper, found: &str, device: &Path, at: &Place, plain: bool) -> Result<(), Diagnostic> {
    helper.make_dir(&at.root).await?;
    let unpacked = plain || !machine::has_devices();
    let (source, kind, options) = match unpacked {
        true => ("bake".to_owned(), "tmpfs", Vec::new()),
        false => (device.display().to_string(), found, vec!["ro".to_owned()]),
    };
    let mount = Mount {
        source,
        target: at.clone(),
        kind: kind.to_owned(),
        options,
    };
    helper.mount(mount).await?;
    match (unpacked, plain, filesystems::packed(found)) {
        (false, ..) => {}
        (true, true, _) => fat::unpack(helper, device, &at.root).await?,
        (true, false, Some(packed)) => {
            let unpack = packed
                .unpack
                .ok_or_else(|| Diagnostic::error(format!("only root can look into {found}")))?;
            unpack(device, &at.root).run_in(helper).await?;
        }
        (true, false, None) => {
            let directory = helper.root(&at.root).await?.open_dir("/")?;
            ext4::unpack(&ext4::Reader::open(device)?, &directory)?;
        }
    }
    Ok(())
}

fn place(name: &str) -> Place {
    Place::root(Path::new(PRIVATE).join("verify").join(name))
}

/// Debian's packages of the paths that differ (dpkg(1), `info/*.list`).
fn owners(root: &Root, found: &[Difference]) -> BTreeMap<String, String> {
    const LISTS: &str = "/var/lib/dpkg/info";
    let mut owners = BTreeMap::new();
    for name in root.list(LISTS).unwrap_or_default() {
        let name = name.to_string_lossy().into_owned();
        let Some(package) = name.strip_suffix(".list") else {
            continue;
        };
        let text = root.read(&format!("{LISTS}/{name}")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let package = package.split(':').next().unwrap_or(package);
        for line in text.lines() {
            if found.iter().any(|one| one.path == Path::new(line)) {
                owners.insert(line.to_owned(), package.to_owned());
            }
        }
    }
    owners
}

/// Most files that are named.
const SHOWN: usize = 40;

/// Says what differs.
pub fn report(image: &ObservedImage, volumes: &[Volume], terminal: &Terminal) {
    let what = format!("{} release {}", image.manifest.address, image.manifest.release);
    for volume in volumes.iter().filter(|volume| volume.blocks.is_empty()) {
        let name = &volume.name;
        terminal.say(&format!(
            "{what}, volume {name:?}: the same bytes again, {}",
            volume.root
        ));
    }
    for volume in volumes.iter().filter(|volume| !volume.blocks.is_empty()) {
        let error = Diagnostic::error(format!(
            "{what}, volume {:?}: the other build has other bytes",
            volume.name
        ));
        let lines = match volume.files.is_empty() {
            true => ranges(&volume.blocks),
            false => files_in_words(&volume.files),
        };
        let error = lines.into_iter().fold(error, Diagnostic::note);
        let help = "let the step write what depends on nothing but its input: SOURCE_DATE_EPOCH instead of the clock";
        terminal.diagnostics(&error.help(help).into());
    }
}

impl Volume {
    /// For other programs.
    pub fn reported(self, image: &ObservedImage) -> report::Volume {
        let file = |file: File| report::File {
            path: file.path,
            kind: file.difference.kind,
            detail: file.difference.detail,
            package: file.package,
            step: file.step,
        };
        report::Volume {
            verdict: match self.blocks.is_empty() {
                true => report::Verdict::Same,
                false => report::Verdict::Differs,
            },
            root: Some(self.root),
            blocks: self.blocks,
            files: self.files.into_iter().map(file).collect(),
            ..report::Volume::of(image, &self.name)
        }
    }
}

fn files_in_words(all: &[File]) -> Vec<String> {
    let line = |file: &File| {
        let package = file.package.iter().map(|package| format!(" of package {package}"));
        let step = file.step.iter().map(|step| format!(", last touched by {step}"));
        let detail = match file.difference.detail.as_str() {
            "" => String::new(),
            detail => format!(" ({detail})"),
        };
        let tail: String = package
            .chain(std::iter::once(format!(": {}{detail}", file.difference.kind.name())))
            .chain(step)
            .collect();
        format!("{}{tail}", file.path)
    };
    let more = all.len().saturating_sub(SHOWN);
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(line).collect();
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}
