//! What bake writes into the tags of all that it makes: whose it is, and which call of which run made it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::digest::Digest;
use crate::providers::{Marker, Owner, RunId};
use crate::spec::ProviderKey;

/// What begins so belongs to bake.
pub const OWN: &str = "bake:";
pub const PROJECT: &str = "bake:project";
pub const WORKSPACE: &str = "bake:workspace";
pub const ADDRESS: &str = "bake:address";
pub const RUN: &str = "bake:run";
pub const HOST: &str = "bake:host";
pub const NODE: &str = "bake:node";
pub const DIGEST: &str = "bake:digest";
pub const RELEASE: &str = "bake:release";
/// On a copy: the id of the image in the build region.
pub const COPY_OF: &str = "bake:copy-of";

/// Most tags of a resource (EC2 user guide, "Tag restrictions").
pub const MOST: usize = 50;
/// Most characters of a value.
pub const LONGEST: usize = 256;
/// Tags of bake on an image, beside the chunks of its manifest.
pub const FIXED: usize = 9;

/// Tags by their keys.
pub type Tags = BTreeMap<String, String>;

/// A text as every service takes it in a tag: what is no letter, digit, blank or one of `+-._:/@` becomes `=XX`, by byte.
pub fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'+' | b'-' | b'.' | b'_' | b':' | b'/' | b'@' => {
            char::from(byte).to_string()
        }
        other => format!("={other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The text that was encoded; what is no encoding stays as it is.
pub fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).filter(|_| *first == b'=');
        let decoded = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The tags of a call that creates something.
pub fn of_marker(marker: &Marker) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), encode(value));
    BTreeMap::from([
        tag(PROJECT, &marker.owner.project),
        tag(WORKSPACE, &marker.owner.workspace),
        tag(ADDRESS, &marker.address.to_string()),
        tag(RUN, &marker.run.0),
        tag(HOST, &marker.host),
        tag(NODE, &marker.token),
    ])
}

/// The call that made what has these tags; none if bake did not make it.
pub fn marker(tags: &Tags, provider: &ProviderKey) -> Option<Marker> {
    let text = |key: &str| tags.get(key).map(|value| decode(value));
    Some(Marker {
        token: text(NODE)?,
        owner: owner(tags)?,
        address: text(ADDRESS)?.parse().ok()?,
        run: RunId(text(RUN)?),
        host: text(HOST)?,
        provider: Some(provider.clone()),
    })
}

/// Whose it is.
pub fn owner(tags: &Tags) -> Option<Owner> {
    Some(Owner {
        project: decode(tags.get(PROJECT)?),
        workspace: decode(tags.get(WORKSPACE)?),
    })
}

/// The content for which a snapshot was made.
pub fn digest(tags: &Tags) -> Option<Digest> {
    tags.get(DIGEST)?.parse().ok()
}

/// The SDK's tags.
pub fn read(tags: Option<&[Tag]>) -> Tags {
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.unwrap_or_default().iter().filter_map(pair).collect()
}

/// For the SDK.
pub fn written(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// For a creating call.
pub fn specification(of: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(of)
        .set_tags(Some(written(tags)))
        .build()
}

/// A filter for what has one of these values; `*`, `?` and `\` are taken as they are.
pub fn filter(name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> Filter {
    let escaped = |value: &str| {
        let special = |c: char| {
            if matches!(c, '*' | '?' | '\\') {
                format!("\\{c}")
            } else {
                c.to_string()
            }
        };
        value.chars().map(special).collect::<String>()
    };
    let values = values.into_iter().map(|value| escaped(value.as_ref())).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// A filter for what has a tag with this value.
pub fn tagged(key: &str, value: &str) -> Filter {
    filter(&format!("tag:{key}"), [encode(value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        for text in ["image.web[\"arm64\"]", "a=b", "", "Ümläut =41", "acme/images", "100%"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(encode("image.web[\"a\"]"), "image.web=5B=22a=22=5D");
        assert_eq!(decode("=zz=4"), "=zz=4");
    }

    #[test]
    fn a_marker_is_read_from_its_tags() {
        let marker = Marker {
            token: "0f".repeat(16),
            owner: Owner {
                project: "acme/images".into(),
                workspace: "ci=1".into(),
            },
            address: "image.web[\"arm64\"].snapshot[\"root\"]".parse().unwrap(),
            run: RunId("0a1b2c3d".into()),
            host: "build1".into(),
            provider: Some(ProviderKey {
                kind: "aws".into(),
                alias: None,
            }),
        };
        let key = marker.provider.clone().unwrap();
        assert_eq!(super::marker(&of_marker(&marker), &key), Some(marker));
        assert_eq!(super::marker(&Tags::new(), &key), None);
    }
}
