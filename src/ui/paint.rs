//! The few colours of plans. They are taken out again where nobody wants them; nothing is said by a colour alone.

use anstyle::{AnsiColor, Effects, Style};

/// What comes.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// What goes.
pub const GONE: Style = AnsiColor::Red.on_default();
/// What changes.
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// What is beside the point.
pub const DIM: Style = Style::new().dimmed();
/// What differs within a line.
pub const MARKED: Effects = Effects::BOLD.insert(Effects::UNDERLINE);
/// What must be seen.
pub const BOLD: Style = Style::new().bold();

/// A text in a style.
pub fn with(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A sign (`+`, `~`, `+/-`) in its colour.
pub fn sign(sign: &str) -> String {
    let style = match sign.trim() {
        "+" => ADDED,
        "-" => GONE,
        "" => return sign.to_owned(),
        _ => CHANGED,
    };
    with(style, sign)
}
