//! Lines: how far each is indented, and which of its parts stand below those of its neighbours.
//!
//! A line has up to three parts: what leads, the `= value` of an argument, and a comment. Values of neighbouring lines begin
//! in one column, and so do their comments.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::spaces::blank_behind;
use super::tokens::{Kind, Token};

/// Blanks per level.
const INDENT: usize = 2;

/// A line, as ranges of tokens; parts that it lacks are empty.
struct Line {
    lead: Range<usize>,
    value: Range<usize>,
    comment: Range<usize>,
}

/// Decides the blanks before every token.
pub(super) fn arrange(tokens: &mut [Token<'_>]) {
    let lines = lines(tokens);
    indent(tokens, &lines);
    for line in &lines {
        space(tokens, line.lead.clone());
        space(tokens, line.value.clone());
    }
    align(tokens, &lines, |line| &line.value, |line| [line.lead.clone(), 0..0]);
    align(
        tokens,
        &lines,
        |line| &line.comment,
        |line| [line.lead.clone(), line.value.clone()],
    );
}

fn lines(tokens: &[Token<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.ends_line() || at + 1 == tokens.len() {
            lines.push(line(tokens, start..at + 1));
            start = at + 1;
        }
    }
    lines
}

fn line(tokens: &[Token<'_>], whole: Range<usize>) -> Line {
    let end = whole.end;
    let commented = whole.len() > 1 && tokens[end - 1].kind == Kind::Comment;
    let lead = whole.start..end - usize::from(commented);
    let equals = lead.clone().skip(1).find(|at| tokens[*at].is("="));
    // A value that goes on in the next line is no part of its own.
    let whole_value = |at: &usize| net(&tokens[*at..lead.end]) == 0;
    let value = equals.filter(whole_value).unwrap_or(lead.end);
    Line {
        lead: lead.start..value,
        value: value..lead.end,
        comment: lead.end..end,
    }
}

/// Brackets opened and not closed.
fn net(tokens: &[Token<'_>]) -> i32 {
    tokens.iter().map(Token::nesting).sum()
}

/// Indents each line by the brackets that are open: a line that opens several is one level, as long as one of them is.
fn indent(tokens: &mut [Token<'_>], lines: &[Line]) {
    let mut levels: Vec<i32> = Vec::new();
    for line in lines {
        let first = line.lead.start;
        if tokens[first].kind == Kind::NewLine {
            tokens[first].blanks = 0;
            continue;
        }
        let opened = opened(&tokens[line.lead.clone()]) + opened(&tokens[line.value.clone()]);
        if opened > 0 {
            tokens[first].blanks = INDENT * levels.len();
            levels.push(opened);
        } else {
            close(&mut levels, -opened);
            tokens[first].blanks = INDENT * levels.len();
        }
    }
}

/// Brackets that a line opens before a heredoc begins.
fn opened(part: &[Token<'_>]) -> i32 {
    let heredoc = part.iter().position(|token| token.kind == Kind::OpenHeredoc);
    net(&part[..heredoc.unwrap_or(part.len())])
}

fn close(levels: &mut Vec<i32>, mut closed: i32) {
    while let (Some(last), true) = (levels.last_mut(), closed > 0) {
        if closed < *last {
            *last -= closed;
            return;
        }
        closed -= *last;
        levels.pop();
    }
}

fn space(tokens: &mut [Token<'_>], part: Range<usize>) {
    for at in part.clone().skip(1) {
        let before = (at >= part.start + 2).then(|| &tokens[at - 2]);
        let blank = blank_behind(before, &tokens[at - 1], &tokens[at]);
        tokens[at].blanks = usize::from(blank);
    }
}

/// Puts a part of neighbouring lines into one column: one blank behind the longest of what stands before it.
fn align(
    tokens: &mut [Token<'_>],
    lines: &[Line],
    part: impl Fn(&Line) -> &Range<usize>,
    before: impl Fn(&Line) -> [Range<usize>; 2],
) {
    for neighbours in lines.chunk_by(|one, next| part(one).is_empty() == part(next).is_empty()) {
        if part(&neighbours[0]).is_empty() {
            continue;
        }
        let width = |line: &Line| {
            before(line)
                .into_iter()
                .map(|part| columns(&tokens[part]))
                .sum::<usize>()
        };
        let widths: Vec<usize> = neighbours.iter().map(width).collect();
        let widest = widths.iter().max().copied().unwrap_or_default();
        for (line, width) in neighbours.iter().zip(widths) {
            tokens[part(line).start].blanks = widest - width + 1;
        }
    }
}

/// Columns, one for each character that a reader sees.
fn columns(tokens: &[Token<'_>]) -> usize {
    let wide = |token: &Token<'_>| token.blanks + token.text.graphemes(true).count();
    tokens.iter().map(wide).sum()
}
