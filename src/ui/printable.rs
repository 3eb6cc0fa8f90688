//! Text from elsewhere made fit for a terminal: no escape sequences, no control characters, no more columns than there are.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text without escape sequences and without control characters other than line ends and tabs, so that what a
/// build script prints can neither move the cursor nor change the title of the window.
///
/// Of a line that rewrites itself with carriage returns (a progress bar) only the last state is kept.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let plain = anstream::adapter::strip_str(text).to_string();
    let lines = plain.split('\n').map(|line| {
        let line = line.trim_end_matches('\r');
        let last = line.rsplit('\r').next().unwrap_or(line);
        last.chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect::<String>()
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// One line for a place where anything may be shown: without control characters and line ends, and with the characters
/// that reorder or hide others written out (`<U+202E>`), so that what is read is what is there.
///
/// Source: Unicode Technical Standard 55, "Unicode Source Code Handling".
pub fn honest(text: &str) -> String {
    let clean = clean(text);
    let mut line = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '\n' => line.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                line.push_str(&format!("<U+{:04X}>", u32::from(c)));
            }
            c => line.push(c),
        }
    }
    line
}

/// The line cut to so many columns, with `…` where something is left out. Escape sequences are not expected in it.
pub fn cut(line: &str, columns: usize) -> Cow<'_, str> {
    if width(line) <= columns {
        return Cow::Borrowed(line);
    }
    let (mut kept, mut used) = (String::new(), 1);
    for c in line.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// The line in pieces of at most so many columns, broken behind a blank where there is one in the second half.
pub fn folded(line: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in line.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > columns.max(2) {
            let last = pieces.last_mut().expect("it begins with one piece");
            let at = last
                .rfind(' ')
                .map(|at| at + 1)
                .filter(|at| *at * 2 > last.len() && *at < last.len());
            let rest = at.map_or_else(String::new, |at| last.split_off(at));
            used = width(&rest);
            pieces.push(rest);
        }
        used += wide;
        pieces.last_mut().expect("it begins with one piece").push(c);
    }
    pieces
}

/// How many columns a line takes.
pub fn width(line: &str) -> usize {
    line.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_rewritten_lines_are_taken_out() {
        assert_eq!(clean("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{7}bell"), "red bell");
        assert_eq!(clean("\u{1b}]0;title\u{7}x"), "x");
        assert_eq!(clean(" 10%\r 50%\r100%\r\nnext"), "100%\nnext");
    }

    #[test]
    fn what_hides_or_reorders_is_written_out() {
        assert_eq!(honest("a\u{202e}b\nc\u{7}"), "a<U+202E>b c");
    }

    #[test]
    fn folding_keeps_every_character_within_the_columns() {
        assert_eq!(folded("abc def ghi", 8), ["abc def ", "ghi"]);
        assert_eq!(folded("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(folded("日本語", 4), ["日本", "語"]);
        assert_eq!(folded("", 4), [""]);
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
    }
}
