//! Extended attributes, as listxattr(2) and getxattr(2) give them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;

use super::content::read_block;
use super::reader::{Inode, Reader, damaged};
use super::{number16, number32};

pub(super) const MAGIC: u32 = 0xEA02_0000;
/// What stands before the entries of a block.
const BLOCK_HEADER: usize = 32;
/// The longest value that is believed; the kernel takes 64 KiB (xattr(7)).
const LONGEST: u64 = 64 << 10;

/// Beginnings of names, by their number.
const PREFIXES: &[(u8, &str)] = &[
    (0, ""),
    (1, "user."),
    (2, "system.posix_acl_access"),
    (3, "system.posix_acl_default"),
    (4, "trusted."),
    (6, "security."),
    (7, "system."),
    (8, "system.richacl"),
];

/// Numbers of the two access lists, which are stored in another form than they are given.
const ACCESS_LISTS: [u8; 2] = [2, 3];

/// All attributes of an inode, by name.
pub type Attributes = BTreeMap<OsString, Vec<u8>>;

impl Reader {
    /// All attributes of an inode; `own` brings the one in which the file system keeps content as well.
    ///
    /// # Errors
    /// If they do not fit where they stand.
    pub fn attributes(&self, inode: &Inode, own: bool) -> io::Result<Attributes> {
        let mut all = Attributes::new();
        let begin = 128 + inode.extra();
        if let Some(space) = inode.raw.get(begin..).filter(|space| space.len() > 4)
            && number32(space, 0) == MAGIC
        {
            // Values are counted from behind the mark.
            self.entries(&space[4..], &space[4..], &mut all)?;
        }
        if inode.attribute_block() != 0 {
            let block = read_block(self, inode.attribute_block())?;
            if number32(&block, 0) != MAGIC {
                return Err(damaged("a block of attributes is none"));
            }
            self.entries(&block[BLOCK_HEADER..], &block, &mut all)?;
        }
        if !own {
            all.remove(std::ffi::OsStr::new("system.data"));
        }
        Ok(all)
    }

    fn entries(&self, entries: &[u8], values: &[u8], into: &mut Attributes) -> io::Result<()> {
        let unfit = || damaged("extended attributes do not fit where they stand");
        let mut rest = entries;
        while rest.len() >= 16 && number32(rest, 0) != 0 {
            let (length, prefix) = (usize::from(rest[0]), rest[1]);
            let name = rest.get(16..16 + length).ok_or_else(unfit)?;
            let (offset, elsewhere) = (usize::from(number16(rest, 2)), number32(rest, 4));
            let size = number32(rest, 8) as usize;
            let value = match elsewhere {
                0 => values.get(offset..offset + size).ok_or_else(unfit)?.to_vec(),
                number => self.value(number)?,
            };
            let (_, start) = PREFIXES
                .iter()
                .find(|(number, _)| *number == prefix)
                .ok_or_else(unfit)?;
            let value = match ACCESS_LISTS.contains(&prefix) {
                true => access_list(&value).ok_or_else(unfit)?,
                false => value,
            };
            into.insert(OsString::from_vec([start.as_bytes(), name].concat()), value);
            rest = rest.get(16 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(())
    }

    /// One that is too long for a block is the content of an inode of its own.
    fn value(&self, number: u32) -> io::Result<Vec<u8>> {
        let inode = self.inode(number)?;
        if inode.size() > LONGEST {
            return Err(damaged("a value is longer than can be"));
        }
        let mut value = vec![0; inode.size() as usize];
        self.content(&inode)?.read_exact_at(self, &mut value, 0)?;
        Ok(value)
    }
}

/// From the form on disk, which leaves out ids where they mean nothing, to that of acl(5) in xattr(7): a version, then tag,
/// permissions and id of each entry.
fn access_list(stored: &[u8]) -> Option<Vec<u8>> {
    const NAMED: [u16; 2] = [0x02, 0x08];
    let mut given = 2_u32.to_le_bytes().to_vec();
    let mut rest = stored.get(4..)?;
    while rest.len() >= 4 {
        let is_named = NAMED.contains(&number16(rest, 0));
        given.extend_from_slice(&rest[..4]);
        given.extend_from_slice(match is_named {
            true => rest.get(4..8)?,
            false => &[0xFF; 4],
        });
        rest = rest.get(if is_named { 8 } else { 4 }..)?;
    }
    Some(given)
}
