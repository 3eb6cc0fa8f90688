//! Draws diagnostics: what failed, where with the excerpt, why, and what to do. Only this file knows how carets are drawn.

use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::printable::clean;
use super::terminal::Colour;
use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::source::{Source, Span};

/// Columns where the width of the terminal is not known; excerpts of longer lines are cut on both sides of the mark.
const COLUMNS: usize = 120;

/// All messages, a blank line between them, then how many there are if there are more than one.
pub fn render(all: &Diagnostics, colour: Colour, columns: Option<usize>) -> String {
    let mut parts: Vec<String> = all.iter().map(|one| render_one(one, colour, columns)).collect();
    parts.extend((all.len() > 1).then(|| count(all)));
    parts.join("\n\n")
}

/// One message, without a line end behind it.
pub fn render_one(one: &Diagnostic, colour: Colour, columns: Option<usize>) -> String {
    let summary = clean(&one.summary);
    let title = level(one.severity).primary_title(summary.as_ref());
    let columns = columns.unwrap_or(COLUMNS).max(40);
    let group = add_footer(add_excerpts(Group::with_title(title), &one.labels, columns), one);
    let renderer = match colour {
        Colour::On => Renderer::styled(),
        Colour::Off => Renderer::plain(),
    };
    let drawn = renderer.term_width(columns).render(&[group]);
    without_gaps(&drawn)
}

/// Takes out the empty line of the frame before the first note, and the mark of an excerpt whose place stands above it.
fn without_gaps(drawn: &str) -> String {
    let bare = |line: &str| anstream::adapter::strip_str(line).to_string().trim().to_owned();
    let mut lines = drawn.lines().map(str::trim_end).peekable();
    let mut kept = Vec::new();
    while let Some(line) = lines.next() {
        let mut before_note = || lines.peek().is_some_and(|next| bare(next).starts_with("= "));
        let gap = match bare(line).as_str() {
            "|" => before_note(),
            other => other == ":::",
        };
        kept.extend((!gap).then_some(line));
    }
    kept.join("\n")
}

/// `2 errors`, `1 error, 1 warning`.
pub fn count(all: &Diagnostics) -> String {
    let number = |severity, word: &str| match all.iter().filter(|one| one.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let counts = [number(Severity::Error, "error"), number(Severity::Warning, "warning")];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

/// Labels of one file that follow each other share an excerpt; in another file they get one of their own.
fn add_excerpts<'a>(group: Group<'a>, labels: &[Label], columns: usize) -> Group<'a> {
    let files = labels.chunk_by(|one, next| one.span.path() == next.span.path());
    files.fold(group, |group, labels| {
        let place = &labels[0].span;
        let path = place.path().display().to_string();
        let start = place.start();
        let origin = Origin::path(path.clone()).line(start.line).char_column(start.column);
        let Some(source) = text_of(place) else {
            return group.element(origin);
        };
        let kinds = std::iter::once(AnnotationKind::Primary).chain(std::iter::repeat(AnnotationKind::Context));
        let window = Window::around(labels, source.text(), columns);
        let marks: Vec<_> = labels
            .iter()
            .zip(kinds)
            .map(|(label, kind)| mark(label, &window, kind))
            .collect();
        let snippet = Snippet::source(window.text.to_owned()).line_start(window.line);
        match window.is_cut {
            true => group.element(origin).element(snippet.annotations(marks)),
            false => group.element(snippet.path(path).annotations(marks)),
        }
    })
}

/// The lines of a file from the first mark to the last, and of one long line no more than can be shown: drawing takes as long
/// as the text is that it is drawn from.
struct Window<'a> {
    text: &'a str,
    /// The number of its first line.
    line: usize,
    /// Where it begins in the file, in bytes.
    at: usize,
    /// Whether that is in the middle of a line, so that columns cannot be counted in it.
    is_cut: bool,
}

impl Window<'_> {
    fn around<'a>(labels: &[Label], text: &'a str, columns: usize) -> Window<'a> {
        let starts = labels.iter().map(|label| label.span.start());
        let first = starts.min().map_or(0, |first| first.byte);
        let last = labels.iter().map(|label| label.span.end().byte).max().unwrap_or(0);
        // In a column more than this, no character is seen whose first byte is further away.
        let seen = 4 * columns;
        let (from, to) = (
            text.floor_char_boundary(first.saturating_sub(seen)),
            text.ceil_char_boundary(last + seen),
        );
        let at = text[from..first].rfind('\n').map_or(from, |end| from + end + 1);
        let end = text[last..to].find('\n').map_or(to, |more| last + more + 1);
        Window {
            text: &text[at..end],
            line: labels.iter().map(|label| label.span.start().line).min().unwrap_or(1),
            at,
            is_cut: at > 0 && text.as_bytes()[at - 1] != b'\n',
        }
    }
}

