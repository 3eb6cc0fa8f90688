//! Stored disks against the blocks that were recorded of them.

use super::super::session::Session;
use super::report;
use crate::diagnostic::Diagnostic;
use crate::host::blocks::{BLOCK, Blocks};
use crate::providers::ObservedImage;
use crate::providers::manifest::BuiltVolume;
use crate::ui::Terminal;
use crate::units::Size;

/// What came of comparing a disk.
pub enum Verdict {
    /// As it was.
    Same(usize),
    /// Nothing to compare with.
    Unrecorded,
    /// These blocks hold other bytes.
    Differs(Vec<u64>),
}

/// Reads a disk and compares it with what was recorded.
///
/// # Errors
/// Those of the provider, and of reading.
pub fn compare(session: &Session, image: &ObservedImage, volume: &BuiltVolume) -> Result<Verdict, Diagnostic> {
    let provider = session.providers.get(&image.provider)?;
    let Some(root) = volume.blocks else {
        return Ok(Verdict::Unrecorded);
    };
    let Some(disk) = provider.disk(&volume.snapshot)? else {
        return Ok(Verdict::Unrecorded);
    };
    let found = Blocks::of(&disk)?;
    if found.root() == root {
        return Ok(Verdict::Same(found.len()));
    }
    let recorded = provider
        .blocks(&volume.snapshot)?
        .filter(|blocks| blocks.root() == root);
    Ok(Verdict::Differs(
        recorded.map_or(Vec::new(), |recorded| recorded.differing(&found)),
    ))
}

impl Verdict {
    /// For other programs.
    pub fn reported(self, image: &ObservedImage, volume: &BuiltVolume) -> report::Volume {
        let (verdict, blocks) = match self {
            Verdict::Same(_) => (report::Verdict::Same, Vec::new()),
            Verdict::Unrecorded => (report::Verdict::Unrecorded, Vec::new()),
            Verdict::Differs(blocks) => (report::Verdict::Differs, blocks),
        };
        report::Volume {
            verdict,
            root: volume.blocks.map(|root| root.to_string()),
            blocks,
            ..report::Volume::of(image, &volume.name)
        }
    }
}

/// Says what came of it.
pub fn report(image: &ObservedImage, volume: &BuiltVolume, verdict: &Verdict, terminal: &Terminal) {
    let what = format!(
        "{} release {}, volume {:?}",
        image.manifest.address, image.manifest.release, volume.name
    );
    match verdict {
        Verdict::Same(count) => {
            let root = volume.blocks.map(|root| root.to_string()).unwrap_or_default();
            terminal.say(&format!("{what}: as registered, {count} blocks with data, {root}"));
        }
        Verdict::Unrecorded => {
            let warning = Diagnostic::warning(format!("{what} cannot be compared"));
            let why = "what its blocks held was not recorded when it was registered";
            terminal.diagnostics(&warning.note(why).into());
        }
        Verdict::Differs(numbers) => {
            let error = Diagnostic::error(format!("{what} is not what was registered"));
            let error = ranges(numbers).into_iter().fold(error, Diagnostic::note);
            let help = format!(
                "restore snapshot {} from a copy, or build the image again",
                volume.snapshot
            );
            terminal.diagnostics(&error.help(help).into());
        }
    }
}

/// Most ranges that are named.
const SHOWN: usize = 20;

/// `block 5, 2.5 MiB to 3 MiB`, blocks in a row together.
pub fn ranges(numbers: &[u64]) -> Vec<String> {
    let mut rows: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match rows.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => rows.push((*number, *number)),
        }
    }
    let more = rows.len().saturating_sub(SHOWN);
    let line = |(first, last): &(u64, u64)| {
        let name = match first == last {
            true => format!("block {first}"),
            false => format!("blocks {first} to {last}"),
        };
        let (from, to) = (Size::bytes(first * BLOCK), Size::bytes((last + 1) * BLOCK));
        format!("{name}: {from} to {to} of the disk")
    };
    let mut lines: Vec<String> = rows.iter().take(SHOWN).map(line).collect();
    lines.extend((more > 0).then(|| format!("and {more} more ranges")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_a_row_are_named_together() {
        let lines = ranges(&[5, 7, 8, 9]);
        assert_eq!(lines[0], "block 5: 2.5 MiB to 3 MiB of the disk");
        assert!(lines[1].starts_with("blocks 7 to 9: 3.5 MiB"));
    }
}
