//! An apply afterwards: which node ran when, and the chain that its whole time hung on. It is read from the stream of
//! events that `bake apply -json` prints.

mod chart;
mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::printable;
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::event::{After, Event, Half};
use crate::units::Duration;

pub use chart::html;
pub use text::text;

/// An apply, told by its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The run.
    pub run: String,
    /// From its beginning to the last event.
    pub took: Duration,
    /// Each half of a node that began, in the order of beginning.
    pub bars: Vec<Bar>,
    /// Places in `bars`, first to last: each began when the one before it ended. With the gaps between, they are the
    /// time from the first beginning to the last end.
    pub critical: Vec<usize>,
    /// Nodes that were not opened.
    pub skipped: Vec<Address>,
}

/// One half of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Which.
    pub address: Address,
    /// Which half.
    pub half: Half,
    /// What it does.
    pub summary: String,
    /// From the beginning of the run.
    pub began: Duration,
    /// The same; of what never ended, that of the run.
    pub ended: Duration,
    /// What let it begin.
    pub after: Option<After>,
    /// How it ended.
    pub end: End,
}

/// How a bar ends.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It is done; what came of it, if that has a name.
    Done(Option<String>),
    /// It failed, in these words.
    Failed(String),
    /// The stream ends before it does.
    Open,
}

impl Bar {
    /// How long it took.
    pub fn took(&self) -> Duration {
        self.ended.as_std().saturating_sub(self.began.as_std()).into()
    }

    /// Its name, and of an open what it does.
    pub fn title(&self) -> String {
        match self.half {
            Half::Open => format!("{}: {}", self.name(), self.summary),
            Half::Close => self.name(),
        }
    }

    /// `image.web.volume["root"]`, behind `close` if it is that half.
    pub fn name(&self) -> String {
        let close = if self.half == Half::Close { "close " } else { "" };
        printable::honest(&format!("{close}{}", self.address))
    }
}

/// A time as it stands beside a bar: below a second in milliseconds, since many steps are that short.
fn shown(time: Duration) -> String {
    match time.as_std().as_millis() {
        millis @ 0..1000 => format!("{millis}ms"),
        _ => time.to_string(),
    }
}

/// Whether a file is a stream of events, by its first line.
pub fn is_stream(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<Value>(first).is_ok_and(|line| line["type"] == "version" && line["bake"].is_string())
}

/// Reads a stream of events, which comes from the file `name`. Lines of types that are not of nodes are passed over, and so
/// is a last line without its end: bake was cut off in the middle of it.
///
/// # Errors
/// A line that is not of a stream; a stream in which nothing was begun.
pub fn read(bytes: &[u8], name: &str) -> Result<Timeline, Diagnostic> {
    let mut reader = Reader::default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (at, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
        if !line.is_empty() {
            reader.line(line).map_err(|why| {
                Diagnostic::error(format!("line {} of {name} is no event of an apply", at + 1))
                    .note(why)
                    .help("keep the whole stream: bake apply -auto-approve -json > events.jsonl")
            })?;
        }
    }
    reader.finish().ok_or_else(|| {
        Diagnostic::error(format!("in {name} no apply has begun")).help(
            "it has to be the stream of an apply that did something: bake apply -auto-approve -json > events.jsonl",
        )
    })
}

#[derive(Default)]
struct Reader {
    begun: Option<(Timestamp, String)>,
    last: Duration,
    bars: Vec<Bar>,
    /// Bars that have not ended.
    running: BTreeMap<After, usize>,
    skipped: Vec<Address>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let line: Value = serde_json::from_slice(line).map_err(|why| why.to_string())?;
        let kind = line["type"].as_str().ok_or("it has no type")?;
        if kind != "started" && !kind.starts_with("node_") {
            return Ok(());
        }
        let time = line["@timestamp"].as_str().ok_or("it has no @timestamp")?;
        let time: Timestamp = time.parse().map_err(|why: jiff::Error| why.to_string())?;
        let event = serde_json::from_value(line).map_err(|why| why.to_string())?;
        self.event(event, time);
        Ok(())
    }

    fn event(&mut self, event: Event, time: Timestamp) {
        if let Event::Started { run, .. } = event {
            self.begun = Some((time, printable::honest(&run)));
            return;
        }
        let Some((begun, _)) = &self.begun else { return };
        let since = std::time::Duration::try_from(time.duration_since(*begun)).unwrap_or_default();
        // A clock that is put back during an apply must not turn a bar round.
        let now = Duration::from(since.max(self.last.as_std()));
        self.last = now;
        match event {
            Event::NodeStarted {
                address,
                half,
                summary,
                after,
            } => {
                let place = After {
                    address: address.clone(),
                    half,
                };
                self.running.insert(place, self.bars.len());
                self.bars.push(Bar {
                    address,
                    half,
                    summary: printable::honest(&summary),
                    began: now,
                    ended: now,
                    after,
                    end: End::Open,
                });
            }
            Event::NodeDone { address, half, id, .. } => {
                self.end(address, half, now, End::Done(id.map(|id| printable::honest(&id))));
            }
            Event::NodeFailed {
                address,
                half,
                diagnostic,
                ..
            } => {
                self.end(address, half, now, End::Failed(printable::honest(&diagnostic.summary)));
            }
            Event::NodeSkipped { address } => self.skipped.push(address),
            _ => {}
        }
    }

    fn end(&mut self, address: Address, half: Half, now: Duration, end: End) {
        if let Some(at) = self.running.remove(&After { address, half }) {
            self.bars[at].ended = now;
            self.bars[at].end = end;
        }
    }

    fn finish(mut self) -> Option<Timeline> {
        let (_, run) = self.begun?;
        if self.bars.is_empty() {
            return None;
        }
        for at in self.running.into_values() {
            self.bars[at].ended = self.last;
        }
        Some(Timeline {
            run,
            took: self.last,
            critical: critical(&self.bars),
            bars: self.bars,
            skipped: self.skipped,
        })
    }
}

/// From the bar that ended last back along what let each begin.
fn critical(bars: &[Bar]) -> Vec<usize> {
    let places: BTreeMap<After, usize> = bars
        .iter()
        .enumerate()
        .map(|(at, bar)| {
            (
                After {
                    address: bar.address.clone(),
                    half: bar.half,
                },
                at,
            )
        })
        .collect();
    let mut at = (0..bars.len()).max_by_key(|at| (bars[*at].ended.as_std(), *at));
    let mut chain = Vec::new();
    while let Some(place) = at {
        chain.push(place);
        let before = bars[place].after.as_ref().and_then(|after| places.get(after));
        // What let it begin began before it; anything else in the file would lead round in circles.
        at = before.copied().filter(|before| *before < place);
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests;
