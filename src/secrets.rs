//! Masks: what must not be seen of sensitive values in the output of steps, in logs and in messages.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::diagnostic::Diagnostics;

/// What stands where a secret stood.
const MASK: &str = "(sensitive)";

/// A shorter text is not masked: it would make output unreadable and hide nothing.
const SHORTEST: usize = 3;

/// So many characters of a base64 text in a row are masked wherever they stand: a tool may cut it into lines of any
/// length, and there may be other text before it in what was encoded.
const WINDOW: usize = 16;

/// Of a longer value pieces are not looked for: it is data, and the windows over it would fill the memory.
const LONGEST_IN_PIECES: usize = 64 * 1024;

/// Columns at which base64(1) and PEM cut: what is left for the last line may be shorter than a window.
const COLUMNS: [usize; 2] = [76, 64];

/// Every form in which the secrets of a run may turn up. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Forms>);

#[derive(Default)]
struct Forms {
    whole: Vec<String>,
    /// Every [`WINDOW`] of their base64 texts.
    windows: HashSet<[u8; WINDOW]>,
}

impl Secrets {
    /// Masks these values, and their base64, URL and shell-quoted forms; of a value with several lines also each line.
    /// Base64 is masked in pieces too.
    pub fn new(values: impl IntoIterator<Item = String>) -> Secrets {
        let values: Vec<String> = values.into_iter().collect();
        let mut whole: Vec<String> = values.iter().flat_map(|value| forms(value)).collect();
        whole.retain(|form| form.len() >= SHORTEST);
        whole.sort();
        whole.dedup();
        let windows = values.iter().flat_map(|value| windows(value)).collect();
        Secrets(Arc::new(Forms { whole, windows }))
    }

    /// The same of messages: what a program or a server said may repeat what it was given.
    pub fn mask_all(&self, messages: Diagnostics) -> Diagnostics {
        if self.0.whole.is_empty() {
            return messages;
        }
        let masked = messages.into_iter().map(|mut one| {
            let texts = one.notes.iter_mut().chain(&mut one.help);
            let texts = texts.chain(one.labels.iter_mut().map(|label| &mut label.text));
            for text in texts.chain([&mut one.summary]) {
                *text = self.mask(text);
            }
            one
        });
        masked.collect()
    }

    /// Whether a text holds one of them.
    pub fn are_in(&self, text: &str) -> bool {
        self.mask(text) != text
    }

    /// The length of the longest of them, in bytes; 0 if there are none.
    pub fn longest(&self) -> usize {
        let windows = if self.0.windows.is_empty() { 0 } else { WINDOW };
        self.0.whole.iter().map(String::len).fold(windows, usize::max)
    }

    /// Where bytes may be cut without cutting a secret that begins before `at`: there, or where that secret begins, or
    /// behind it if the bytes begin with it.
    pub fn cut(&self, bytes: &[u8], at: usize) -> usize {
        let windows = self.windows_in(bytes);
        let (mut before, mut behind) = (at, at);
        while let Some((start, _)) = self.around(bytes, &windows, before) {
            before = start;
        }
        if before > 0 {
            return before;
        }
        while let Some((_, end)) = self.around(bytes, &windows, behind) {
            behind = end;
        }
        behind
    }

    /// From where to where secrets go that would be cut at this place.
    fn around(&self, bytes: &[u8], windows: &[(usize, usize)], at: usize) -> Option<(usize, usize)> {
        let whole = self.0.whole.iter().flat_map(|form| {
            let from = (at + 1).saturating_sub(form.len());
            let near = &bytes[from..bytes.len().min(at + form.len() - 1).max(from)];
            let places = near.windows(form.len()).enumerate();
            let found = places.filter(|(_, piece)| *piece == form.as_bytes());
            found.map(move |(start, piece)| (from + start, from + start + piece.len()))
        });
        let all = whole.chain(windows.iter().copied());
        let cut = all.filter(|(start, end)| *start < at && at < *end);
        cut.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    /// What is masked in pieces, from where to where.
    fn windows_in(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let windows = bytes.windows(WINDOW).enumerate();
        for (start, _) in windows.filter(|(_, window)| self.0.windows.contains(*window)) {
            match ranges.last_mut().filter(|last| start < last.1) {
                Some(last) => last.1 = start + WINDOW,
                None => ranges.push((start, start + WINDOW)),
            }
        }
        ranges
    }

    /// The text with every secret replaced; of two that touch each other, or overlap, one mask is seen.
    pub fn mask(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for form in &self.0.whole {
            for (at, found) in text.match_indices(form.as_str()) {
                hidden[at..at + found.len()].fill(true);
            }
        }
        for (at, window) in text.as_bytes().windows(WINDOW).enumerate() {
            if self.0.windows.contains(window) {
                hidden[at..at + WINDOW].fill(true);
            }
        }
        masked(text, &hidden)
    }
}

fn masked(text: &str, hidden: &[bool]) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match (hidden[at], at > 0 && hidden[at - 1]) {
            (false, _) => shown.push(c),
            (true, false) => shown.push_str(MASK),
            (true, true) => {}
        }
    }
    shown
}

