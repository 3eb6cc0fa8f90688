//! What live lines are drawn on: stderr, which may go away in the middle of an apply.
//!
//! indicatif's own target hands on that a terminal is gone, and then panics over it; a teardown must go on.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;

/// stderr, written when a drawing is whole. Control sequences are those of ECMA-48.
#[derive(Debug, Default)]
pub struct Canvas {
    drawing: Mutex<String>,
}

impl Canvas {
    fn add(&self, text: &str) -> io::Result<()> {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        drawing.push_str(text);
        Ok(())
    }

    /// Moves the cursor; a count of 0 would mean 1.
    fn moved(&self, count: usize, letter: char) -> io::Result<()> {
        match count {
            0 => Ok(()),
            count => self.add(&format!("\u{1b}[{count}{letter}")),
        }
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        self.moved(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        self.moved(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        self.moved(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        self.moved(count, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text)?;
        self.add("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut to = io::stderr().lock();
        // There is nobody left to draw for if it fails.
        let _ = to.write_all(drawing.as_bytes()).and_then(|()| to.flush());
        drawing.clear();
        Ok(())
    }
}

/// Columns and rows of the terminal; those of an old one when it is gone.
fn size() -> (u16, u16) {
    let found = terminal_size::terminal_size_of(io::stderr());
    found.map_or((80, 24), |(width, height)| (width.0, height.0))
}
