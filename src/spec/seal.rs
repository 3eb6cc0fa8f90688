//! `reproducible` and `seal`: an image whose bytes depend on its spec alone.

use std::sync::Arc;

use litemap::LiteMap;

use super::ImageSpec;
use super::volume::{Format, Layout, Volume};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::filesystems::seal::rules;
use crate::filesystems::{self, Sealing};
use crate::schema::{Block, Class, Object, Resolved, Type, argument, block};
use crate::source::{Span, Spanned};

/// What stands for now where nothing else is said: 2020-01-01T00:00:00Z, in seconds after 1970.
const DATE: i64 = 1_577_836_800;

/// What a FAT can hold and what fits into 32 bits without a sign: the years 1980 to 2105, in seconds after 1970.
const POSSIBLE: std::ops::Range<i64> = 315_532_800..4_291_747_200;

/// The table of `seal`.
pub static SEAL: Block = block("seal")
    .doc("How an image with reproducible = true is made independent of when, where and by whom it is built.")
    .arguments(&[
        argument("date", Type::Text, Class::Bytes).doc(
            "What stands for now, in the image and as SOURCE_DATE_EPOCH for its steps: \"2026-03-01T00:00:00Z\". No time in \
             the image is later. Default: the date in bake.lock.hcl, else 2020-01-01T00:00:00Z.",
        ),
        argument("keep", Type::Choices(rules::NAMES), Class::Bytes).doc(
            "What of the usual traces of a build stays: \"machine-id\", \"host-keys\", \"random-seeds\", \"caches\", \"logs\", \
             \"package-lists\", \"temporary-files\", \"devices\".",
        ),
    ]);

/// How an image is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// What stands for now: seconds after 1970.
    pub date: i64,
    /// The rules by which traces of the build are taken out.
    pub rules: Vec<String>,
    /// Where it is asked for.
    pub span: Span,
}

/// The seal of an image, if it is to have one. `locked` is the date in the lock file: it is written down with the image, so
/// that a plan can say that it was another one.
pub(super) fn decode(
    image: &mut Object,
    volumes: &[Volume],
    locked: Option<&str>,
    found: &mut Diagnostics,
) -> Option<Seal> {
    let block = image.child("seal");
    check_packed(image, volumes, found);
    let Some(wish) = image.get("reproducible").filter(|_| image.is_on("reproducible")) else {
        if let Some(block) = block {
            let error = Diagnostic::error("only a reproducible image is sealed").at(&block.span);
            found.push(error.help("write reproducible = true in the image, or leave the block out"));
        }
        return None;
    };
    for (kind, why) in volumes.iter().flat_map(never) {
        found.push(cannot(kind, why, &wish.span, "declared here"));
    }
    let keep = block.map(|block| block.list("keep")).unwrap_or_default();
    let rules = rules::NAMES.iter().map(|name| (*name).to_owned());
    let rules = rules.filter(|name| !keep.contains(name)).collect();
    let span = wish.span.clone();
    let date = match (block.and_then(|block| block.spanned_text("date")), locked) {
        (Some(date), _) => found.take(seconds(&date)),
        (None, Some(date)) => {
            write_down(image, date, &span);
            found.take(locked_seconds(date, &span))
        }
        (None, None) => None,
    };
    let date = date.unwrap_or(DATE);
    Some(Seal { date, rules, span })
}

/// Notes the date of the lock file in the image's `seal` block, as if it stood there.
fn write_down(image: &mut Object, date: &str, span: &Span) {
    let own = image.blocks.iter().position(|one| one.block.name == SEAL.name);
    let at = own.unwrap_or_else(|| {
        image.blocks.push(Arc::new(Object {
            block: &SEAL,
            labels: Vec::new(),
            arguments: LiteMap::new(),
            blocks: Vec::new(),
            span: span.clone(),
            unread: false,
            meant: Box::default(),
            whole: true,
        }));
        image.blocks.len() - 1
    });
    let resolved = Resolved {
        value: date.into(),
        by_default: false,
        span: span.clone(),
        name_span: span.clone(),
        identity: None,
        files: Vec::new(),
    };
    Arc::make_mut(&mut image.blocks[at])
        .arguments
        .insert("date", Box::new(resolved));
}