/// A mark under the first line of its span: a block that is underlined whole says no more than its header.
fn mark(label: &Label, within: &Window<'_>, kind: AnnotationKind) -> Annotation<'static> {
    let (start, end) = (label.span.start().byte - within.at, label.span.end().byte - within.at);
    let first_line = within.text[start..end].lines().next().unwrap_or("");
    let said = Some(clean(&label.text).into_owned()).filter(|said| !said.is_empty());
    kind.span(start..start + first_line.trim_end().len()).label(said)
}

/// The text that a span lies in; read again if the span came out of a plan file. `None` if it is gone or has moved on.
pub(super) fn text_of(span: &Span) -> Option<Arc<Source>> {
    let fits = |source: &Arc<Source>| {
        let (start, end) = (span.start(), span.end());
        source.text().get(start.byte..end.byte).is_some() && source.position(start.byte) == start
    };
    let kept = span.source();
    if !kept.text().is_empty() {
        return Some(Arc::clone(kept)).filter(fits);
    }
    read(span.path()).filter(fits)
}

fn read(path: &Path) -> Option<Arc<Source>> {
    std::fs::read_to_string(path).ok().map(|text| Source::new(path, text))
}

fn add_footer<'a>(group: Group<'a>, one: &Diagnostic) -> Group<'a> {
    let about = one.address.as_ref().map(ToString::to_string);
    let about = about.filter(|address| !one.summary.contains(address.as_str()));
    let notes = about.map(|address| format!("in {address}")).into_iter();
    let notes = notes.chain(one.notes.iter().cloned()).map(|text| (Level::NOTE, text));
    let help = one.help.iter().cloned().map(|text| (Level::HELP, text));
    let messages = notes.chain(help);
    group.elements(messages.map(|(level, text)| level.message(clean(&text).into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "image \"web\" {\n  volume \"root\" {\n    size = \"4GiB\"\n  }\n}\n";

    fn span_of(source: &Arc<Source>, text: &str) -> Span {
        let at = source.text().find(text).expect("the text is there");
        Span::new(source, at..at + text.len())
    }

    fn drawn(one: Diagnostic) -> String {
        render_one(&one, Colour::Off, None)
    }

    #[test]
    fn an_excerpt_with_what_to_do() {
        let source = Source::new("web.bake.hcl", TEXT);
        let one = Diagnostic::error("size is smaller than the source's root volume")
            .label(&span_of(&source, "\"4GiB\""), "4 GiB")
            .note("ami-0abc1234 has a root volume of 8 GiB")
            .help("write at least \"8GiB\", or leave size out");
        assert_eq!(
            drawn(one),
            "\
error: size is smaller than the source's root volume
 --> web.bake.hcl:3:12
  |
3 |     size = \"4GiB\"
  |            ^^^^^^ 4 GiB
  = note: ami-0abc1234 has a root volume of 8 GiB
  = help: write at least \"8GiB\", or leave size out"
        );
    }

    #[test]
    fn places_in_two_files() {
        let (web, base) = (Source::new("web.bake.hcl", TEXT), Source::new("base.bake.hcl", TEXT));
        let one = Diagnostic::error("they need each other")
            .label(&span_of(&web, "\"web\""), "image.web needs image.base")
            .label(&span_of(&base, "\"web\""), "image.base needs image.web");
        let drawn = drawn(one);
        assert!(drawn.contains("--> web.bake.hcl:1:7"), "{drawn}");
        assert!(drawn.contains("::: base.bake.hcl:1:7"), "{drawn}");
        assert_eq!(drawn.matches("^^^^^").count(), 2, "{drawn}");
    }

    #[test]
    fn tabs_wide_characters_and_carriage_returns_keep_the_mark_in_place() {
        let source = Source::new("a.bake.hcl", "\tname = \"日本\" # x\r\n\tother = 1\r\n");
        let drawn = drawn(Diagnostic::error("bad").label(&span_of(&source, "# x"), "here"));
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[3], "1 |     name = \"日本\" # x", "{drawn}");
        assert_eq!(lines[4], "  |                   ^^^ here", "{drawn}");
        assert!(!drawn.contains('\r'));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("a = [{}\"here\", {}]\n", "\"x\", ".repeat(200), "\"y\", ".repeat(200));
        let source = Source::new("a.bake.hcl", text);
        let drawn = drawn(Diagnostic::error("bad").at(&span_of(&source, "\"here\"")));
        assert!(
            drawn.starts_with("error: bad\n --> a.bake.hcl:1:1006\n  |\n1 | ..."),
            "{drawn}"
        );
        assert!(drawn.contains("\"here\"") && drawn.contains("^^^^^^"), "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() < 140), "{drawn}");
    }

    #[test]
    fn of_a_block_only_the_header_is_underlined() {
        let source = Source::new("web.bake.hcl", TEXT);
        let drawn = drawn(Diagnostic::error("bad").at(&Span::new(&source, 0..TEXT.len())));
        assert!(drawn.contains("1 | image \"web\" {\n  | ^^^^^^^^^^^^^"), "{drawn}");
        assert!(!drawn.contains("size"), "{drawn}");
    }

    #[test]
    fn a_span_without_its_text_still_says_where() {
        let source = Source::new("/nonexistent/web.bake.hcl", TEXT);
        let written = serde_json::to_string(&span_of(&source, "size")).expect("a span can be written");
        let span: Span = serde_json::from_str(&written).expect("a span can be read");
        let drawn = drawn(Diagnostic::error("bad").label(&span, "x"));
        assert_eq!(drawn, "error: bad\n--> /nonexistent/web.bake.hcl:3:5");
    }

    #[test]
    fn a_span_at_the_end_of_the_file_and_an_empty_file() {
        for text in ["", "a = 1", "a = 1\n"] {
            let source = Source::new("a.bake.hcl", text);
            let drawn = drawn(Diagnostic::error("bad").label(&Span::new(&source, text.len()..text.len()), "end"));
            assert!(
                drawn.starts_with("error: bad\n") && drawn.contains("--> a.bake.hcl:"),
                "{drawn}"
            );
        }
    }

    #[test]
    fn the_last_line_counts() {
        let all: Diagnostics = [
            Diagnostic::error("a"),
            Diagnostic::warning("b"),
            Diagnostic::warning("c"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            render(&all, Colour::Off, None),
            "error: a\n\nwarning: b\n\nwarning: c\n\n1 error, 2 warnings"
        );
    }

    #[test]
    fn escape_sequences_of_others_are_not_passed_on() {
        let one = Diagnostic::error("step \u{1b}[2Jfailed").note("last lines:\n  \u{1b}[31mred");
        assert_eq!(drawn(one), "error: step failed\n = note: last lines:\n           red");
    }
}
