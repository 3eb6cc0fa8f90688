//! JSON text to values, with its numbers exact.

use std::collections::BTreeMap;

use super::number::Number;
use super::types::Type;
use super::value::Value;

/// How deep arrays and objects may be nested.
const DEEPEST: usize = 128;

/// Reads one JSON value: arrays become tuples, objects objects; of a key that is written twice the last one counts.
///
/// # Errors
/// What was expected where.
pub(super) fn read(text: &str) -> Result<Value, NotJson> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.value()?;
    reader.blanks();
    match reader.rest().is_empty() {
        true => Ok(value),
        false => Err(reader.expected("the end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        self.at += if found { what.len() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<Value, NotJson> {
        self.blanks();
        match self.rest().bytes().next() {
            Some(b'"') => self.text().map(Value::from),
            Some(b'[') => self.nested(Reader::array),
            Some(b'{') => self.nested(Reader::object),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Value::null(Type::Any)),
            _ if self.take("true") => Ok(true.into()),
            _ if self.take("false") => Ok(false.into()),
            _ => Err(self.expected("a value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Reader<'a>) -> Result<Value, NotJson>) -> Result<Value, NotJson> {
        if self.depth >= DEEPEST {
            return Err(self.expected("no deeper nesting"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Value, NotJson> {
        let mut all = Vec::new();
        self.blanks();
        if self.take("]") {
            return Ok(all.into());
        }
        loop {
            all.push(self.value()?);
            self.blanks();
            if self.take("]") {
                return Ok(all.into());
            }
            if !self.take(",") {
                return Err(self.expected("a comma or ]"));
            }
        }
    }

    fn object(&mut self) -> Result<Value, NotJson> {
        let mut all = BTreeMap::new();
        self.blanks();
        if self.take("}") {
            return Ok(all.into());
        }
        loop {
            self.blanks();
            let key = self.text()?;
            self.blanks();
            if !self.take(":") {
                return Err(self.expected("a colon"));
            }
            let value = self.value()?;
            all.insert(key, value);
            self.blanks();
            if self.take("}") {
                return Ok(all.into());
            }
            if !self.take(",") {
                return Err(self.expected("a comma or }"));
            }
        }
    }

    /// The escapes of a text are left to serde.
    fn text(&mut self) -> Result<String, NotJson> {
        let mut found = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        match found.next() {
            Some(Ok(text)) => {
                self.at += found.byte_offset();
                Ok(text)
            }
            _ => Err(self.expected("a text in quotes")),
        }
    }

    fn number(&mut self) -> Result<Value, NotJson> {
        let rest = self.rest();
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let digits = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
        let bare = digits.strip_prefix('-').unwrap_or(digits);
        let whole = &bare[..bare.find(['.', 'e', 'E']).unwrap_or(bare.len())];
        let behind_point = bare.split_once('.').map(|(_, rest)| rest);
        let sound = (whole == "0" || !whole.starts_with('0'))
            && !whole.is_empty()
            && behind_point.is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        match digits.parse::<Number>() {
            Ok(number) if sound => {
                self.at += digits.len();
                Ok(number.into())
            }
            _ => Err(self.expected("a number")),
        }
    }

    fn expected(&self, what: &'static str) -> NotJson {
        let before = &self.text[..self.at];
        NotJson {
            what,
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        }
    }
}

/// A text that is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {what} was expected in line {line}, column {column}")]
pub(super) struct NotJson {
    what: &'static str,
    line: usize,
    column: usize,
}
