//! JSON text, read with the place of everything in it and with its numbers exact.

use std::collections::BTreeMap;
use std::ops::Range;

use super::number::Number;
use super::types::Type;
use super::value::Value;

/// How deep arrays and objects may be nested.
const DEEPEST: usize = 128;

/// A JSON value and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Json {
    pub kind: Kind,
    /// Byte offsets; of a text with its quotes.
    pub place: Range<usize>,
}

/// What it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    /// With its escapes resolved.
    Text(String),
    Array(Vec<Json>),
    /// In the order of the text; a key may stand there twice.
    Object(Vec<(Key, Json)>),
}

/// The key of a member, and its place with the quotes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub text: String,
    pub place: Range<usize>,
}

impl Json {
    /// Arrays become tuples, objects objects; of a key that is written twice the last one counts.
    pub fn into_value(self) -> Value {
        match self.kind {
            Kind::Null => Value::null(Type::Any),
            Kind::Bool(answer) => answer.into(),
            Kind::Number(number) => number.into(),
            Kind::Text(text) => text.into(),
            Kind::Array(all) => all.into_iter().map(Json::into_value).collect::<Vec<_>>().into(),
            Kind::Object(all) => {
                let members = all.into_iter().map(|(key, one)| (key.text, one.into_value()));
                members.collect::<BTreeMap<_, _>>().into()
            }
        }
    }
}

/// Reads one JSON value.
///
/// # Errors
/// What was expected where.
pub(super) fn read(text: &str) -> Result<Json, NotJson> {
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

    fn value(&mut self) -> Result<Json, NotJson> {
        self.blanks();
        let begin = self.at;
        let kind = match self.rest().bytes().next() {
            Some(b'"') => Kind::Text(self.text()?),
            Some(b'[') => self.nested(Reader::array)?,
            Some(b'{') => self.nested(Reader::object)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.take("null") => Kind::Null,
            _ if self.take("true") => Kind::Bool(true),
            _ if self.take("false") => Kind::Bool(false),
            _ => return Err(self.expected("a value")),
        };
        Ok(Json {
            kind,
            place: begin..self.at,
        })
    }

    fn nested(&mut self, read: fn(&mut Reader<'a>) -> Result<Kind, NotJson>) -> Result<Kind, NotJson> {
        if self.depth >= DEEPEST {
            return Err(self.expected("no deeper nesting"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Kind, NotJson> {
        let mut all = Vec::new();
        self.blanks();
        if self.take("]") {
            return Ok(Kind::Array(all));
        }
        loop {
            all.push(self.value()?);
            self.blanks();
            if self.take("]") {
                return Ok(Kind::Array(all));
            }
            if !self.take(",") {
                return Err(self.expected("a comma or ]"));
            }
        }
    }

    fn object(&mut self) -> Result<Kind, NotJson> {
        let mut all = Vec::new();
        self.blanks();
        if self.take("}") {
            return Ok(Kind::Object(all));
        }
        loop {
            self.blanks();
            let begin = self.at;
            let text = self.text()?;
            let place = begin..self.at;
            self.blanks();
            if !self.take(":") {
                return Err(self.expected("a colon"));
            }
            let value = self.value()?;
            all.push((Key { text, place }, value));
            self.blanks();
            if self.take("}") {
                return Ok(Kind::Object(all));
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

    fn number(&mut self) -> Result<Kind, NotJson> {
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
                Ok(Kind::Number(number))
            }
            _ => Err(self.expected("a number")),
        }
    }

    fn expected(&self, what: &'static str) -> NotJson {
        NotJson { what, at: self.at }
    }
}

/// A text that is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotJson {
    /// What was expected: "a comma or ]".
    pub what: &'static str,
    /// Where: a byte offset.
    pub at: usize,
}

impl NotJson {
    /// In words, with line and column in the text that was read.
    pub fn in_words(&self, text: &str) -> String {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("not JSON: {} was expected in line {line}, column {column}", self.what)
    }
}
