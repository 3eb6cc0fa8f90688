//! Progress on a terminal: a line per running node that is drawn anew, under them the last lines that steps wrote.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::time::Duration as Time;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::names;
use crate::address::{Address, ImageAddress};
use crate::event::{Event, Half};
use crate::ui::Terminal;
use crate::ui::printable::{clean, cut, honest, width};
use crate::ui::terminal::Colour;
use crate::units::Duration;

/// Lines of output under the running nodes.
const TAIL: usize = 4;
/// From here on a node that only comes and goes is worth a line that stays.
const SLOW: Time = Time::from_secs(1);
/// Below this many columns the name of the image is left out of a line.
const NARROW: usize = 50;

const OK: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The lines that stand now.
pub struct Live {
    running: BTreeMap<(Address, Half), ProgressBar>,
    waiting: BTreeMap<Address, ProgressBar>,
    rule: ProgressBar,
    tail: Vec<ProgressBar>,
    output: VecDeque<String>,
    /// Columns of the longest image address.
    column: usize,
    several: bool,
    colour: Colour,
}

impl Live {
    /// Begins to draw.
    pub fn begin(terminal: &Terminal, images: &[ImageAddress]) -> Live {
        let line = |_| terminal.live().add(ProgressBar::new(0).with_style(plain()));
        let live = Live {
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            rule: line(0),
            tail: (0..TAIL).map(line).collect(),
            output: VecDeque::new(),
            column: images.iter().map(|image| width(&image.to_string())).max().unwrap_or(0),
            several: images.len() > 1,
            colour: terminal.stderr_colour(),
        };
        terminal.show_live();
        live
    }

    /// Takes an event in.
    pub fn show(&mut self, terminal: &Terminal, event: &Event) {
        match event {
            Event::Started { .. } => {}
            Event::NodeStarted { address, half, .. } => self.start(terminal, address, *half),
            Event::NodeProgress { address, percent } => self.progress(address, *percent),
            Event::Output { address, line } => self.tail(terminal, address, line),
            Event::Waiting { address, reason } => self.wait(terminal, address, reason),
            Event::NodeDone {
                address,
                half,
                elapsed,
                id,
            } => {
                self.end(address, *half);
                if names::is_work(address) || address.node.is_none() || elapsed.as_std() >= SLOW {
                    let id = id.as_deref().unwrap_or("");
                    terminal.say(&self.row(
                        terminal,
                        address,
                        *half,
                        ("ok", OK),
                        &format!("{:<8}{id}", elapsed.to_string()),
                    ));
                }
            }
            Event::NodeFailed {
                address, half, elapsed, ..
            } => {
                self.end(address, *half);
                terminal.say(&self.row(terminal, address, *half, ("failed", FAILED), &elapsed.to_string()));
            }
            Event::NodeSkipped { address } => {
                self.end(address, Half::Open);
                if names::is_work(address) || address.node.is_none() {
                    terminal.say(&self.row(terminal, address, Half::Open, ("skipped", DIM), ""));
                }
            }
            Event::Message { text } => terminal.say(&clean(text)),
        }
    }

    /// Takes all lines away.
    pub fn finish(&mut self, terminal: &Terminal) {
        terminal.hide_live();
    }

    fn start(&mut self, terminal: &Terminal, address: &Address, half: Half) {
        self.waiting.retain(|waiting, bar| {
            let still = waiting.image != address.image;
            (!still).then(|| bar.finish_and_clear());
            still
        });
        let bar = ProgressBar::new(100).with_style(running(is_narrow(terminal)));
        let bar = terminal.live().insert_before(&self.rule, bar);
        bar.set_message(self.name(terminal, address, half));
        bar.enable_steady_tick(Time::from_millis(200));
        self.running.insert((address.clone(), half), bar);
    }

    fn progress(&self, address: &Address, percent: u8) {
        if let Some(bar) = self.running.get(&(address.clone(), Half::Open)) {
            bar.set_position(u64::from(percent));
        }
    }

