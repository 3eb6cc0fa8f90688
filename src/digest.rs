//! Digests: SHA-256 over a canonical form, so that equal things have equal names wherever and whenever they are made.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Hashes all that a reader gives.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 17];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Digest(hasher.finalize().into())),
                n => hasher.update(&buffer[..n]),
            }
        }
    }

    /// The 64 hex digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The first 12 hex digits: what names and plans show.
    pub fn short(&self) -> String {
        hex(&self.0[..6])
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `sha256:` (which may be missing) and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("not a SHA-256 digest: 64 hexadecimal digits are wanted")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if hex.len() != 64 {
            return Err(NotADigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks(2)) {
            let digit = |c: u8| (c as char).to_digit(16).ok_or(NotADigest);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Digest(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Feeds named fields into a digest. Names and values are written with their lengths, so that no two different
/// sequences of fields give the same bytes. They are hashed at the end, in one go: most are shorter than a block.
#[derive(Clone)]
pub struct ContentHasher(Vec<u8>);

impl ContentHasher {
    /// Begins a digest of this kind of thing; the recipe number is raised when bake makes other bytes of the same fields.
    pub fn new(kind: &str, recipe: u32) -> ContentHasher {
        let mut hasher = ContentHasher(Vec::with_capacity(512));
        hasher.bytes(kind.as_bytes());
        hasher.bytes(&recipe.to_be_bytes());
        hasher
    }

    /// Adds a named text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut ContentHasher {
        self.bytes(name.as_bytes());
        self.bytes(value.as_bytes());
        self
    }

    /// Adds a named digest.
    pub fn digest(&mut self, name: &str, value: &Digest) -> &mut ContentHasher {
        self.bytes(name.as_bytes());
        self.bytes(&value.0);
        self
    }

    /// Adds a named value in its canonical JSON form: object keys in bytewise order, no white space.
    pub fn json(&mut self, name: &str, value: &serde_json::Value) -> &mut ContentHasher {
        self.text(name, &canonical(value))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// JSON with its object keys in bytewise order and no white space.
pub fn canonical(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.iter().collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            let parts: Vec<_> = keys
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_what_it_wrote() {
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:12".parse::<Digest>().is_err());
    }

    #[test]
    fn fields_do_not_run_together() {
        let of = |a: &str, b: &str| ContentHasher::new("k", 1).text(a, b).finish();
        assert_ne!(of("ab", "c"), of("a", "bc"));
    }

    #[test]
    fn the_order_of_keys_does_not_count() {
        let (a, b) = (
            serde_json::json!({"b": 1, "a": [2]}),
            serde_json::json!({"a": [2], "b": 1}),
        );
        assert_eq!(canonical(&a), canonical(&b));
    }
}