/// Never shows what it hides.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.whole.len())
    }
}

fn forms(value: &str) -> Vec<String> {
    let lines = value.lines().filter(|line| *line != value).map(str::trim);
    let texts: Vec<&str> = std::iter::once(value).chain(lines).collect();
    texts.iter().flat_map(|text| forms_of_one(text)).collect()
}

fn forms_of_one(text: &str) -> Vec<String> {
    let mut forms = plain_forms(text).to_vec();
    forms.extend(COLUMNS.iter().filter_map(|columns| last_line(text, *columns)));
    forms
}

/// What is on the last line when base64 text is cut into lines.
fn last_line(text: &str, columns: usize) -> Option<String> {
    let encoded = STANDARD_NO_PAD.encode(text);
    let last = encoded.len().checked_sub(1)? / columns * columns;
    (last > 0).then(|| encoded[last..].to_owned())
}

/// Every window over the base64 texts of a value, whichever of the three places in a group of bytes it begins at.
fn windows(value: &str) -> Vec<[u8; WINDOW]> {
    let mut all = Vec::new();
    if value.len() > LONGEST_IN_PIECES {
        return all;
    }
    for before in 0..3 {
        let bytes = [&[0; 3][..before], value.as_bytes()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            // The first and the last characters also hold bits of what stands beside the value.
            let own = encoded.as_bytes().get((before * 8).div_ceil(6)..value_end(&bytes));
            all.extend(
                own.into_iter()
                    .flat_map(|own| own.windows(WINDOW))
                    .filter_map(as_window),
            );
        }
    }
    all
}

/// How many characters hold bits of these bytes alone.
fn value_end(bytes: &[u8]) -> usize {
    bytes.len() * 8 / 6
}

fn as_window(bytes: &[u8]) -> Option<[u8; WINDOW]> {
    bytes.try_into().ok()
}

fn plain_forms(text: &str) -> [String; 7] {
    [
        text.to_owned(),
        STANDARD.encode(text),
        STANDARD.encode(text).trim_end_matches('=').to_owned(),
        URL_SAFE.encode(text),
        percent_encoded(text),
        text.replace('\'', "'\\''"),
        in_json(text),
    ]
}

/// As within a JSON text: what a program is asked comes back so in its complaints.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As in a URL (RFC 3986: everything but unreserved characters).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_masked() {
        let quotes = Secrets::new(["a\"b\\c".to_owned()]);
        assert_eq!(quotes.mask(r#"{"q":"a\"b\\c"}"#), r#"{"q":"(sensitive)"}"#);
        let secrets = Secrets::new(["it's a/secret?".to_owned()]);
        for shown in [
            "it's a/secret?",
            "aXQncyBhL3NlY3JldD8=",
            "aXQncyBhL3NlY3JldD8",
            "it%27s%20a%2Fsecret%3F",
            r"it'\''s a/secret?",
        ] {
            assert_eq!(secrets.mask(&format!("<{shown}>")), "<(sensitive)>", "{shown}");
        }
        assert!(!format!("{secrets:?}").contains("secret?"));
    }

    #[test]
    fn base64_is_masked_however_it_is_cut_and_whatever_stands_before_it() {
        let secret: String = (0..150u32).filter_map(|n| char::from_u32(33 + n * 7 % 90)).collect();
        let secrets = Secrets::new([secret.clone()]);
        for before in ["", "x", "ab", "user:"] {
            for columns in [76, 64, 30, 1000] {
                let encoded = STANDARD.encode(format!("{before}{secret}\n"));
                let lines: Vec<&str> = encoded
                    .as_bytes()
                    .chunks(columns)
                    .map(|line| std::str::from_utf8(line).unwrap())
                    .collect();
                let shown: String = lines.iter().map(|line| secrets.mask(line).replace(MASK, "")).collect();
                let most = if before.is_empty() && COLUMNS.contains(&columns) {
                    4
                } else {
                    WINDOW + 8
                };
                assert!(shown.len() <= most, "{before:?} {columns}: {shown}");
            }
        }
        assert_eq!(secrets.mask("nothing in it but words"), "nothing in it but words");
        assert_eq!(
            Secrets::new(["short".to_owned()]).mask("gr\u{fc}n \u{2603}"),
            "gr\u{fc}n \u{2603}"
        );
    }

    #[test]
    fn lines_of_a_key_are_masked_and_single_letters_are_not() {
        let secrets = Secrets::new(["BEGIN\nabcdef\n".to_owned(), "x".to_owned(), String::new()]);
        assert_eq!(secrets.mask("x abcdef y"), "x (sensitive) y");
    }
}
