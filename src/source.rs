//! Source text and places in it: every value that a person wrote remembers where.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A file as it was read: its path as shown to people, and its text.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    content: Content,
}

/// What is known of a file.
#[derive(Debug)]
enum Content {
    /// All of it.
    Text {
        text: String,
        /// Byte offset of the first byte of each line.
        lines: Vec<usize>,
    },
    /// It is not at hand, only where one stretch of it begins and ends.
    Places(Position, Position),
}

impl Source {
    /// Keeps a text under the path by which messages name it (relative to the working directory where possible).
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Source> {
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(Source {
            path: path.into(),
            content: Content::Text { text, lines },
        })
    }

    /// The path by which messages name this file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text; empty where it is not at hand.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text { text, .. } => text,
            Content::Places(..) => "",
        }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub fn position(&self, offset: usize) -> Position {
        let (text, lines) = match &self.content {
            Content::Text { text, lines } => (text, lines),
            Content::Places(start, _) => return *start,
        };
        let offset = offset.min(text.len());
        let line = lines.partition_point(|start| *start <= offset);
        let start = lines[line - 1];
        let column = text
            .get(start..offset)
            .map_or(offset - start, |text| text.chars().count())
            + 1;
        Position {
            line,
            column,
            byte: offset,
        }
    }
}

/// A place in a file, as people and editors count: lines and columns from 1, bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offset in the file, from 0.
    pub byte: usize,
}

/// A stretch of a file. Cheap to make and to clone (lines are counted only when asked for); it keeps its file alive, so
/// that an excerpt can always be shown.
///
/// Written down (in a plan file, in `-json`) it is the path with the two positions; read back it has no text, and an
/// excerpt is shown only if the file still stands.
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    /// Byte offsets. A module has thousands of spans; no file that is read has 4 GiB.
    range: (u32, u32),
}

impl Span {
    /// The bytes `range` of `source`.
    pub fn new(source: &Arc<Source>, range: std::ops::Range<usize>) -> Span {
        let limit = source.text().len();
        let start = range.start.min(limit);
        Span {
            source: Arc::clone(source),
            range: (offset(start), offset(range.end.min(limit).max(start))),
        }
    }

    /// What was written down of one.
    fn read(path: PathBuf, start: Position, end: Position) -> Span {
        let content = Content::Places(start, end);
        Span {
            source: Arc::new(Source { path, content }),
            range: (offset(start.byte), offset(end.byte)),
        }
    }

    /// No place at all: for what no person wrote.
    pub fn nowhere() -> Span {
        static NOWHERE: std::sync::OnceLock<Arc<Source>> = std::sync::OnceLock::new();
        Span::new(NOWHERE.get_or_init(|| Source::new("", "")), 0..0)
    }

    /// Whether this is [`Span::nowhere`].
    pub fn is_nowhere(&self) -> bool {
        self.path().as_os_str().is_empty()
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The path of the file, as messages name it.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Where it begins.
    pub fn start(&self) -> Position {
        match self.source.content {
            Content::Text { .. } => self.source.position(self.bytes().start),
            Content::Places(start, _) => start,
        }
    }

    /// Just behind its last character.
    pub fn end(&self) -> Position {
        match self.source.content {
            Content::Text { .. } => self.source.position(self.bytes().end),
            Content::Places(_, end) => end,
        }
    }

    /// Its byte offsets in the file.
    pub fn bytes(&self) -> std::ops::Range<usize> {
        self.range.0 as usize..self.range.1 as usize
    }

    /// The text that it covers; empty when the file is not at hand.
    pub fn text(&self) -> &str {
        self.source.text().get(self.bytes()).unwrap_or("")
    }

    /// From the start of this to the end of `other`, which lies in the same file.
    pub fn to(&self, other: &Span) -> Span {
        match (&self.source.content, &other.source.content) {
            (Content::Text { .. }, Content::Text { .. }) => Span {
                source: Arc::clone(&self.source),
                range: (self.range.0, other.range.1),
            },
            _ => Span::read(self.path().to_owned(), self.start(), other.end()),
        }
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// `path:line:column`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start();
        write!(f, "{}:{}:{}", self.path().display(), start.line, start.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Span) -> bool {
        (self.path(), self.range) == (other.path(), other.range)
    }
}

impl Eq for Span {}

#[derive(Serialize, Deserialize)]
struct Written {
    file: PathBuf,
    start: Position,
    end: Position,
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written {
            file: self.path().to_owned(),
            start: self.start(),
            end: self.end(),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let Written { file, start, end } = Written::deserialize(from)?;
        Ok(Span::read(file, start, end))
    }
}

/// A value with the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: f(self.value),
            span: self.span,
        }
    }

    /// A borrowed value with the same place.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned {
            value: &self.value,
            span: self.span.clone(),
        }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("a.hcl", "ä = 1\nb = 2\n");
        assert_eq!(
            source.position(0),
            Position {
                line: 1,
                column: 1,
                byte: 0
            }
        );
        assert_eq!(
            source.position(3),
            Position {
                line: 1,
                column: 3,
                byte: 3
            }
        );
        assert_eq!(
            source.position(7),
            Position {
                line: 2,
                column: 1,
                byte: 7
            }
        );
        assert_eq!(Span::new(&source, 7..8).text(), "b");
        assert_eq!(Span::new(&source, 7..8).to_string(), "a.hcl:2:1");
    }

    #[test]
    fn a_span_read_back_keeps_its_place() {
        let source = Source::new("a.hcl", "ä = 1\nb = 2\n");
        let span = Span::new(&source, 7..8);
        let back: Span = serde_json::from_str(&serde_json::to_string(&span).unwrap()).unwrap();
        assert_eq!(back, span);
        assert_eq!((back.start(), back.end()), (span.start(), span.end()));
        assert_eq!((back.to_string().as_str(), back.text()), ("a.hcl:2:1", ""));
    }
}
