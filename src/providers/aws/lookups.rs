//! Data sources: an AMI by its filters, the caller, the region.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Image};

use super::{Aws, images, region, tags};
use crate::diagnostic::Diagnostic;
use crate::lang::{Type, Value};
use crate::providers::Lookups;
use crate::schema::{Object, suggest};

/// Filters of DescribeImages, without `tag:KEY` (EC2 API reference, DescribeImages).
const FILTERS: &[&str] = &[
    "architecture",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.encrypted",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "creation-date",
    "description",
    "ena-support",
    "free-tier-eligible",
    "hypervisor",
    "image-allowed",
    "image-id",
    "image-type",
    "is-public",
    "kernel-id",
    "manifest-location",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "ramdisk-id",
    "root-device-name",
    "root-device-type",
    "source-image-id",
    "source-image-region",
    "source-instance-id",
    "sriov-net-support",
    "state",
    "state-reason-code",
    "state-reason-message",
    "tag-key",
    "virtualization-type",
];

/// How many of several fitting images an error names.
const NAMED: usize = 5;

type Found = BTreeMap<String, Value>;

#[async_trait]
impl Lookups for Aws {
    async fn look_up(&self, kind: &str, arguments: &Object, pinned: Option<&Value>) -> Result<Found, Diagnostic> {
        match kind {
            "ami" => self.ami(arguments).await,
            "caller_identity" => {
                let identity = self.client().await?.identity().await?;
                Ok(texts([
                    ("account", Some(identity.account.clone())),
                    ("arn", Some(identity.arn.clone())),
                    ("user_id", Some(identity.user_id.clone())),
                ]))
            }
            "parameter" => self.parameter(arguments, pinned).await,
            "secret" => self.secret(arguments, pinned).await,
            "region" => Ok(texts([("name", Some(self.client().await?.region.clone()))])),
            other => Err(Diagnostic::error(format!(
                "the aws provider cannot read data \"{other}\""
            ))),
        }
    }
}

impl Aws {
    async fn ami(&self, arguments: &Object) -> Result<Found, Diagnostic> {
        let asked = Asked::of(arguments)?;
        let client = self.client().await?;
        let call = client
            .ec2
            .describe_images()
            .set_owners(Some(asked.owners.clone()))
            .include_deprecated(arguments.is_on("include_deprecated"))
            .set_filters(Some(asked.filters()))
            .max_results(1000);
        let mut fitting = region::list(call).await?;
        fitting.sort_by(|a, b| (&b.creation_date, &b.image_id).cmp(&(&a.creation_date, &a.image_id)));
        match fitting.as_slice() {
            [] => Err(asked.none(&client.region)),
            [one] => Ok(attributes(one)),
            [first, ..] if arguments.is_on("most_recent") => Ok(attributes(first)),
            several => Err(asked.too_many(several)),
        }
    }
}

/// What is asked of EC2.
struct Asked {
    owners: Vec<String>,
    filters: BTreeMap<String, Vec<String>>,
}

impl Asked {
    /// # Errors
    /// No owner; a filter that EC2 does not have, or whose values are no texts.
    fn of(arguments: &Object) -> Result<Asked, Diagnostic> {
        let owners = arguments.list("owners");
        if owners.is_empty() || owners.iter().any(String::is_empty) {
            let error = bad(arguments, "owners", "it names nobody");
            return Err(error.help("write an account id, or \"self\" for your own images"));
        }
        let mut filters = BTreeMap::new();
        if let Some(given) = arguments.get("filters").filter(|given| !given.value.is_null()) {
            if given.value.contains_sensitive() {
                return Err(bad(arguments, "filters", "a filter cannot be sensitive: it is shown"));
            }
            let pairs = given.value.attributes();
            let pairs = pairs.ok_or_else(|| bad(arguments, "filters", "a map is wanted: { name = [\"debian-*\"] }"))?;
            for (name, values) in pairs {
                filters.insert(name.clone(), filter(arguments, name, values)?);
            }
        }
        Ok(Asked { owners, filters })
    }

    fn filters(&self) -> Vec<Filter> {
        let available = || Filter::builder().name("state").values("available").build();
        let own = (!self.filters.contains_key("state")).then(available);
        let written = self.filters.iter();
        written
            .map(|(name, values)| Filter::builder().name(name).set_values(Some(values.clone())).build())
            .chain(own)
            .collect()
    }

