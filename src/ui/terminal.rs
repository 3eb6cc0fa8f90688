//! Owns standard output and standard error: the only place that prints. Data goes to stdout, everything else to stderr.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};

use super::canvas::Canvas;
use crate::diagnostic::Diagnostics;

/// How often per second live lines are drawn at most.
const REDRAWN: u8 = 20;

/// Whether a stream gets colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Escape sequences pass.
    On,
    /// They are taken out.
    Off,
}

/// What a person wants: the flag and the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `-no-color`, `NO_COLOR`, `TERM=dumb`.
    Never,
    /// `CLICOLOR_FORCE`.
    Always,
    /// On a terminal.
    Auto,
}

impl Wish {
    /// Reads the environment. The flag is stronger than all variables, `NO_COLOR` than `CLICOLOR_FORCE`.
    ///
    /// Sources: no-color.org, bixense.com/clicolors.
    pub fn read(no_color_flag: bool, variable: impl Fn(&str) -> Option<String>) -> Wish {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if no_color_flag || set("NO_COLOR") {
            Wish::Never
        } else if variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") {
            Wish::Always
        } else if variable("CLICOLOR").as_deref() == Some("0") || variable("TERM").as_deref() == Some("dumb") {
            Wish::Never
        } else {
            Wish::Auto
        }
    }

    fn on(self, terminal: bool) -> Colour {
        match self {
            Wish::Always => Colour::On,
            Wish::Auto if terminal => Colour::On,
            _ => Colour::Off,
        }
    }
}

/// Standard output and standard error.
///
/// Writing never fails towards the caller: who reads the output may have gone (`bake plan | head`), and an apply must
/// not stop in its middle for that. The first failure of stdout is kept for the exit code ([`Terminal::failure`]).
#[derive(Debug)]
pub struct Terminal {
    stdout: Colour,
    stderr: Colour,
    interactive: bool,
    /// Lines that are drawn anew on stderr; what is said meanwhile goes above them.
    live: MultiProgress,
    /// What is said while a person has the terminal to themselves.
    held: Mutex<Option<String>>,
    failure: Mutex<Option<io::Error>>,
}

/// The terminal, given to one person: nothing is drawn, and what others say waits until it is dropped.
#[derive(Debug)]
pub struct Lent {
    terminal: Arc<Terminal>,
    /// Whether live lines were shown before.
    live: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let said = self.terminal.held().take();
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            self.terminal.tell(&said);
        }
        if self.live {
            self.terminal.show_live();
        }
    }
}

impl Terminal {
    /// The streams of this process.
    pub fn new(wish: Wish) -> Terminal {
        let interactive = io::stderr().is_terminal();
        Terminal {
            stdout: wish.on(io::stdout().is_terminal()),
            stderr: wish.on(interactive),
            interactive,
            live: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            held: Mutex::new(None),
            failure: Mutex::new(None),
        }
    }

    /// Writes data to stdout as it is (with its line end), with or without the escape sequences in it.
    pub fn data(&self, text: &str) {
        self.live.suspend(|| {
            let mut to = io::stdout().lock();
            let written = write_coloured(&mut to, self.stdout, text).and_then(|()| to.flush());
            if let Err(error) = written {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        });
    }

    /// Writes bytes to stdout.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut to = io::stdout().lock();
        if let Err(error) = to.write_all(bytes).and_then(|()| to.flush()) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }

    /// Writes a line to stderr.
    pub fn say(&self, text: &str) {
        match &mut *self.held() {
            Some(held) => held.extend([text, "\n"]),
            None => self.live.suspend(|| self.tell(&format!("{text}\n"))),
        }
    }

