//! The manifest of an image in its tags: compressed, in base64, 256 characters a tag.
//!
//! `bake:manifest` says `FORMAT.CHUNKS.CHECKSUM`, and `bake:manifest.0` and so on hold the chunks. What does not fit loses its
//! longest texts first: digests of arguments are always kept, so that a plan is right whatever was dropped.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use super::tags::{FIXED, LONGEST, MOST, OWN, Tags};
use crate::digest::Digest;
use crate::providers::manifest::FORMAT;
use crate::providers::{Manifest, ProviderError};
use crate::schema::{Recorded, identity};

const HEAD: &str = "bake:manifest";
/// Most chunks, however few tags the user has.
const CHUNKS: usize = 20;
/// No manifest that fits into so few chunks is longer.
const LARGEST: u64 = 4 << 20;

/// The tags that hold a manifest beside so many tags of the user.
///
/// # Errors
/// If it does not fit although all texts were left out.
pub fn pack(manifest: &Manifest, user_tags: usize) -> Result<Tags, ProviderError> {
    let room = MOST.saturating_sub(FIXED + user_tags).min(CHUNKS);
    let mut left = manifest.clone();
    loop {
        let text = packed(&left);
        if text.len() <= room * LONGEST {
            return Ok(chunks(&text));
        }
        let spec = std::sync::Arc::make_mut(&mut left.spec);
        let longest = longest(spec);
        if longest == 0 {
            return Err(ProviderError::Refused {
                what: format!("cannot record {} in its tags", manifest.address),
                why: format!(
                    "its arguments need {} tags, and there is room for {room}",
                    text.len().div_ceil(LONGEST)
                ),
                help: "give the image fewer tags, or fewer arguments".into(),
            });
        }
        // A few at once: each round compresses anew.
        drop_texts(spec, longest - longest / 4);
    }
}

/// The manifest in these tags; none if there is none.
///
/// # Errors
/// [`ProviderError::Damaged`] if something of it is missing or was changed; [`ProviderError::Newer`].
pub fn unpack(id: &str, tags: &Tags) -> Result<Option<Manifest>, ProviderError> {
    let Some(head) = tags.get(HEAD) else { return Ok(None) };
    let what = || format!("the record of {id} (tags {HEAD})");
    let damaged = |why: &str| ProviderError::Damaged {
        what: what(),
        why: why.to_owned(),
    };
    let parts: Vec<&str> = head.split('.').collect();
    let [format, count, checksum] = parts.as_slice() else {
        return Err(damaged("its first tag has another form"));
    };
    let format: u32 = format.parse().map_err(|_| damaged("its format is no number"))?;
    if format > FORMAT {
        return Err(ProviderError::Newer {
            what: what(),
            format,
            known: FORMAT,
        });
    }
    let count: usize = count
        .parse()
        .map_err(|_| damaged("the number of its parts is no number"))?;
    let chunks: Option<String> = (0..count)
        .map(|number| tags.get(&format!("{HEAD}.{number}")).map(String::as_str))
        .collect();
    let text = chunks.ok_or_else(|| damaged("a part of it is missing"))?;
    if Digest::of(text.as_bytes()).short() != *checksum {
        return Err(damaged("its checksum is wrong: somebody changed the tags"));
    }
    let read = unpacked(&text).ok_or_else(|| damaged("it does not read"))?;
    Ok(Some(read))
}

/// Whether a tag is one of bake's own.
pub fn is_own(key: &str) -> bool {
    key.starts_with(OWN)
}

fn chunks(text: &str) -> Tags {
    let parts: Vec<&[u8]> = text.as_bytes().chunks(LONGEST).collect();
    let head = format!("{FORMAT}.{}.{}", parts.len(), Digest::of(text.as_bytes()).short());
    let part = |(number, part): (usize, &&[u8])| {
        let text = String::from_utf8_lossy(part).into_owned();
        (format!("{HEAD}.{number}"), text)
    };
    let mut tags: Tags = parts.iter().enumerate().map(part).collect();
    tags.insert(HEAD.to_owned(), head);
    tags
}

fn packed(manifest: &Manifest) -> String {
    let mut json = serde_json::to_value(manifest).expect("a manifest is written down as JSON");
    leave_out_digests(&mut json);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(json.to_string().as_bytes());
    let bytes = written
        .and_then(|()| encoder.finish())
        .expect("memory takes every byte");
    BASE64_STANDARD.encode(bytes)
}

fn unpacked(text: &str) -> Option<Manifest> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let mut json = String::new();
    ZlibDecoder::new(bytes.as_slice())
        .take(LARGEST)
        .read_to_string(&mut json)
        .ok()?;
    let mut json: Value = serde_json::from_str(&json).ok()?;
    put_back_digests(&mut json);
    serde_json::from_value(json).ok()
}

/// A digest that follows from the value beside it needs no room.
fn leave_out_digests(json: &mut Value) {
    each_object(json, &mut |object| {
        if let (Some(class), Some(value)) = (object.get("class"), object.get("value"))
            && class.is_string()
            && object.get("digest").and_then(Value::as_str) == Some(&of_value(value))
        {
            object.remove("digest");
        }
    });
}

fn put_back_digests(json: &mut Value) {
    each_object(json, &mut |object| {
        if let (Some(_), Some(value), None) = (object.get("class"), object.get("value"), object.get("digest")) {
            let digest = Value::from(of_value(value));
            object.insert("digest".to_owned(), digest);
        }
    });
}

