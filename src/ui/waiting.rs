//! A line for whom there is nothing else to read yet, when something takes longer than an eye notices.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Terminal;

/// How long nothing is shown: what is done by then needs no such line.
const UNNOTICED: Duration = Duration::from_millis(60);

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// The line, until it is dropped; then nothing is left of it.
#[derive(Debug)]
pub struct Waiting {
    over: Option<Sender<()>>,
    line: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Shows this text soon: on a terminal until there is something else, and for others as a line. Who asks something
    /// meanwhile borrows the terminal ([`Terminal::lend`]).
    pub fn show(terminal: &Arc<Terminal>, text: &'static str) -> Waiting {
        let (over, is_over) = channel();
        let terminal = Arc::clone(terminal);
        let line = thread::Builder::new().spawn(move || match terminal.is_interactive() {
            true => draw(&terminal, text, &is_over),
            false => say(&terminal, text, &is_over),
        });
        Waiting {
            over: Some(over),
            // Without a thread there is no line.
            line: line.ok(),
        }
    }
}

fn say(terminal: &Terminal, text: &str, is_over: &Receiver<()>) {
    if is_over.recv_timeout(UNNOTICED) == Err(RecvTimeoutError::Timeout) {
        terminal.say(text);
    }
}

fn draw(terminal: &Terminal, text: &'static str, is_over: &Receiver<()>) {
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is one");
    let bar = ProgressBar::new_spinner().with_style(style).with_message(text);
    let (mut shown, mut next) = (false, UNNOTICED);
    while is_over.recv_timeout(next) == Err(RecvTimeoutError::Timeout) {
        if !shown && terminal.show_live_unless_lent() {
            (shown, next) = (true, TICK);
            terminal.live().add(bar.clone());
        }
        bar.tick();
    }
    if shown {
        bar.finish_and_clear();
        terminal.live().remove(&bar);
        terminal.hide_live();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.over.take());
        // One that panicked has said so.
        let _ = self.line.take().map(JoinHandle::join);
    }
}