    /// Gives the terminal to one person.
    pub fn lend(self: &Arc<Self>) -> Lent {
        let mut held = self.held();
        let live = !self.live.is_hidden();
        self.hide_live();
        held.get_or_insert_default();
        drop(held);
        Lent {
            terminal: Arc::clone(self),
            live,
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to stderr at once, for whom the terminal is lent to; as it is, with its line end.
    pub fn tell(&self, text: &str) {
        let mut to = io::stderr().lock();
        // There is nowhere left to report that stderr is gone.
        let _ = write_coloured(&mut to, self.stderr, text).and_then(|()| to.flush());
    }

    /// Draws messages on stderr.
    pub fn diagnostics(&self, all: &Diagnostics) {
        if !all.is_empty() {
            self.say(&super::diagnostic::render(all, self.stderr, self.width()));
        }
    }

    /// Asks on stderr and reads a line from stdin; `None` at its end. While live lines are drawn the terminal must have
    /// been [lent](Terminal::lend).
    pub fn ask(&self, question: &str) -> Option<String> {
        self.tell(question);
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim().to_owned())
    }

    /// Asks for something that is not shown while it is typed.
    pub fn ask_secret(&self, question: &str) -> Option<String> {
        crate::host::echo::hidden(|| self.ask(question))
    }

    /// Whether a person can be asked: stdin and stderr are terminals.
    pub fn can_ask(&self) -> bool {
        self.interactive && io::stdin().is_terminal()
    }

    /// Whether stderr is a terminal, where lines can be drawn anew.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Colours of stderr.
    pub fn stderr_colour(&self) -> Colour {
        self.stderr
    }

    /// Columns of the terminal behind stderr, if it is one.
    pub fn width(&self) -> Option<usize> {
        let size = self
            .interactive
            .then(|| terminal_size::terminal_size_of(io::stderr()))??;
        Some(usize::from(size.0.0).max(1))
    }

    /// Columns of the terminal behind stdout, if it is one.
    pub fn data_width(&self) -> Option<usize> {
        let stdout = io::stdout();
        let size = stdout
            .is_terminal()
            .then(|| terminal_size::terminal_size_of(stdout))??;
        Some(usize::from(size.0.0).max(1))
    }

    /// The group of lines that are drawn anew; hidden until [`Terminal::show_live`].
    pub fn live(&self) -> &MultiProgress {
        &self.live
    }

    /// Begins to draw the live lines.
    pub fn show_live(&self) {
        let canvas = Box::new(Canvas::default());
        self.live
            .set_draw_target(ProgressDrawTarget::term_like_with_hz(canvas, REDRAWN));
    }

    /// The same unless the terminal is lent; whether it is done.
    pub fn show_live_unless_lent(&self) -> bool {
        let held = self.held();
        let is_free = held.is_none();
        if is_free {
            self.show_live();
        }
        is_free
    }

    /// Takes the live lines away.
    pub fn hide_live(&self) {
        // A terminal that went away needs no cleaning.
        let _ = self.live.clear();
        self.live.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Why data could not be written, if that is worth an error: a reader that left early is not.
    pub fn failure(&self) -> Option<io::Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

fn write_coloured(to: &mut impl Write, colour: Colour, text: &str) -> io::Result<()> {
    match colour {
        Colour::On => to.write_all(text.as_bytes()),
        Colour::Off => write!(to, "{}", anstream::adapter::strip_str(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(flag: bool, variables: &[(&str, &str)]) -> Wish {
        Wish::read(flag, |name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_flag_is_stronger_than_the_variables() {
        assert_eq!(wish(false, &[]), Wish::Auto);
        assert_eq!(wish(true, &[("CLICOLOR_FORCE", "1")]), Wish::Never);
        assert_eq!(wish(false, &[("CLICOLOR_FORCE", "1")]), Wish::Always);
        assert_eq!(wish(false, &[("CLICOLOR_FORCE", "0")]), Wish::Auto);
        assert_eq!(wish(false, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), Wish::Never);
        assert_eq!(wish(false, &[("NO_COLOR", "")]), Wish::Auto);
        assert_eq!(wish(false, &[("TERM", "dumb")]), Wish::Never);
        assert_eq!(wish(false, &[("CLICOLOR", "0")]), Wish::Never);
    }

    #[test]
    fn escape_sequences_are_taken_out_without_colours() {
        let mut plain = Vec::new();
        write_coloured(&mut plain, Colour::Off, "\u{1b}[32m+\u{1b}[0m image\n").expect("a vector takes all");
        assert_eq!(plain, b"+ image\n");
    }
}
