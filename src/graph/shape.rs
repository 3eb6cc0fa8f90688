//! The shape of an image's disks: its own declarations, and what it inherits from the image that it is built on.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::nodes::filesystem::On;
use crate::providers::SnapshotId;
use crate::schema::Object;
use crate::source::Span;
use crate::spec::{Format, HookPoint, ImageSpec, Layout, PartitionTable, RootPartition, Source, Volume};
use crate::units::Size;

/// The disks of an image, the root volume first.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Never empty.
    pub volumes: Vec<VolumeShape>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct VolumeShape {
    /// Its label.
    pub name: String,
    /// `None`: as large as what it comes from.
    pub size: Option<Size>,
    /// Whether partition and file system of the root grow with it.
    pub grow: bool,
    /// Where its bytes come from.
    pub bytes: Bytes,
    /// Its table.
    pub table: TableShape,
    /// Its file systems, in the order of the partitions.
    pub slots: Vec<Slot>,
    /// The block, if it is declared.
    pub object: Option<Arc<Object>>,
    /// Where it is declared.
    pub span: Span,
}

/// Where the bytes of a volume come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Bytes {
    /// Zeroes.
    Blank,
    /// The volume of this name of the image that this one is built on.
    Base(String),
    /// A disk image on the builder host.
    File(std::path::PathBuf, Digest),
    /// A snapshot of the provider.
    Snapshot(SnapshotId),
    /// The root volume of an image of the provider.
    Ami(String),
}

/// What is done about a partition table.
#[derive(Debug, Clone)]
pub enum TableShape {
    /// Written: kind, and name, type and size of each partition.
    Write(PartitionTable, Vec<(String, String, Option<Size>)>),
    /// Read from the source.
    Read,
    /// There is none.
    None,
    /// `before_mount` hooks write it; it is read after them.
    Hooks,
}

/// A file system.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Name of the partition; empty for a whole volume.
    pub label: String,
    /// Which partition.
    pub on: On,
    /// How it is made; `None`: it is there.
    pub make: Option<Make>,
    /// Where it is mounted.
    pub mount: Option<(String, Span)>,
    /// Mount options.
    pub options: Vec<String>,
    /// Whether it is swap space.
    pub swap: bool,
}

/// How a file system is made.
#[derive(Debug, Clone)]
pub struct Make {
    /// `ext4`, ...
    pub kind: String,
    /// Label.
    pub label: Option<String>,
    /// Further arguments of mkfs.
    pub options: Vec<String>,
}

impl Shape {
    /// The shape of a spec; `base` is that of the image that it is built on.
    ///
    /// # Errors
    /// Two mounts at one place, mounts without a `/`, partitions declared on a volume that comes from a source.
    pub fn of(spec: &ImageSpec, base: Option<&Shape>) -> Result<Shape, Diagnostics> {
        let mut errors = Diagnostics::new();
        let declared = spec.object.blocks.iter().any(|block| block.block.name == "volume");
        let mut volumes = Vec::new();
        if declared || base.is_none() {
            for (index, volume) in spec.volumes.iter().enumerate() {
                volumes.extend(errors.take(volume_shape(spec, base, index, volume)));
            }
        }
        let inherited = base.map_or(&[][..], |base| &base.volumes);
        for volume in inherited {
            let taken = |own: &VolumeShape| own.bytes == Bytes::Base(volume.name.clone()) || own.name == volume.name;
            if !volumes.iter().any(taken) {
                volumes.push(inherit(volume, &volume.name, spec, None));
            }
        }
        let shape = Shape { volumes };
        errors.extend(check_mounts(spec, &shape));
        errors.into_result(shape).map(|(shape, _)| shape)
    }

    /// Every mounted file system with its volume, in the order in which they are mounted: `/` first, then by depth.
    pub fn mounts(&self) -> Vec<(&VolumeShape, &Slot)> {
        let all = self
            .volumes
            .iter()
            .flat_map(|volume| volume.slots.iter().map(move |slot| (volume, slot)));
        let mut mounted: Vec<_> = all.filter(|(_, slot)| slot.mount.is_some()).collect();
        mounted.sort_by_key(|(_, slot)| slot.mount.as_ref().map(|(target, _)| (depth(target), target.clone())));
        mounted
    }
}

/// How many directories lie above a mount point.
fn depth(target: &str) -> usize {
    target.split('/').filter(|part| !part.is_empty()).count()
}

