//! A stream of bytes cut into lines for people: bounded in memory, whatever a program writes.

use crate::secrets::Secrets;

/// The longest piece that is shown as one line, in bytes; a longer line comes in pieces.
pub const LONGEST: usize = 8 * 1024;

/// Cuts what comes in pieces into lines. Bytes that are no UTF-8 are shown as `\xNN`.
#[derive(Debug)]
pub struct Lines {
    rest: Vec<u8>,
    /// Of these none is cut in two, which nobody would mask any more.
    secrets: Secrets,
    /// Of how many bytes a piece is cut off.
    full: usize,
}

impl Lines {
    /// Of a program that may print these secrets.
    pub fn new(secrets: Secrets) -> Lines {
        Lines {
            rest: Vec::new(),
            full: LONGEST + secrets.longest().saturating_sub(1),
            secrets,
        }
    }

    /// Takes the next bytes and gives each line that is now whole to `each`, without its end.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => self.give(&mut each),
                _ => {
                    if self.rest.len() >= self.full {
                        let behind = self.rest.split_off(self.secrets.cut(&self.rest, LONGEST));
                        self.give(&mut each);
                        self.rest = behind;
                    }
                    self.rest.push(*byte);
                }
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
        let (mut lines, mut seen) = (Lines::new(Secrets::default()), Vec::new());
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

    /// Wherever the cut would be: in front of the secret, behind it, or in it.
    #[test]
    fn no_secret_is_cut_in_two() {
        let secret = "qwertyuiopasdfghjklm";
        let secrets = Secrets::new([secret.to_owned()]);
        for before in (LONGEST - 30..LONGEST + 30).chain([0, 2 * LONGEST - 10]) {
            let mut lines = Lines::new(secrets.clone());
            let mut text = String::new();
            let program = format!("{}{secret}{}\n", "x".repeat(before), "y".repeat(LONGEST));
            lines.feed(program.as_bytes(), |line| text.push_str(&secrets.mask(line)));
            let wanted = program.trim_end().replace(secret, "(sensitive)");
            assert!(text == wanted, "{before} bytes before it");
        }
        let long: String = (0..LONGEST).map(|number| format!("{number}-")).collect();
        let secrets = Secrets::new([long.clone()]);
        let (mut lines, mut text) = (Lines::new(secrets.clone()), String::new());
        let program = format!("{long}{long}\n");
        lines.feed(program.as_bytes(), |line| text.push_str(&secrets.mask(line)));
        assert!(text.replace("(sensitive)", "").is_empty(), "{text}");
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
