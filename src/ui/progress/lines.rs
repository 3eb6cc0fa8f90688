//! Progress as plain lines, for a pipe, a file or the log of a CI job.

use super::names;
use crate::address::{Address, ImageAddress};
use crate::event::{Event, Half};
use crate::ui::printable::{clean, honest};

/// Percents between two lines about one node.
const STEP: u8 = 25;

/// Remembers what need not be said twice.
pub struct Lines {
    several: bool,
    /// The node and the quarter that was last spoken of.
    last: Option<(Address, u8)>,
}

impl Lines {
    /// About these images.
    pub fn new(images: &[ImageAddress]) -> Lines {
        Lines {
            several: images.len() > 1,
            last: None,
        }
    }

    /// What is said about an event at this time of day.
    pub fn lines(&mut self, event: &Event, now: &str) -> Vec<String> {
        let about = |address: &Address, half, said: String| {
            let image = honest(&address.image.to_string());
            format!("{now} {image} {}: {said}", names::node(address, half))
        };
        let line = match event {
            Event::Started { .. } => return Vec::new(),
            Event::NodeStarted {
                address, half, summary, ..
            } => {
                let worth = *half == Half::Open && names::is_work(address) && !summary.is_empty();
                worth.then(|| about(address, *half, honest(summary)))
            }
            Event::NodeProgress { address, percent } => {
                let quarter = percent / STEP;
                let said = self
                    .last
                    .as_ref()
                    .is_some_and(|last| *last == (address.clone(), quarter));
                self.last = Some((address.clone(), quarter));
                (!said && quarter > 0).then(|| about(address, Half::Open, format!("{percent}%")))
            }
            Event::Output { address, line } => {
                Some(format!("{} | {}", names::prefix(address, self.several), clean(line)))
            }
            // Before it has begun, an image has no node that waits.
            Event::Waiting { address, reason } if address.node.is_none() => Some(format!(
                "{now} {}: waits for {reason}",
                honest(&address.image.to_string())
            )),
            Event::Waiting { address, reason } => Some(about(address, Half::Open, format!("waits for {reason}"))),
            Event::NodeDone {
                address,
                half,
                elapsed,
                id,
            } => {
                let id = id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
                Some(about(address, *half, format!("done in {elapsed}{id}")))
            }
            Event::NodeFailed {
                address,
                half,
                elapsed,
                diagnostic,
            } => {
                let why = clean(&diagnostic.summary);
                // The line begins with the address already.
                let why = why.strip_prefix(&format!("{address} failed: ")).unwrap_or(&why);
                Some(about(address, *half, format!("failed after {elapsed}: {why}")))
            }
            Event::NodeSkipped { address } => Some(about(address, Half::Open, "skipped".to_owned())),
            Event::Message { text } => Some(clean(text).into_owned()),
        };
        line.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::units::Duration;

    fn said(events: &[Event]) -> Vec<String> {
        let mut lines = Lines::new(&[ImageAddress::new("base", None)]);
        events.iter().flat_map(|event| lines.lines(event, "12:03:11")).collect()
    }

    fn step() -> Address {
        ImageAddress::new("base", None).node("provision", "harden")
    }

    fn started(address: Address, summary: &str) -> Event {
        let summary = summary.to_owned();
        Event::NodeStarted {
            address,
            half: Half::Open,
            summary,
            after: None,
        }
    }

    #[test]
    fn a_step_from_its_start_to_its_end() {
        let events = [
            started(step(), "2 lines"),
            Event::Output {
                address: step(),
                line: "Created \u{1b}[1msymlink\u{1b}[0m".to_owned(),
            },
            Event::NodeDone {
                address: step(),
                half: Half::Open,
                elapsed: Duration::from(std::time::Duration::from_millis(2100)),
                id: None,
            },
        ];
        assert_eq!(
            said(&events),
            [
                "12:03:11 image.base provision.harden: 2 lines",
                "harden | Created symlink",
                "12:03:11 image.base provision.harden: done in 2.1s",
            ]
        );
    }

    #[test]
    fn the_start_of_what_takes_no_time_is_not_told() {
        assert!(said(&[started(ImageAddress::new("base", None).node("mount", "/"), "ext4")]).is_empty());
    }

    #[test]
    fn progress_is_told_by_the_quarter() {
        let events = [3, 26, 40, 51, 99, 100].map(|percent| Event::NodeProgress {
            address: step(),
            percent,
        });
        let told = said(&events);
        let told: Vec<_> = told.iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(told, ["26%", "51%", "99%", "100%"]);
    }

    #[test]
    fn failures_say_why() {
        let event = Event::NodeFailed {
            address: step(),
            half: Half::Close,
            elapsed: Duration::seconds(61),
            diagnostic: Diagnostic::error("device is busy"),
        };
        let line = "12:03:11 image.base close provision.harden: failed after 1m 01s: device is busy";
        assert_eq!(said(&[event]), [line]);
    }
}