    fn in_words(&self) -> String {
        let filters = self.filters.iter();
        let filters = filters.map(|(name, values)| format!("{name} = {}", values.join(" or ")));
        let owners = format!("owner = {}", self.owners.join(" or "));
        std::iter::once(owners).chain(filters).collect::<Vec<_>>().join(", ")
    }

    fn none(&self, region: &str) -> Diagnostic {
        Diagnostic::error("no AMI fits")
            .note(format!("looked for in {region}: {}", self.in_words()))
            .help("look at region, owners and filters; deprecated ones of others need include_deprecated = true")
    }

    fn too_many(&self, several: &[Image]) -> Diagnostic {
        let error = Diagnostic::error(format!("{} AMIs fit, and one is wanted", several.len()));
        let error = error.note(format!("looked for: {}", self.in_words()));
        let named = several.iter().take(NAMED).fold(error, |error, image| {
            let [id, name, made] =
                [&image.image_id, &image.name, &image.creation_date].map(|text| text.as_deref().unwrap_or("(nothing)"));
            error.note(format!("{id} {name}, made {made}"))
        });
        let more = several.len().saturating_sub(NAMED);
        let named = if more > 0 {
            named.note(format!("and {more} more"))
        } else {
            named
        };
        named.help("narrow the filters, or write most_recent = true")
    }
}

pub(super) fn bad(arguments: &Object, name: &str, why: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("argument \"{name}\" has a bad value"));
    match arguments.get(name) {
        Some(argument) => error.label(&argument.span, why),
        None => error.note(why),
    }
}

/// The values of one filter: a text, a number, a boolean, or a list of such.
fn filter(arguments: &Object, name: &str, values: &Value) -> Result<Vec<String>, Diagnostic> {
    let is_tag = name.strip_prefix("tag:").is_some_and(|key| !key.is_empty());
    if !is_tag && !FILTERS.contains(&name) {
        let error = bad(arguments, "filters", &format!("EC2 has no filter {name:?} for images"));
        return Err(match suggest(name, FILTERS.iter().copied()) {
            Some(meant) => error.help(format!("did you mean {meant:?}?")),
            None => error.help("the filters are those of DescribeImages; of a tag: \"tag:KEY\""),
        });
    }
    let wrong = || {
        bad(
            arguments,
            "filters",
            &format!("{name}: a text or a list of texts is wanted"),
        )
    };
    let text = |value: &Value| {
        let text = value.clone().convert(&Type::String).ok();
        text.and_then(|text| text.as_str().map(str::to_owned)).ok_or_else(wrong)
    };
    let all = match values.elements() {
        Some(elements) => elements.iter().map(text).collect::<Result<Vec<_>, _>>()?,
        None => vec![text(values)?],
    };
    if all.is_empty() { Err(wrong()) } else { Ok(all) }
}

fn attributes(image: &Image) -> Found {
    let mut all = texts([
        ("id", image.image_id.clone()),
        ("name", image.name.clone()),
        ("description", image.description.clone().filter(|text| !text.is_empty())),
        ("creation_date", image.creation_date.clone()),
        ("deprecation_time", image.deprecation_time.clone()),
        ("owner", image.owner_id.clone()),
        ("owner_name", image.image_owner_alias.clone()),
        ("architecture", Some(images::architecture(image))),
        (
            "virtualization",
            image.virtualization_type.as_ref().map(|one| one.as_str().to_owned()),
        ),
        ("root_device", image.root_device_name.clone()),
        ("root_snapshot", images::root_of(image).map(|(snapshot, _)| snapshot.0)),
        ("boot_mode", image.boot_mode.as_ref().map(|one| one.as_str().to_owned())),
        ("imds", image.imds_support.as_ref().map(|one| one.as_str().to_owned())),
        ("tpm", image.tpm_support.as_ref().map(|one| one.as_str().to_owned())),
        ("platform_details", image.platform_details.clone()),
        ("usage_operation", image.usage_operation.clone()),
    ]);
    let tags = tags::read(image.tags.as_deref()).into_iter();
    let tags = tags.map(|(key, value)| (key, Value::from(value))).collect();
    let codes = image.product_codes().iter();
    let codes = codes.filter_map(|code| code.product_code_id.as_deref().map(Value::from));
    all.insert("tags".into(), Value::map(Type::String, tags));
    all.insert("product_codes".into(), Value::list(Type::String, codes.collect()));
    all.insert("ena".into(), image.ena_support.unwrap_or(false).into());
    all
}

/// Texts by their names; what is not there is left out, and so `null`.
pub(super) fn texts<const N: usize>(all: [(&str, Option<String>); N]) -> Found {
    let there = all
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
    there.collect()
}
