//! `bootstrap`, `boot_loader` and `provision`: what fills an image. Their tables stand beside what they do.

use std::sync::Arc;

use super::layout::check_absolute;
use super::source::{Source, check_sha256};
use super::volume::{Layout, PartitionTable, Volume};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{Block, InputFile, InputKind, Object, block};
use crate::source::Spanned;

/// The table of `bootstrap "rpm"`.
pub static RPM: Block = block("bootstrap")
    .kind("rpm")
    .unsupported("bootstrap \"rpm\" is not supported yet");

/// The table of `test`.
pub static TEST: Block = block("test").unsupported("test blocks are not supported yet");

/// A bootstrap or boot loader: its kind and its arguments.
#[derive(Debug, Clone)]
pub struct Part {
    /// `debian`, `tar`; `grub`.
    pub kind: String,
    /// The block.
    pub object: Arc<Object>,
}

/// A provision step.
#[derive(Debug, Clone)]
pub struct Step {
    /// `shell`, `file`, `local`, `ansible`.
    pub kind: String,
    /// Its second label.
    pub label: Spanned<String>,
    /// The block.
    pub object: Arc<Object>,
}

/// How an empty root is filled.
pub(super) fn bootstrap(image: &Object, source: Option<&Source>, found: &mut Diagnostics) -> Option<Part> {
    let object = image.child("bootstrap")?;
    if !matches!(source, None | Some(Source::Scratch)) {
        let error = Diagnostic::error("a bootstrap needs an empty root").label(&object.span, "this image has a source");
        found.push(error.help("use provision steps, or begin with scratch {}"));
    }
    if object.block.kind == Some("tar") {
        check_sha256(object, "path", found);
    }
    part(object)
}

/// The boot loader, which needs partitions that it can stand in.
pub(super) fn boot_loader(image: &Object, volumes: &[Volume], found: &mut Diagnostics) -> Option<Part> {
    let object = image.child("boot_loader")?;
    let layout = volumes.first().and_then(|root| root.layout.as_ref());
    if volumes.first().is_some_and(|root| root.layout.is_none()) {
        let error = Diagnostic::error("a boot loader needs declared partitions");
        let error = error.label(&object.span, "this image has a source, with a boot loader of its own");
        found.push(error.help("leave the block out, or begin with scratch {}"));
    } else if let (true, Some(layout)) = (object.whole, layout) {
        check_targets(object, layout, &volumes[0], found);
    }
    part(object)
}

fn check_targets(object: &Object, layout: &Layout, root: &Volume, found: &mut Diagnostics) {
    let targets = object.list("targets");
    let span = object.get("targets").map_or(&object.span, |argument| &argument.span);
    let partitions = match layout {
        Layout::Table { partitions, .. } => partitions.as_slice(),
        Layout::Whole(_) => &[],
    };
    let has = |kind: &str| partitions.iter().find(|partition| partition.kind.value == kind);
    let table = match layout {
        Layout::Table { table, .. } => Some(*table),
        Layout::Whole(_) => None,
    };
    let needs = |what: &str, help: &str| {
        let error = Diagnostic::error(what)
            .at(span)
            .label(&root.object.span, "the root volume");
        error.help(help)
    };
    let bios = table == Some(PartitionTable::Mbr) || has("bios-boot").is_some();
    if targets.iter().any(|target| target == "bios") && !bios {
        let help = "write partition \"bios\" with type = \"bios-boot\" and size = \"1MiB\"";
        found.push(needs("target \"bios\" needs a bios-boot partition, or an mbr", help));
    }
    if targets.iter().any(|target| target == "uefi") {
        let formatted = |partition: &super::Partition| {
            let filesystem = partition.format.filesystem.as_ref();
            filesystem.is_some_and(|name| name.value == "vfat") && partition.format.mount.is_some()
        };
        let help = "write partition \"esp\" with type = \"esp\", filesystem = \"vfat\" and mount = \"/boot/efi\"";
        match has("esp") {
            None => found.push(needs("target \"uefi\" needs an esp partition", help)),
            Some(esp) if !formatted(esp) => {
                found.push(needs(
                    "target \"uefi\" needs an esp partition with a mounted vfat",
                    help,
                ));
            }
            Some(_) => {}
        }
    }
}

fn part(object: &Arc<Object>) -> Option<Part> {
    let kind = object.block.kind?.to_owned();
    Some(Part {
        kind,
        object: Arc::clone(object),
    })
}

/// The steps in source order. A step with `when = false` is taken out of the image's block, too: it is as if it were
/// not written.
pub(super) fn steps(image: &mut Object, found: &mut Diagnostics) -> Vec<Step> {
    image
        .blocks
        .retain(|block| block.block.name != "provision" || !block.whole || block.is_on("when"));
    let steps = image.children("provision").filter(|object| object.whole).map(|object| {
        let kind = object.block.kind.unwrap_or_default();
        match kind {
            "shell" => check_absolute(object, "working_directory", found),
            "file" => check_file(object, found),
            "ansible" => check_ansible(object, found),
            _ => {}
        }
        Step {
            kind: kind.to_owned(),
            label: object.label(0).clone(),
            object: Arc::clone(object),
        }
    });
    steps.collect()
}

fn check_file(object: &Object, found: &mut Diagnostics) {
    let content = object.get("content");
    if object.text("direction") == Some("upload") {
        check_absolute(object, "destination", found);
    } else {
        check_absolute(object, "source", found);
        if let Some(content) = content {
            let error = Diagnostic::error("a download takes \"source\", a path in the image, and not \"content\"");
            found.push(error.at(&content.name_span));
        }
    }
    if let (Some("keep"), Some(_), Some(mode)) = (object.text("mode"), content, object.get("mode")) {
        let error = Diagnostic::error("mode = \"keep\" needs a source whose mode is kept").at(&mode.span);
        found.push(error.help("write the mode, such as \"0644\""));
    }
}

/// The playbook must be in the directory, and the directory apart from the module: all of it counts, and beside the module
/// lies what bake itself writes.
fn check_ansible(object: &Object, found: &mut Diagnostics) {
    let (Some(directory), Some(playbook)) = (object.get("directory"), object.spanned_text("playbook")) else {
        return;
    };
    let Some(top) = directory.files.first() else { return };
    let is_module = |file: &InputFile| file.path.to_string_lossy().ends_with(".bake.hcl");
    if top.kind != InputKind::Directory || top.path.file_name().is_none() || directory.files.iter().any(is_module) {
        let error = Diagnostic::error("argument \"directory\" takes a directory beside the module's files");
        let error = error.label(&directory.span, "all that is in it counts and is copied");
        found.push(error.help("put playbook, roles and variables into a directory of their own: \"ansible\""));
        return;
    }
    let wanted = top.absolute.join(&playbook.value);
    if !directory.files.iter().any(|file| file.absolute == wanted) {
        let error = Diagnostic::error(format!(
            "there is no playbook {:?} in {}",
            playbook.value,
            top.path.display()
        ));
        let span = object
            .get("playbook")
            .map_or(&directory.span, |argument| &argument.span);
        found.push(error.at(span).help("write its path within the directory"));
    }
}
