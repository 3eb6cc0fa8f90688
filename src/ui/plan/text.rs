//! A plan as text, with escape sequences for colours.

use super::page::{Block, Line, Page};
use crate::ui::paint::{self, ADDED, BOLD, DIM, GONE, MARKED};
use crate::ui::printable;

/// The text; no line is wider than so many columns, if they are given.
pub fn draw(page: &Page, columns: Option<usize>) -> String {
    let mut text: String = page.head.iter().map(|line| prose(line, columns)).collect();
    if !page.drift.is_empty() && page.count.is_some() {
        text.push_str(&prose("\nChanged outside of bake since the last apply:", columns));
    }
    for one in page.drift.iter().chain(&page.images) {
        text.push_str(&block(one, columns));
    }
    if !page.outputs.is_empty() {
        text.push_str("\n  Outputs:\n");
        page.outputs.iter().for_each(|one| text.push_str(&line(one, columns)));
    }
    if let Some(temporary) = &page.temporary {
        text.push_str(&format!("\n{}\n", paint::with(DIM, &format!("  {temporary}"))));
    }
    if let Some(count) = &page.count {
        let line = prose(&format!("Plan: {count}"), columns);
        text.push_str(&format!("\n{}", line.replacen("Plan:", &paint::with(BOLD, "Plan:"), 1)));
    }
    text
}

fn block(block: &Block, columns: Option<usize>) -> String {
    let mut text = String::new();
    if !block.title.is_empty() {
        text.push_str(&titled(&block.title, columns));
        for cause in &block.causes {
            text.push_str(&prose(&format!("  # {cause}"), columns));
        }
    }
    if !block.sign.is_empty() && block.sign != "-" {
        text.push_str(&format!("{} {} {{\n", gutter(block.sign), block.label));
        block.lines.iter().for_each(|one| text.push_str(&line(one, columns)));
        text.push_str("    }\n");
    }
    for gone in &block.gone {
        text.push_str(&titled(&gone.title, columns));
        text.push_str(&format!("{}   {}\n", gutter("-"), gone.what));
    }
    text
}

/// The line above a block.
fn titled(title: &str, columns: Option<usize>) -> String {
    let lines = prose(&format!("  # {title}"), columns);
    let lines = lines.lines().map(|line| format!("{}\n", paint::with(BOLD, line)));
    format!("\n{}", lines.collect::<String>())
}

/// A sign in three columns, right behind it a blank.
fn gutter(sign: &str) -> String {
    format!("{}{}", " ".repeat(3 - sign.len().min(3)), paint::sign(sign))
}

fn line(one: &Line, columns: Option<usize>) -> String {
    let front = one.front();
    let width = printable::width(&front);
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(width).max(20));
    let whole = one.text();
    if printable::width(&whole) <= room {
        let body: String = one
            .parts
            .iter()
            .map(|part| piece(one, &part.text, part.marked))
            .collect();
        return ended(&format!("{}{body}", head(one, &front)));
    }
    let mut text = String::new();
    for (index, part) in printable::folded(&whole, room).into_iter().enumerate() {
        let front = if index == 0 {
            head(one, &front)
        } else {
            " ".repeat(width)
        };
        text.push_str(&ended(&format!("{front}{}", piece(one, &part, false))));
    }
    text
}

/// A line without blanks at its end, with a line end.
fn ended(line: &str) -> String {
    format!("{}\n", line.trim_end())
}

/// The front of a line with its sign in colour.
fn head(line: &Line, front: &str) -> String {
    match (line.sign, line.number) {
        ("", _) => front.to_owned(),
        (sign, Some(_)) => paint::with(tone(sign).unwrap_or_default(), front),
        (sign, None) => front.replacen(sign, &paint::sign(sign), 1),
    }
}

fn piece(line: &Line, text: &str, marked: bool) -> String {
    let style = match (line.number.and(tone(line.sign)), line.dim) {
        (Some(tone), _) if marked => tone | MARKED,
        (Some(tone), _) => tone,
        (None, true) => DIM,
        (None, false) => return text.to_owned(),
    };
    if text.is_empty() {
        String::new()
    } else {
        paint::with(style, text)
    }
}

fn tone(sign: &str) -> Option<anstyle::Style> {
    match sign {
        "+" => Some(ADDED),
        "-" => Some(GONE),
        _ => None,
    }
}

/// A sentence, broken between words where it is wider than the terminal.
fn prose(line: &str, columns: Option<usize>) -> String {
    let room = columns.unwrap_or(usize::MAX);
    let mut text = String::new();
    let mut used = 0;
    for (index, word) in line.split(' ').enumerate() {
        let wide = printable::width(word);
        if index > 0 && used + 1 + wide > room && !text.trim().is_empty() {
            text.push_str("\n    ");
            used = 4;
        } else if index > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += wide;
    }
    text + "\n"
}
