//! Cuts a text into tokens, the way HCL's own scanner does: white space and nothing else lies between them.

use std::borrow::Cow;

/// What a token is. Symbols are told apart by their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word; with dashes.
    Word,
    Number,
    /// Text in quotes or in a heredoc, up to the next `${` or `%{`.
    Literal,
    /// The `"` before a text.
    OpenQuote,
    /// The `"` behind a text.
    CloseQuote,
    /// `<<EOT` with the line end behind it.
    OpenHeredoc,
    /// The line with the marker, without its line end.
    CloseHeredoc,
    /// `( [ {`
    Open,
    /// `) ] }`
    Close,
    /// `${ %{`, with a `~`.
    OpenTemplate,
    /// The `}` of these, with a `~`.
    CloseTemplate,
    /// Up to and with its line end, or `/* */`.
    Comment,
    NewLine,
    /// Operators and all else.
    Symbol,
}

/// One token, and how many blanks stand before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: Cow<'a, str>,
    pub blanks: usize,
}

impl<'a> Token<'a> {
    pub(super) fn new(kind: Kind, text: impl Into<Cow<'a, str>>) -> Token<'a> {
        let text = text.into();
        Token { kind, text, blanks: 0 }
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        self.text == symbol && matches!(self.kind, Kind::Symbol | Kind::Open | Kind::Close)
    }

    /// Whether a line ends with it.
    pub(super) fn ends_line(&self) -> bool {
        self.kind == Kind::NewLine || (self.kind == Kind::Comment && self.text.ends_with('\n'))
    }

    /// 1 for what opens, -1 for what closes.
    pub(super) fn nesting(&self) -> i32 {
        match self.kind {
            Kind::Open | Kind::OpenTemplate => 1,
            Kind::Close | Kind::CloseTemplate => -1,
            _ => 0,
        }
    }
}

/// Symbols of more than one character.
const LONG: &[&str] = &["...", "==", "!=", "<=", ">=", "=>", "&&", "||", "::"];

/// What the scanner stands in.
enum Mode<'a> {
    /// Braces, brackets; the bracket that is open.
    Nested,
    /// `${`: a `}` ends it.
    Template,
    Quoted,
    Heredoc(&'a str),
}

/// The tokens of a text.
pub(super) fn cut(text: &str) -> Vec<Token<'_>> {
    let mut scan = Scan {
        text,
        at: 0,
        modes: Vec::new(),
        tokens: Vec::new(),
    };
    while scan.at < text.len() {
        match scan.modes.last() {
            Some(Mode::Quoted) => scan.quoted(),
            Some(Mode::Heredoc(marker)) => scan.heredoc(marker),
            _ => scan.code(),
        }
    }
    scan.tokens
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    modes: Vec<Mode<'a>>,
    tokens: Vec<Token<'a>>,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length];
        self.at += length;
        if length > 0 {
            self.tokens.push(Token::new(kind, text));
        }
    }

    fn open_template(&mut self) {
        let length = if self.rest()[2..].starts_with('~') { 3 } else { 2 };
        self.take(Kind::OpenTemplate, length);
        self.modes.push(Mode::Template);
    }

    fn quoted(&mut self) {
        let rest = self.rest();
        let length = literal(rest, |rest| rest.starts_with(['"', '\n']), true);
        self.take(Kind::Literal, length);
        match self.rest().as_bytes().first() {
            Some(b'"') => {
                self.take(Kind::CloseQuote, 1);
                self.modes.pop();
            }
            // The parser has refused that; a quote ends with its line.
            Some(b'\n') => drop(self.modes.pop()),
            Some(_) => self.open_template(),
            None => {}
        }
    }

    fn heredoc(&mut self, marker: &str) {
        let start = self.at;
        while self.at < self.text.len() {
            let line = &self.rest()[..line(self.rest())];
            if self.text[..self.at].ends_with('\n') && line.trim() == marker {
                self.push_literal(start);
                self.take(Kind::CloseHeredoc, line.trim_end().len());
                self.modes.pop();
                return;
            }
            let length = literal(line, |_| false, false);
            self.at += length;
            if length < line.len() {
                self.push_literal(start);
                return self.open_template();
            }
        }
        self.push_literal(start);
    }

    fn push_literal(&mut self, start: usize) {
        let end = std::mem::replace(&mut self.at, start);
        self.take(Kind::Literal, end - start);
    }

    fn code(&mut self) {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or_default();
        match first {
            ' ' | '\t' => self.at += 1,
            '\n' => self.take(Kind::NewLine, 1),
            '\r' if rest.starts_with("\r\n") => self.take(Kind::NewLine, 2),
            '#' => self.take(Kind::Comment, line(rest)),
            '/' if rest.starts_with("//") => self.take(Kind::Comment, line(rest)),
            '/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
                self.take(Kind::Comment, end);
            }
            '"' => {
                self.take(Kind::OpenQuote, 1);
                self.modes.push(Mode::Quoted);
            }
            '<' if marker(rest).is_some() => {
                let marker = marker(rest).unwrap_or_default();
                self.take(Kind::OpenHeredoc, line(rest));
                self.modes.push(Mode::Heredoc(marker));
            }
            '(' | '[' | '{' => {
                self.take(Kind::Open, 1);
                self.modes.push(Mode::Nested);
            }
            ')' | ']' | '}' => self.close(1),
            '~' if rest.starts_with("~}") => self.close(2),
            '0'..='9' => self.take(Kind::Number, number(rest)),
            _ if begins_word(first) => self.take(Kind::Word, rest.find(|c| !in_word(c)).unwrap_or(rest.len())),
            _ => {
                let long = LONG.iter().find(|symbol| rest.starts_with(**symbol));
                self.take(Kind::Symbol, long.map_or(first.len_utf8(), |long| long.len()));
            }
        }
    }

    fn close(&mut self, length: usize) {
        let kind = match self.modes.pop() {
            Some(Mode::Template) => Kind::CloseTemplate,
            _ => Kind::Close,
        };
        self.take(kind, length);
    }
}

/// Bytes up to the next `${`, `%{`, or what `ends` says.
fn literal(text: &str, ends: impl Fn(&str) -> bool, escapes: bool) -> usize {
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") || ends(rest) {
            return at;
        } else if escapes && first == '\\' {
            at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        } else {
            at += first.len_utf8();
        }
    }
    at
}

/// Bytes of the first line, with its end.
fn line(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| end + 1)
}

/// The marker of a heredoc that begins here.
fn marker(text: &str) -> Option<&str> {
    let first = text.split_inclusive('\n').next()?.strip_prefix("<<")?;
    let marker = first.strip_prefix('-').unwrap_or(first);
    let marker = marker.strip_suffix('\n')?.trim_end_matches('\r');
    let word = marker.chars().next().is_some_and(begins_word) && marker.chars().all(in_word);
    word.then_some(marker)
}

/// Bytes of a number: `1`, `1.5`, `1e-9`.
fn number(text: &str) -> usize {
    let digits = |from: usize| {
        text[from..]
            .find(|c: char| !c.is_ascii_digit())
            .map_or(text.len(), |n| from + n)
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let behind = digits(end + 1 + sign);
        if behind > end + 1 + sign {
            end = behind;
        }
    }
    end
}

/// Words are Unicode's identifiers (UAX #31), as HCL has them, with a dash.
fn begins_word(c: char) -> bool {
    c == '_' || unicode_ident::is_xid_start(c)
}

fn in_word(c: char) -> bool {
    c == '-' || unicode_ident::is_xid_continue(c)
}
