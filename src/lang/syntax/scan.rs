//! Finds what was opened and never closed: the commonest reason why a file cannot be read, and the one of which the parser
//! says least.

/// Something that does not match, at a byte offset of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// A quote without its counterpart on the line.
    Text { at: usize },
    /// `/*` without `*/`.
    Comment { at: usize },
    /// `<<EOT` without its marker.
    Heredoc { at: usize, marker: String },
    /// An opening bracket (or `${`, `%{`) without the closing one.
    Open { at: usize, bracket: char },
    /// A closing bracket that closes nothing, or something else than what is open.
    Close {
        at: usize,
        bracket: char,
        open: Option<(usize, char)>,
    },
}

impl Mismatch {
    pub(super) fn at(&self) -> usize {
        match self {
            Mismatch::Text { at }
            | Mismatch::Comment { at }
            | Mismatch::Heredoc { at, .. }
            | Mismatch::Open { at, .. }
            | Mismatch::Close { at, .. } => *at,
        }
    }
}

enum Mode<'a> {
    Code { at: usize, bracket: char },
    Quoted { at: usize },
    Heredoc { at: usize, marker: &'a str },
}

/// The first mismatch in a text, if there is one.
pub(super) fn mismatch(text: &str) -> Option<Mismatch> {
    let mut scan = Scan {
        text,
        at: 0,
        open: Vec::new(),
        suspect: None,
    };
    while scan.at < text.len() {
        let step = match scan.open.last() {
            Some(Mode::Quoted { at }) => scan.quoted(*at),
            Some(Mode::Heredoc { marker, .. }) => scan.heredoc(marker),
            _ => scan.code(),
        };
        if let Err(found) = step {
            return Some(found);
        }
    }
    scan.open.last().map(|open| match *open {
        Mode::Code { at, bracket } => {
            let (at, bracket) = scan.suspect.unwrap_or((at, bracket));
            Mismatch::Open { at, bracket }
        }
        Mode::Quoted { at } => Mismatch::Text { at },
        Mode::Heredoc { at, marker } => Mismatch::Heredoc {
            at,
            marker: marker.to_owned(),
        },
    })
}

/// Whether a bracket, a heredoc or a comment is still open at the end.
pub(super) fn is_incomplete(text: &str) -> bool {
    matches!(
        mismatch(text),
        Some(Mismatch::Open { .. } | Mismatch::Heredoc { .. } | Mismatch::Comment { .. })
    )
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Mode<'a>>,
    /// The first bracket whose closing one stands further to the left: if one is missing, it is that of this one.
    suspect: Option<(usize, char)>,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_char(&mut self) {
        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
    }

    fn push(&mut self, mode: Mode<'a>, length: usize) {
        self.open.push(mode);
        self.at += length;
    }

    /// The beginning of an interpolation or directive, or its escape.
    fn interpolation(&mut self) -> bool {
        let (rest, at) = (self.rest(), self.at);
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            self.push(Mode::Code { at, bracket: '{' }, 2);
        } else {
            return false;
        }
        true
    }

    fn quoted(&mut self, start: usize) -> Result<(), Mismatch> {
        match self.rest().as_bytes()[0] {
            _ if self.interpolation() => {}
            b'\\' => {
                self.at += 1;
                self.skip_char();
            }
            b'"' => {
                self.open.pop();
                self.at += 1;
            }
            b'\n' => return Err(self.unclosed(start)),
            _ => self.skip_char(),
        }
        Ok(())
    }

    /// A text without its end: of one within an interpolation of this line it is the interpolation that has none.
    fn unclosed(&self, start: usize) -> Mismatch {
        match self.open[..] {
            [
                ..,
                Mode::Quoted { at: around },
                Mode::Code { at, bracket },
                Mode::Quoted { .. },
            ] if !self.text[around..start].contains('\n') => Mismatch::Open { at, bracket },
            _ => Mismatch::Text { at: start },
        }
    }

    /// How far the line of this place is indented.
    fn indentation(&self, at: usize) -> usize {
        let before = &self.text[..at];
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        line.len() - line.trim_start().len()
    }

    /// Whether nothing stands before this place in its line. Looks no further than it must: a line may be a whole file.
    fn begins_a_line(&self, at: usize) -> bool {
        let before = self.text[..at].trim_end_matches([' ', '\t', '\r']);
        before.is_empty() || before.ends_with('\n')
    }

    fn suspect(&mut self, opened: (usize, char), closed: usize) {
        if self.begins_a_line(closed) && self.indentation(closed) < self.indentation(opened.0) {
            self.suspect.get_or_insert(opened);
        }
    }

    fn heredoc(&mut self, marker: &str) -> Result<(), Mismatch> {
        let at_start = self.text[..self.at].ends_with('\n');
        let line = self.rest().lines().next().unwrap_or_default();
        if at_start && line.trim() == marker {
            self.open.pop();
            self.at += line.len();
        } else if !self.interpolation() {
            self.skip_char();
        }
        Ok(())
    }

    fn code(&mut self) -> Result<(), Mismatch> {
        let (rest, at) = (self.rest(), self.at);
        match rest.as_bytes()[0] {
            b'#' => self.skip_line(),
            b'/' if rest.starts_with("//") => self.skip_line(),
            b'/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").ok_or(Mismatch::Comment { at })?;
                self.at += end + 4;
            }
            b'"' => self.push(Mode::Quoted { at }, 1),
            b'<' if rest.starts_with("<<") => self.open_heredoc(),
            bracket @ (b'(' | b'[' | b'{') => {
                let bracket = char::from(bracket);
                self.push(Mode::Code { at, bracket }, 1);
            }
            bracket @ (b')' | b']' | b'}') => self.close(char::from(bracket))?,
            _ => self.skip_char(),
        }
        Ok(())
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn open_heredoc(&mut self) {
        let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
        let marker = line[2..].trim_start_matches('-').trim_end();
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        match !marker.is_empty() && marker.chars().all(word) {
            true => self.push(Mode::Heredoc { at: self.at, marker }, line.len()),
            false => self.at += 2,
        }
    }

    fn close(&mut self, bracket: char) -> Result<(), Mismatch> {
        let at = self.at;
        match self.open.pop() {
            Some(Mode::Code {
                at: start,
                bracket: open,
            }) if closing(open) == bracket => {
                self.suspect((start, open), at);
                self.at += 1;
                Ok(())
            }
            Some(Mode::Code {
                at: start,
                bracket: open,
            }) => Err(Mismatch::Close {
                at,
                bracket,
                open: Some((start, open)),
            }),
            _ => Err(Mismatch::Close {
                at,
                bracket,
                open: None,
            }),
        }
    }
}

/// The bracket that closes this one.
pub(super) fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}