    fn wait(&mut self, terminal: &Terminal, address: &Address, reason: &str) {
        let text = format!(
            "  {:<1$}  waits for {reason}",
            honest(&address.image.to_string()),
            self.column
        );
        let bar = self.waiting.entry(address.clone()).or_insert_with(|| {
            let bar = ProgressBar::new(0).with_style(plain());
            terminal.live().insert_before(&self.rule, bar)
        });
        bar.set_message(text);
    }

    fn end(&mut self, address: &Address, half: Half) {
        let waiting = self.waiting.remove(address);
        let bars = self.running.remove(&(address.clone(), half)).into_iter().chain(waiting);
        bars.for_each(|bar| bar.finish_and_clear());
    }

    /// Moves the last lines of output up by one.
    fn tail(&mut self, terminal: &Terminal, address: &Address, line: &str) {
        let line = format!(
            "  {} | {}",
            names::prefix(address, self.several),
            clean(line).replace('\t', "    ")
        );
        self.output.push_back(line);
        if self.output.len() > TAIL {
            self.output.pop_front();
        }
        let columns = terminal.width().unwrap_or(80);
        self.rule
            .set_message(format!("  {}", "─".repeat(columns.saturating_sub(4).min(48))));
        for (bar, line) in self.tail.iter().zip(&self.output) {
            bar.set_message(cut(line, columns.saturating_sub(1)).into_owned());
        }
    }

    /// `  image.base   provision.harden`.
    fn name(&self, terminal: &Terminal, address: &Address, half: Half) -> String {
        let node = names::node(address, half);
        match is_narrow(terminal) {
            true => node,
            false => format!("  {:<1$}  {node:<22}", address.image.to_string(), self.column),
        }
    }

    /// A line that stays.
    fn row(&self, terminal: &Terminal, address: &Address, half: Half, how: (&str, Style), rest: &str) -> String {
        let (word, style) = how;
        let style = if self.colour == Colour::On { style } else { Style::new() };
        let name = self.name(terminal, address, half);
        let columns = terminal.width().unwrap_or(80);
        let left = columns.saturating_sub(width(word) + 1);
        let line = format!("{} {style}{word:<7}{style:#} {rest}", cut(&name, left));
        match width(&name) + 9 + width(rest) <= columns {
            true => line.trim_end().to_owned(),
            false => format!("{} {style}{word}{style:#}", cut(&name, left)),
        }
    }
}

fn is_narrow(terminal: &Terminal) -> bool {
    terminal.width().is_some_and(|columns| columns < NARROW)
}

/// A line with only a message.
fn plain() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").expect("the template is well formed")
}

/// A running node: its name, how far it is, how long it has taken, and what may be left.
fn running(narrow: bool) -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg} {so_far}")
        .expect("the template is well formed")
        .with_key("so_far", move |state: &ProgressState, to: &mut dyn Write| {
            // Writing into the line that is being drawn cannot fail.
            let _ = write!(to, "{}", so_far(state.pos(), state.elapsed(), narrow));
        })
}

/// `40%  12s  about 18s left`.
fn so_far(percent: u64, elapsed: Time, narrow: bool) -> String {
    let elapsed_text = Duration::seconds(elapsed.as_secs());
    if percent == 0 || percent >= 100 {
        return elapsed_text.to_string();
    }
    if narrow {
        return format!("{percent}% {elapsed_text}");
    }
    let left = elapsed.as_secs() * (100 - percent) / percent;
    format!("{percent}%  {elapsed_text}  about {} left", Duration::seconds(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        assert_eq!(so_far(40, Time::from_secs(12), false), "40%  12s  about 18s left");
        assert_eq!(so_far(40, Time::from_secs(12), true), "40% 12s");
        assert_eq!(so_far(0, Time::from_secs(75), false), "1m 15s");
        assert_eq!(so_far(100, Time::from_secs(3), false), "3s");
    }
}
