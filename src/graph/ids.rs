//! Ids of disks, partitions and file systems: derived from digests, so that equal specs give equal bytes.

use crate::digest::{ContentHasher, Digest};

/// A UUID for a thing of this role, version 8 (RFC 9562: its content is the maker's own matter).
pub fn uuid(digest: &Digest, role: &str, name: &str) -> String {
    let hash = ContentHasher::new("uuid", 1)
        .digest("of", digest)
        .text(role, name)
        .finish();
    let mut hex: Vec<char> = hash.hex().chars().take(32).collect();
    hex[12] = '8';
    hex[16] = match hex[16].to_digit(16).unwrap_or(0) % 4 {
        0 => '8',
        1 => '9',
        2 => 'a',
        _ => 'b',
    };
    let part = |range: std::ops::Range<usize>| hex[range].iter().collect::<String>();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ_by_role_and_name() {
        let digest = Digest::of(b"layout");
        let disk = uuid(&digest, "disk", "");
        assert_eq!(disk.len(), 36);
        assert_eq!(&disk[14..15], "8");
        assert_eq!(disk, uuid(&digest, "disk", ""));
        assert_ne!(disk, uuid(&digest, "partition", ""));
        assert_ne!(uuid(&digest, "partition", "a"), uuid(&digest, "partition", "b"));
    }
}
