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

/// What an argument of `share` takes, with what is said of a value that it does not take.
type ShareRule = (&'static str, fn(&str) -> bool, &'static str);

/// With whom an image can be shared (EC2 API reference, LaunchPermission).
const SHARES: &[ShareRule] = &[
    ("accounts", is_account, "an account id has 12 digits"),
    ("snapshot_accounts", is_account, "an account id has 12 digits"),
    (
        "organizations",
        |arn| arn.starts_with("arn:") && arn.contains(":organization/o-"),
        "write an ARN: arn:aws:organizations::ACCOUNT:organization/o-...",
    ),
    (
        "organizational_units",
        |arn| arn.starts_with("arn:") && arn.contains(":ou/o-"),
        "write an ARN: arn:aws:organizations::ACCOUNT:ou/o-.../ou-...",
    ),
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
        known(block, &mut found);
        tags(block, "tags", settings, &mut found);
        tags(block, "snapshot_tags", settings, &mut found);
        let blocks = block.children("region").map(|region| (region, Rule::Region));
        let blocks = blocks.chain(
            block
                .children("parameter")
                .map(|parameter| (parameter, Rule::Parameter)),
        );
        blocks.for_each(|(block, rule)| label(block, rule, &mut found));
        block.children("share").for_each(|share| shares(share, &mut found));
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

/// What is done about a value that only apply will know: nothing can be planned with it.
fn known(block: &Object, found: &mut Diagnostics) {
    let inner = block.blocks.iter().map(AsRef::as_ref);
    for object in std::iter::once(block).chain(inner) {
        let arguments = object.arguments.iter();
        for (name, argument) in arguments.filter(|(name, _)| **name != "tags") {
            let why = match () {
                () if !argument.value.is_wholly_known() => "it is known only after apply",
                () if argument.value.contains_sensitive() => "it is sensitive, and what is published is not secret",
                () => continue,
            };
            let error = Diagnostic::error(format!("argument \"{name}\" has a bad value"));
            found.push(error.label(&argument.span, why));
        }
    }
}

/// What a label must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `eu-central-1`
    Region,
    /// A name of the parameter store (SSM API reference, PutParameter).
    Parameter,
}

fn label(block: &Object, rule: Rule, found: &mut Diagnostics) {
    let label = block.label(0);
    let name = label.value.as_str();
    let why = match rule {
        Rule::Region if name.is_empty() || !name.bytes().all(is_of_region) => "a region is called like eu-central-1",
        Rule::Region => return,
        Rule::Parameter if !name.bytes().all(is_of_parameter) || name.is_empty() => {
            "a name has letters, digits and the signs . - _ /"
        }
        Rule::Parameter if name.contains('/') && !name.starts_with('/') => "a name with levels begins with /",
        Rule::Parameter if name.matches('/').count() > 15 || name.len() > 900 => "a name has at most 15 levels",
        Rule::Parameter if is_reserved(name) => "names that begin with aws or ssm belong to AWS",
        Rule::Parameter => return,
    };
    found.push(Diagnostic::error(format!("{name:?} cannot be used")).label(&label.span, why));
}

fn is_of_region(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_of_parameter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/')
}

fn is_reserved(name: &str) -> bool {
    let name = name.trim_start_matches('/').to_ascii_lowercase();
    name.starts_with("aws") || name.starts_with("ssm")
}

fn shares(block: &Object, found: &mut Diagnostics) {
    for (name, fits, why) in SHARES {
        let Some(argument) = block.get(name) else { continue };
        if let Some(bad) = block.list(name).iter().find(|value| !fits(value)) {
            let error = Diagnostic::error(format!("argument \"{name}\" has a bad value"));
            found.push(error.label(&argument.span, format!("{bad:?}: {why}")));
        }
    }
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn tags(block: &Object, name: &str, settings: &AwsSettings, found: &mut Diagnostics) {
    let Some(argument) = block.get(name) else { return };
    let tags = block.map(name);
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
