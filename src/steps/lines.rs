//! A stream of bytes cut into lines for people: bounded in memory, whatever a program writes.

/// The longest piece that is shown as one line, in bytes; a longer line comes in pieces.
pub const LONGEST: usize = 8 * 1024;

/// Cuts what comes in pieces into lines. Bytes that are no UTF-8 are shown as `\xNN`.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes and gives each line that is now whole to `each`, without its end.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => self.give(&mut each),
                _ if self.rest.len() >= LONGEST => {
                    self.give(&mut each);
                    self.rest.push(*byte);
                }
                _ => self.rest.push(*byte),
            }
        }
    }

    /// Gives what came after the last line's end, if anything did.
    pub fn finish(&mut self, mut each: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            self.give(&mut each);
        }
    }

    fn give(&mut self, each: &mut impl FnMut(&str)) {
        // A program that draws progress goes back to the start of its line: only what it drew last is shown.
        let line = self.rest.strip_suffix(b"\r").unwrap_or(&self.rest);
        let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
        each(&readable(shown));
        self.rest.clear();
    }
}

/// Text with everything that is none, or that would steer a terminal, written out.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push('\t'),
                '\x1b' => text.push_str("\\e"),
                c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => text.push(c),
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        pieces
            .iter()
            .for_each(|piece| lines.feed(piece, |line| seen.push(line.to_owned())));
        lines.finish(|line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(all(&[b"on", b"e\ntwo\r\n\nlast"]), ["one", "two", "", "last"]);
        assert_eq!(all(&[b"10%\r50%\r100%\n"]), ["100%"]);
    }

    #[test]
    fn what_is_no_text_is_written_out() {
        assert_eq!(all(&[b"a\xffb\x1b[31m\x00\tc\n"]), ["a\\xffb\\e[31m\\x00\tc"]);
        assert_eq!(all(&["gr\u{fc}n\n".as_bytes()]), ["gr\u{fc}n"]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let seen = all(&[&vec![b'x'; LONGEST * 3 + 1]]);
        assert_eq!(
            seen.iter().map(String::len).collect::<Vec<_>>(),
            [LONGEST, LONGEST, LONGEST, 1]
        );
    }
}
