//! What partitions are for: names, and what tables have for them.
//!
//! Sources: the Discoverable Partitions Specification for the GUIDs, sfdisk(8) for MBR codes.

use super::{Scheme, guid};

/// Name, architecture (or any), GUID, MBR code.
type Row = (&'static str, Option<&'static str>, &'static str, Option<&'static str>);

const KINDS: &[Row] = &[
    ("bios-boot", None, "21686148-6449-6e6f-744e-656564454649", None),
    ("esp", None, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", Some("ef")),
    ("linux", None, "0fc63daf-8483-4772-8e79-3d69d8477de4", Some("83")),
    ("linux-home", None, "933ac7e1-2eb4-4f13-b844-0e14e2aef915", Some("83")),
    (
        "linux-root",
        Some("aarch64"),
        "b921b045-1df0-41c3-af44-4c6f280d3fae",
        Some("83"),
    ),
    (
        "linux-root",
        Some("x86_64"),
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
        Some("83"),
    ),
    ("linux-srv", None, "3b8f8425-20e0-4f3b-907f-1a25a76f98e8", Some("83")),
    ("linux-tmp", None, "7ec6f557-3bc5-4aca-b293-16ef5df639d1", Some("83")),
    (
        "linux-usr",
        Some("aarch64"),
        "b0e01050-ee5f-4390-949a-9101b17104e9",
        Some("83"),
    ),
    (
        "linux-usr",
        Some("x86_64"),
        "8484680c-9521-48c6-9c11-b0720656f69e",
        Some("83"),
    ),
    ("linux-var", None, "4d21b016-b534-45c2-a9fb-5c16e091fd2d", Some("83")),
    ("luks", None, "ca7d7ccb-63ed-4c53-861c-1742536059cc", Some("e8")),
    ("lvm", None, "e6d6d379-f507-44c2-a23c-238f2a3df928", Some("8e")),
    (
        "microsoft-data",
        None,
        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
        Some("0c"),
    ),
    ("raid", None, "a19d880f-05fc-4d3b-a006-743f0f84911e", Some("fd")),
    ("swap", None, "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", Some("82")),
    ("xbootldr", None, "bc13c2ff-59e6-4262-a352-b275fd6f7172", Some("ea")),
];

/// What a table has for a name, for `architecture` as Rust names it: a GUID in lower case, or two hex digits. A GUID or
/// an MBR code (`83`, `0x83`) is taken as it is.
pub fn kind_id(scheme: Scheme, name: &str, architecture: &str) -> Option<String> {
    let row = KINDS
        .iter()
        .find(|(known, only, _, _)| *known == name && only.is_none_or(|only| only == architecture));
    match (scheme, row) {
        (Scheme::Gpt, Some((_, _, guid, _))) => Some((*guid).to_owned()),
        (Scheme::Mbr, Some((_, _, _, code))) => code.map(str::to_owned),
        (Scheme::Gpt, None) => guid::to_bytes(name).map(|bytes| guid::to_text(&bytes)),
        (Scheme::Mbr, None) => code(name),
    }
}

fn code(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let code = u8::from_str_radix(digits, 16).ok().filter(|&code| code != 0)?;
    Some(format!("{code:02x}"))
}

/// All names, in order.
pub fn kind_names() -> Vec<&'static str> {
    let mut names: Vec<_> = KINDS.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guid_is_one() {
        for (name, _, text, code) in KINDS {
            let bytes = guid::to_bytes(text).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(guid::to_text(&bytes), *text);
            assert!(code.is_none_or(|code| u8::from_str_radix(code, 16).is_ok()), "{name}");
        }
    }

    #[test]
    fn the_root_is_that_of_the_architecture() {
        assert_ne!(
            kind_id(Scheme::Gpt, "linux-root", "x86_64"),
            kind_id(Scheme::Gpt, "linux-root", "aarch64")
        );
        assert_eq!(kind_id(Scheme::Gpt, "linux-root", "sparc64"), None);
        assert_eq!(kind_id(Scheme::Mbr, "0x83", "x86_64").as_deref(), Some("83"));
        assert_eq!(kind_id(Scheme::Mbr, "bios-boot", "x86_64"), None);
        let upper = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
        assert_eq!(
            kind_id(Scheme::Gpt, upper, "x86_64"),
            kind_id(Scheme::Gpt, "esp", "x86_64")
        );
    }
}