/// That what only a seal writes gets one, and can be named in `/etc/fstab`.
fn check_packed(image: &Object, volumes: &[Volume], found: &mut Diagnostics) {
    for (volume, format) in volumes
        .iter()
        .flat_map(|volume| formats(volume).into_iter().map(move |one| (volume, one)))
    {
        let Some((kind, packed)) = format
            .filesystem
            .as_ref()
            .and_then(|kind| Some((kind, filesystems::packed(&kind.value)?)))
        else {
            continue;
        };
        if !image.is_on("reproducible") {
            let error = Diagnostic::error(format!("{} is read-only: only a reproducible image has it", kind.value));
            let error = error.label(&kind.span, "written from its tree, when the image is sealed");
            found.push(error.help("write reproducible = true in the image, or another filesystem"));
        }
        if !packed.has_uuid && matches!(volume.layout, Some(Layout::Whole(_))) {
            let error = Diagnostic::error(format!("{} has no UUID by which /etc/fstab could name it", kind.value));
            found.push(
                error
                    .at(&kind.span)
                    .help("put it on a partition, which has one, or write filesystem = \"erofs\""),
            );
        }
    }
}

/// Whether it is known of every volume that it can be sealed. Of one that commands of the user partition it is not.
pub(super) fn is_possible(volumes: &[Volume]) -> bool {
    let is_known = |volume: &Volume| match &volume.layout {
        Some(Layout::Table { .. }) => volume.object.whole,
        Some(Layout::Whole(format)) => volume.object.whole && format.filesystem.is_some(),
        None => false,
    };
    volumes
        .iter()
        .all(|volume| is_known(volume) && never(volume).is_empty())
}

impl Seal {
    /// That what an image brings along on which this one is built can be sealed.
    pub(crate) fn check_base(&self, base: &ImageSpec, found: &mut Diagnostics) {
        for (kind, why) in base.volumes.first().map(never).unwrap_or_default() {
            let whose = format!("{} declares it here", base.address);
            found.push(cannot(kind, why, &self.span, &whose));
        }
    }
}

fn formats(volume: &Volume) -> Vec<&Format> {
    match &volume.layout {
        Some(Layout::Table { partitions, .. }) => partitions.iter().map(|partition| &partition.format).collect(),
        Some(Layout::Whole(format)) => vec![format],
        None => Vec::new(),
    }
}

/// The file systems of a volume that no maker writes with the same bytes each time, and why.
fn never(volume: &Volume) -> Vec<(&Spanned<String>, &'static str)> {
    let declared = formats(volume)
        .into_iter()
        .filter_map(|format| format.filesystem.as_ref());
    let reason = |kind: &Spanned<String>| match filesystems::kind(&kind.value)?.sealing {
        Sealing::Never(why) => Some(why),
        _ => None,
    };
    declared.filter_map(|kind| Some((kind, reason(kind)?))).collect()
}

fn cannot(kind: &Spanned<String>, why: &str, wish: &Span, declared: &str) -> Diagnostic {
    let error = Diagnostic::error(format!(
        "{} cannot be written with the same bytes each time",
        kind.value
    ));
    let error = error
        .label(&kind.span, declared)
        .label(wish, "the image is to be reproducible");
    error
        .note(why)
        .help("write filesystem = \"ext4\", or leave out reproducible")
}

fn seconds(date: &Spanned<String>) -> Result<i64, Diagnostic> {
    let wrong = |what: &str| {
        let error = Diagnostic::error(format!("{:?} is no date {what}", date.value)).at(&date.span);
        error.help("write it as \"2026-03-01T00:00:00Z\"")
    };
    let moment: jiff::Timestamp = date.value.parse().map_err(|_| wrong("with a time and a zone"))?;
    match POSSIBLE.contains(&moment.as_second()) {
        true => Ok(moment.as_second()),
        false => Err(wrong("between 1980 and 2105")),
    }
}

fn locked_seconds(date: &str, wish: &Span) -> Result<i64, Diagnostic> {
    let moment = date.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    moment.filter(|moment| POSSIBLE.contains(moment)).ok_or_else(|| {
        let error = Diagnostic::error(format!(
            "{date:?}, the date in bake.lock.hcl, is none between 1980 and 2105"
        ));
        let error = error.label(wish, "the image takes it from there");
        error.help("run bake update -date DATE, or give the image a seal block with a date")
    })
}