fn of_value(value: &Value) -> String {
    identity(value).to_string()
}

/// Every object but those within values of arguments.
fn each_object(json: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match json {
        Value::Array(all) => all.iter_mut().for_each(|one| each_object(one, change)),
        Value::Object(object) => {
            change(object);
            let inner = object.iter_mut().filter(|(name, _)| *name != "value");
            inner.for_each(|(_, one)| each_object(one, change));
        }
        _ => {}
    }
}

/// How long the longest text is.
fn longest(block: &Recorded) -> usize {
    let of_arguments = block.arguments.values().flat_map(|argument| {
        let value = argument.value.as_ref().map_or(0, |value| value.to_string().len());
        let texts = argument
            .files
            .iter()
            .map(|file| file.text.as_ref().map_or(0, String::len));
        texts.chain([value])
    });
    let of_blocks = block.blocks.iter().map(|block| longest(&block.content));
    of_arguments.chain(of_blocks).max().unwrap_or(0)
}

/// Drops every text that is so long or longer.
fn drop_texts(block: &mut Recorded, from: usize) {
    for (_, argument) in block.arguments.iter_mut() {
        if argument
            .value
            .as_ref()
            .is_some_and(|value| value.to_string().len() >= from)
        {
            argument.value = None;
        }
        for file in argument
            .files
            .iter_mut()
            .filter(|file| file.text.as_ref().is_some_and(|text| text.len() >= from))
        {
            file.text = None;
        }
    }
    block
        .blocks
        .iter_mut()
        .for_each(|block| drop_texts(&mut block.content, from));
}

#[cfg(test)]
mod tests {
    use litemap::LiteMap;
    use std::sync::Arc;

    use super::*;
    use crate::providers::Owner;
    use crate::schema::{Class, RecordedArgument};

    fn argument(text: &str) -> Box<RecordedArgument> {
        let value = Value::from(text);
        Box::new(RecordedArgument {
            class: Class::Bytes,
            digest: of_value(&value).parse().unwrap(),
            value: Some(value),
            sensitive: false,
            after: None,
            by_default: false,
            files: Vec::new(),
        })
    }

    fn manifest(arguments: LiteMap<String, Box<RecordedArgument>>) -> Manifest {
        Manifest {
            format: FORMAT,
            bake: "0.1.0".into(),
            owner: Owner {
                project: "p".into(),
                workspace: "default".into(),
            },
            address: "image.web".parse().unwrap(),
            release: 3,
            digest: Digest::of(b"content"),
            release_id: "0f1e2d3c4b5a".into(),
            build_number: 0,
            created: "2026-01-01T00:00:00Z".into(),
            spec: Arc::new(Recorded {
                arguments,
                ..Recorded::default()
            }),
            nodes: Vec::new(),
            built_on: None,
            regions: Vec::new(),
            volumes: Vec::new(),
            imported: None,
        }
    }

    /// Texts that do not compress.
    fn noise(seed: &str, length: usize) -> String {
        let digests = (0..).map(|number| Digest::of(format!("{seed}{number}").as_bytes()).hex());
        digests
            .flat_map(|hex| hex.into_bytes())
            .take(length)
            .map(char::from)
            .collect()
    }

    #[test]
    fn what_fits_comes_back_whole() {
        let small = manifest(LiteMap::from_iter([
            ("name".into(), argument("web")),
            ("b".into(), argument("é")),
        ]));
        let tags = pack(&small, 10).unwrap();
        assert!(tags.values().all(|value| value.len() <= LONGEST));
        assert_eq!(unpack("ami-1", &tags).unwrap(), Some(small));
        assert_eq!(unpack("ami-1", &Tags::new()).unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_loses_its_longest_texts_and_no_digest() {
        let arguments = (0..16).map(|number| {
            (
                format!("a{number:02}"),
                argument(&noise(&format!("x{number}"), 40 + 40 * number)),
            )
        });
        let large = manifest(arguments.collect());
        let tags = pack(&large, 30).unwrap();
        assert!(tags.len() <= MOST - FIXED - 30 + 1, "{} tags", tags.len());
        let read = unpack("ami-1", &tags).unwrap().unwrap();
        for (name, argument) in &large.spec.arguments {
            assert_eq!(read.spec.arguments[name].digest, argument.digest);
        }
        let lengths = |manifest: &Manifest| -> Vec<usize> {
            let values = manifest.spec.arguments.values().filter_map(|one| one.value.as_ref());
            values.map(|value| value.to_string().len()).collect()
        };
        let (kept, all) = (lengths(&read), lengths(&large));
        assert!(!kept.is_empty() && kept.len() < all.len());
        assert_eq!(kept, all[..kept.len()], "the longest go first");
    }

    #[test]
    fn a_record_that_was_touched_is_an_error() {
        let mut tags = pack(&manifest(LiteMap::new()), 0).unwrap();
        tags.insert("bake:manifest.0".into(), "x".into());
        assert!(matches!(unpack("ami-1", &tags), Err(ProviderError::Damaged { .. })));
        tags.remove("bake:manifest.0");
        assert!(
            unpack("ami-1", &tags)
                .unwrap_err()
                .to_string()
                .contains("a part of it is missing")
        );
        let newer = Tags::from([("bake:manifest".into(), "99.0.x".into())]);
        assert!(matches!(unpack("ami-1", &newer), Err(ProviderError::Newer { .. })));
    }
}
