//! Where partitions go: one behind the other, at whole mebibytes.

use super::{ALIGNMENT, Disk, Entry, Scheme, Table, kind_id};
use crate::host::error::{HostError, Kind, Result};

/// The end of a disk that partitions leave free: the copy of a GPT is there (33 blocks of up to 4 KiB).
const TAIL: u64 = ALIGNMENT;
/// Entries of an MBR, without logical partitions.
const MBR_ENTRIES: usize = 4;
/// Entries of a GPT as everybody writes it.
pub(super) const GPT_ENTRIES: usize = 128;
/// Bytes that an MBR can address with blocks of 512.
const MBR_END: u64 = (1 << 32) * 512;

/// A partition that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in a GPT.
    pub name: String,
    /// What it is for: see [`kind_id`].
    pub kind: String,
    /// Bytes, rounded up to whole mebibytes; `None`: what the others leave, for one of them.
    pub size: Option<u64>,
    /// Its UUID in a GPT.
    pub uuid: String,
}

/// Lays partitions out on a disk of `size` bytes. `disk` is its UUID (GPT) or eight hex digits (MBR); `architecture`
/// settles what `linux-root` is.
///
/// # Errors
/// [`Kind::Full`] if they do not fit; [`Kind::Invalid`] for an unknown kind, or two that take the rest.
pub fn lay_out(scheme: Scheme, disk: &str, architecture: &str, size: u64, wanted: &[Wanted]) -> Result<Table> {
    let rest = rest(size, wanted)?;
    let mut start = ALIGNMENT;
    let mut entries = Vec::with_capacity(wanted.len());
    for (one, number) in wanted.iter().zip(1..) {
        let size = one.size.map_or(rest, round_up);
        let kind = kind_id(scheme, &one.kind, architecture).ok_or_else(|| unknown_kind(scheme, one))?;
        let (name, uuid) = match scheme {
            Scheme::Gpt => (one.name.clone(), one.uuid.to_lowercase()),
            Scheme::Mbr => (String::new(), format!("{}-{number:02x}", disk.to_lowercase())),
        };
        entries.push(Entry {
            number,
            name,
            kind,
            start,
            size,
            uuid,
        });
        start += size;
    }
    Ok(Table {
        scheme,
        disk: disk.to_lowercase(),
        entries,
    })
}

/// What is left for the partition without a size.
fn rest(size: u64, wanted: &[Wanted]) -> Result<u64> {
    let operation = || "lay partitions out".to_owned();
    let room = (size.saturating_sub(ALIGNMENT + TAIL)) / ALIGNMENT * ALIGNMENT;
    let taken: u64 = wanted.iter().filter_map(|one| one.size).map(round_up).sum();
    let open = wanted.iter().filter(|one| one.size.is_none()).count();
    if open > 1 {
        let reason = "more than one of them takes what the others leave";
        return Err(HostError::new(Kind::Invalid, operation(), reason));
    }
    let rest = room.checked_sub(taken).filter(|&rest| open == 0 || rest > 0);
    rest.ok_or_else(|| {
        let (taken, room) = (taken / ALIGNMENT, room / ALIGNMENT);
        let reason = format!(
            "they take {taken} MiB{}, and the disk has room for {room} MiB",
            plus(open)
        );
        HostError::new(Kind::Full, operation(), reason).help("make the volume larger, or the partitions smaller")
    })
}

fn plus(open: usize) -> &'static str {
    if open == 0 { "" } else { " and a rest" }
}

fn round_up(size: u64) -> u64 {
    size.div_ceil(ALIGNMENT).max(1) * ALIGNMENT
}

/// Whether a table can be written to a disk.
pub(super) fn check(table: &Table, disk: &Disk) -> Result<()> {
    let (most, first, end) = match table.scheme {
        Scheme::Gpt => (
            GPT_ENTRIES,
            34 * disk.block,
            (disk.blocks.saturating_sub(33)) * disk.block,
        ),
        Scheme::Mbr => (MBR_ENTRIES, disk.block, (disk.blocks * disk.block).min(MBR_END)),
    };
    let mut by_place: Vec<&Entry> = table.entries.iter().collect();
    by_place.sort_by_key(|entry| entry.start);
    let mut free = first;
    for entry in by_place {
        let number = entry.number;
        if number == 0 || number as usize > most {
            return Err(disk.invalid("write", format!("partition {number}: there are at most {most}")));
        }
        if entry.start < free || entry.start.checked_add(entry.size).is_none_or(|last| last > end) || entry.size == 0 {
            return Err(disk.invalid(
                "write",
                format!("partition {number} overlaps another or leaves the disk"),
            ));
        }
        if entry.start % disk.block != 0 || entry.size % disk.block != 0 {
            return Err(disk.invalid("write", format!("partition {number} does not lie on whole blocks")));
        }
        free = entry.start + entry.size;
    }
    Ok(())
}

fn unknown_kind(scheme: Scheme, wanted: &Wanted) -> HostError {
    let (table, forms) = match scheme {
        Scheme::Gpt => ("GPT", "a GUID"),
        Scheme::Mbr => ("MBR", "a code such as 0x83"),
    };
    let operation = format!("make partition {}", wanted.name);
    let reason = format!("a {table} has no type `{}`", wanted.kind);
    let names = super::kind_names().join(", ");
    HostError::new(Kind::Invalid, operation, reason).help(format!("write {forms}, or one of {names}"))
}