/// Whether the first mount point lies in the second.
pub fn lies_in(inner: &str, outer: &str) -> bool {
    inner != outer && (outer == "/" || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')))
}

fn volume_shape(
    spec: &ImageSpec,
    base: Option<&Shape>,
    index: usize,
    volume: &Volume,
) -> Result<VolumeShape, Diagnostic> {
    let same_name = base.and_then(|base| base.volumes.iter().find(|one| one.name == *volume.name.value));
    let from = match index {
        0 => same_name.or_else(|| base.and_then(|base| base.volumes.first())),
        _ => same_name.filter(|_| volume.layout.is_none()),
    };
    let from_source = from.is_some() || (index == 0 && !matches!(spec.source, Source::Scratch));
    if let (true, Some(_)) = (from_source, &volume.layout) {
        let what = format!(
            "volume {:?} comes from a source, which has its own partitions",
            volume.name.value
        );
        return Err(Diagnostic::error(what)
            .at(&volume.object.span)
            .help("leave out partition_table, filesystem and partition blocks, or begin with scratch {}"));
    }
    Ok(match from {
        Some(base) => inherit(base, &volume.name, spec, Some(volume)),
        None if from_source => foreign(spec, volume),
        None => blank(spec, index, volume),
    })
}

/// A volume that comes from one of the base image.
fn inherit(base: &VolumeShape, name: &str, spec: &ImageSpec, own: Option<&Volume>) -> VolumeShape {
    let slots = base.slots.iter().filter(|slot| !slot.swap).map(|slot| {
        let is_root = slot.mount.as_ref().is_some_and(|(target, _)| target == "/");
        Slot {
            make: None,
            on: match &spec.root.partition {
                RootPartition::Auto => slot.on.clone(),
                chosen if is_root => On::Root(chosen.clone()),
                _ => slot.on.clone(),
            },
            options: match is_root && !spec.root.options.is_empty() {
                true => spec.root.options.clone(),
                false => slot.options.clone(),
            },
            ..slot.clone()
        }
    });
    VolumeShape {
        name: name.to_owned(),
        size: own.and_then(|own| own.size.as_ref().map(|size| size.value)),
        grow: own.is_some_and(|own| own.grow),
        bytes: Bytes::Base(base.name.clone()),
        table: match base.table {
            TableShape::None => TableShape::None,
            _ => TableShape::Read,
        },
        slots: slots.collect(),
        object: own.map(|own| own.object.clone()),
        span: own.map_or(&spec.span, |own| &own.object.span).clone(),
    }
}

/// The root volume of a source that bake knows nothing about.
fn foreign(spec: &ImageSpec, volume: &Volume) -> VolumeShape {
    let bytes = match &spec.source {
        Source::File { path, digest, .. } => Bytes::File(path.clone(), *digest),
        Source::Snapshot(id) => Bytes::Snapshot(SnapshotId(id.value.clone())),
        Source::Ami(id) => Bytes::Ami(id.value.clone()),
        Source::Scratch | Source::Image(_) => Bytes::Blank,
    };
    let whole = spec.root.partition == RootPartition::Whole;
    VolumeShape {
        bytes,
        table: if whole { TableShape::None } else { TableShape::Read },
        slots: vec![found_root(spec, &volume.object.span)],
        ..declared(volume)
    }
}

/// A root that is searched for when the disk is there.
fn found_root(spec: &ImageSpec, span: &Span) -> Slot {
    Slot {
        label: String::new(),
        on: match &spec.root.partition {
            RootPartition::Whole => On::Whole,
            chosen => On::Root(chosen.clone()),
        },
        make: None,
        mount: Some(("/".into(), span.clone())),
        options: spec.root.options.clone(),
        swap: false,
    }
}

fn declared(volume: &Volume) -> VolumeShape {
    VolumeShape {
        name: volume.name.value.clone(),
        size: volume.size.as_ref().map(|size| size.value),
        grow: volume.grow,
        bytes: Bytes::Blank,
        table: TableShape::None,
        slots: Vec::new(),
        object: Some(volume.object.clone()),
        span: volume.object.span.clone(),
    }
}

fn blank(spec: &ImageSpec, index: usize, volume: &Volume) -> VolumeShape {
    let hooked = spec.hooks.iter().any(|hook| hook.point == HookPoint::BeforeMount);
    let (table, slots) = match &volume.layout {
        Some(Layout::Table { table, partitions }) => {
            let entries = partitions.iter().map(|one| {
                let size = one.size.as_ref().map(|size| size.value);
                (one.name.value.clone(), one.kind.value.clone(), size)
            });
            let slots = partitions.iter().zip(1..);
            let slots = slots.filter_map(|(one, number)| slot(&one.name.value, On::Number(number), &one.format));
            (TableShape::Write(*table, entries.collect()), slots.collect())
        }
        Some(Layout::Whole(format)) if format.filesystem.is_some() => {
            (TableShape::None, slot("", On::Whole, format).into_iter().collect())
        }
        _ if hooked && index == 0 => (TableShape::Hooks, vec![found_root(spec, &volume.object.span)]),
        _ => (TableShape::None, Vec::new()),
    };
    VolumeShape {
        table,
        slots,
        ..declared(volume)
    }
}

fn slot(label: &str, on: On, format: &Format) -> Option<Slot> {
    let kind = format.filesystem.as_ref()?;
    let mount = format.mount.as_ref();
    Some(Slot {
        label: label.to_owned(),
        on,
        make: Some(Make {
            kind: kind.value.clone(),
            label: format.label.clone(),
            options: format.mkfs_options.clone(),
        }),
        mount: mount.map(|target| (target.value.clone(), target.span.clone())),
        options: format.options.clone(),
        swap: kind.value == "swap",
    })
}

fn check_mounts(spec: &ImageSpec, shape: &Shape) -> Diagnostics {
    let mut errors = Diagnostics::new();
    let mounts: Vec<_> = shape
        .mounts()
        .into_iter()
        .filter_map(|(_, slot)| slot.mount.as_ref())
        .collect();
    for pair in mounts.windows(2) {
        if let [(first, at), (second, again)] = pair
            && first == second
        {
            errors.push(
                Diagnostic::error(format!("{first:?} is mounted twice in {}", spec.address))
                    .label(again, "mounted here")
                    .label(at, "and here")
                    .help("give one of them another mount"),
            );
        }
    }
    let has_root = mounts.first().is_some_and(|(target, _)| target == "/");
    let needs_root = spec.bootstrap.is_some() || spec.boot_loader.is_some() || !spec.steps.is_empty();
    if !has_root && (needs_root || !mounts.is_empty()) {
        errors.push(
            Diagnostic::error(format!("{} has no file system that is mounted at \"/\"", spec.address))
                .at(&spec.span)
                .help("write mount = \"/\" in one of its partition or volume blocks, with a filesystem"),
        );
    }
    errors
}
