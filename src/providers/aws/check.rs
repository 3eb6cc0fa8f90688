//! What the aws provider cannot do, and what EC2 would refuse, said at plan with the place of the argument.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::Object;
use crate::source::Span;
use crate::spec::{AwsSettings, ImageSpec, Source};

use super::tags::{FIXED, LONGEST, MOST, encode};

type VolumeKind = (&'static str, (u64, u64), Option<(i64, i64)>, Option<(i64, i64)>);

/// Volume types: sizes in GiB, operations per second, MiB per second (EC2 API reference, CreateVolume).
const TYPES: &[VolumeKind] = &[
    ("gp2", (1, 16_384), None, None),
    ("gp3", (1, 65_536), Some((3000, 80_000)), Some((125, 2000))),
    ("io1", (4, 16_384), Some((100, 64_000)), None),
    ("io2", (4, 65_536), Some((100, 256_000)), None),
    ("standard", (1, 1024), None, None),
    ("st1", (125, 16_384), None, None),
    ("sc1", (125, 16_384), None, None),
];

/// Publication that is not there yet.
const LATER: &[(&str, &str)] = &[
    ("regions", "copies to regions are"),
    ("kms_key", "keys of copies are"),
    ("snapshot_tags", "tags of snapshots are"),
    ("protect", "protection from deregistration is"),
];
const LATER_BLOCKS: &[(&str, &str)] = &[
    ("region", "copies to regions are"),
    ("share", "shares are"),
    ("parameter", "parameters are"),
];

/// Everything in an image that cannot be.
pub fn unsupported(spec: &ImageSpec, settings: &AwsSettings) -> Diagnostics {
    let mut found = Diagnostics::new();
    if let Source::File { span, .. } = &spec.source {
        let error = Diagnostic::error("the aws provider does not read disk images yet").at(span);
        found.push(error.help("begin with an AMI, a snapshot or scratch {}"));
    }
    for block in spec.object.children("volume") {
        volume(block, &mut found);
    }
    let register = spec.object.child("register");
    for block in register.into_iter().flat_map(|register| register.children("mapping")) {
        mapping(block, &mut found);
    }
    if let Some(block) = spec.object.child("publish") {
        publish(block, settings, &mut found);
    }
    if encode(&spec.address.to_string()).len() + 64 > LONGEST {
        let error = Diagnostic::error(format!("{} is too long for a tag", spec.address)).at(&spec.span);
        found.push(error.help("give the image a shorter label or key"));
    }
    found
}

fn volume(block: &Object, found: &mut Diagnostics) {
    if let (Some(key), Some(encrypted)) = (block.spanned_text("kms_key"), block.get("encrypted"))
        && encrypted.value.as_bool() == Some(false)
    {
        let error = Diagnostic::error("argument \"kms_key\" has a bad value");
        found.push(error.label(&key.span, "the volume says encrypted = false"));
    }
    size_and_speed(block, found);
}

/// Type, size, operations and throughput, of a volume or of a mapping.
fn size_and_speed(block: &Object, found: &mut Diagnostics) {
    let mut wrong = |span: &Span, name: &str, why: String| {
        found.push(Diagnostic::error(format!("argument \"{name}\" has a bad value")).label(span, why));
    };
    let size = block.size("size");
    if let Some(size) = &size
        && size.value.as_bytes() % (1 << 30) != 0
    {
        wrong(&size.span, "size", "EBS volumes are whole GiB".into());
    }
    let written = block.spanned_text("type");
    let kind = written.as_ref().map_or("gp3", |kind| kind.value.as_str());
    let Some((_, (least, most), iops, throughput)) = TYPES.iter().find(|(name, ..)| *name == kind) else {
        let known: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
        if let Some(kind) = &written {
            wrong(&kind.span, "type", format!("EBS has the types {}", known.join(", ")));
        }
        return;
    };
    if let Some(size) = &size
        && !(*least..=*most).contains(&(size.value.as_bytes() >> 30))
    {
        wrong(&size.span, "size", format!("{kind} volumes have {least} to {most} GiB"));
    }
    for (name, bounds) in [("iops", iops), ("throughput", throughput)] {
        let given = block
            .get(name)
            .and_then(|argument| Some((argument.value.as_i64()?, &argument.span)));
        match (given, bounds) {
            (Some((_, span)), None) => wrong(span, name, format!("{kind} volumes take none")),
            (Some((number, span)), Some((least, most))) if number < *least || number > *most => {
                wrong(span, name, format!("{kind} volumes take {least} to {most}"));
            }
            (None, Some(_)) if name == "iops" && kind.starts_with("io") => {
                if let Some(kind) = &written {
                    wrong(&kind.span, "type", format!("{} volumes need iops", kind.value));
                }
            }
            _ => {}
        }
    }
}

/// What a mapping says of a volume is checked as a volume is; one that says nothing would be refused after the build.
fn mapping(block: &Object, found: &mut Diagnostics) {
    let is_set = |name: &str| block.get(name).is_some();
    if is_set("virtual_name") || is_set("suppress") {
        return;
    }
    if !is_set("size") && !is_set("snapshot") {
        let error = Diagnostic::error("this mapping says nothing of what it holds").at(&block.span);
        found.push(error.help("write size, snapshot, virtual_name or suppress = true"));
    }
    size_and_speed(block, found);
}

fn publish(block: &Object, settings: &AwsSettings, found: &mut Diagnostics) {
    let mut later = |span: &Span, what: &str| {
        let error = Diagnostic::error(format!("{what} not supported yet by the aws provider")).at(span);
        found.push(error.help("leave it out for now"));
    };
    for (name, what) in LATER {
        if let Some(argument) = block.get(name) {
            later(&argument.name_span, what);
        }
    }
    for (name, what) in LATER_BLOCKS {
        block.children(name).for_each(|block| later(&block.span, what));
    }
    let Some(argument) = block.get("tags") else { return };
    let tags = block.map("tags");
    let most = MOST - FIXED - 2;
    let all: std::collections::BTreeSet<&String> = tags.keys().chain(settings.default_tags.keys()).collect();
    if all.len() > most {
        let error = Diagnostic::error("there are too many tags").label(
            &argument.span,
            format!("{} with those of the provider block", all.len()),
        );
        found.push(
            error
                .note(format!("EC2 takes {MOST}, of which bake needs {}", MOST - most))
                .help("leave some out"),
        );
    }
    for (key, value) in &tags {
        let wrong = match () {
            () if key.to_ascii_lowercase().starts_with("aws:") => "keys that begin with aws: belong to AWS",
            () if key.is_empty() || key.chars().count() > 127 => "a key has 1 to 127 characters",
            () if value.chars().count() > LONGEST => "a value has at most 256 characters",
            () => continue,
        };
        found.push(Diagnostic::error(format!("EC2 does not take the tag {key:?}")).label(&argument.span, wrong));
    }
}
