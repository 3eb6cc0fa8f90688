//! Hashes of texts, and what is named by one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use super::{Answer, Fault, Function, STRING, takes, text};
use crate::lang::value::Value;

/// Hashes.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "base64sha256",
        "The SHA-256 of a text, in base64.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(STANDARD.encode(Sha256::digest(text(all, 0))).into()),
    ),
    Function::pure(
        "base64sha512",
        "The SHA-512 of a text, in base64.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(STANDARD.encode(Sha512::digest(text(all, 0))).into()),
    ),
    Function::pure(
        "md5",
        "The MD5 of a text, in hexadecimal.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(hex::<Md5>(text(all, 0).as_bytes()).into()),
    ),
    Function::pure(
        "sha1",
        "The SHA-1 of a text, in hexadecimal.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(hex::<Sha1>(text(all, 0).as_bytes()).into()),
    ),
    Function::pure(
        "sha256",
        "The SHA-256 of a text, in hexadecimal.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(hex::<Sha256>(text(all, 0).as_bytes()).into()),
    ),
    Function::pure(
        "sha512",
        "The SHA-512 of a text, in hexadecimal.",
        &[takes("str", STRING)],
        STRING,
        |all| Ok(hex::<Sha512>(text(all, 0).as_bytes()).into()),
    ),
    Function::pure(
        "uuidv5",
        "The UUID of a name in a namespace: \"dns\", \"oid\", \"url\", \"x500\" or a UUID.",
        &[takes("namespace", STRING), takes("name", STRING)],
        STRING,
        uuidv5,
    ),
];

/// The hash of bytes, in hexadecimal.
pub(super) fn hex<H: Digest>(bytes: &[u8]) -> String {
    let digest = H::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuidv5(arguments: &[Value]) -> Answer {
    let namespace = match text(arguments, 0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "oid" => Uuid::NAMESPACE_OID,
        "url" => Uuid::NAMESPACE_URL,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other)
            .map_err(|_| Fault::of(0, "\"dns\", \"oid\", \"url\", \"x500\" or a UUID is required"))?,
    };
    let made = Uuid::new_v5(&namespace, text(arguments, 1).as_bytes());
    Ok(made.hyphenated().to_string().into())
}
