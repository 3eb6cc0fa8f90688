//! What happens during an apply, as it happens: lines that are drawn anew on a terminal, plain lines in a pipe, JSON.

mod lines;
mod live;
mod names;

use std::sync::{Arc, Mutex, PoisonError};

use crate::address::ImageAddress;
use crate::event::{Event, Events};

use super::Terminal;
use super::json::Stream;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As fits where stderr goes.
    People,
    /// One JSON object per line on stdout.
    Json,
}

/// Shows events until it is finished.
#[derive(Clone)]
pub struct Progress {
    terminal: Arc<Terminal>,
    show: Arc<Mutex<Show>>,
}

enum Show {
    Live(live::Live),
    Lines(lines::Lines),
    Json(Stream),
}

impl Progress {
    /// Begins to show; `images` are those that something happens to.
    pub fn begin(terminal: &Arc<Terminal>, style: Style, images: &[ImageAddress]) -> Progress {
        let show = match style {
            Style::Json => Show::Json(Stream::begin(terminal)),
            Style::People if terminal.is_interactive() => Show::Live(live::Live::begin(terminal, images)),
            Style::People => Show::Lines(lines::Lines::new(images)),
        };
        Progress {
            terminal: Arc::clone(terminal),
            show: Arc::new(Mutex::new(show)),
        }
    }

    /// Where an apply sends its events.
    pub fn events(&self) -> Events {
        let own = self.clone();
        Events::to(move |event| own.show(&event))
    }

    fn show(&self, event: &Event) {
        // A panic while drawing must not end the teardown that is being drawn.
        let mut show = self.show.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *show {
            Show::Live(live) => live.show(&self.terminal, event),
            Show::Lines(lines) => lines
                .lines(event, &now())
                .iter()
                .for_each(|line| self.terminal.say(line)),
            Show::Json(stream) => stream.event(&self.terminal, event),
        }
    }

    /// Takes the live lines away; what was said stays.
    pub fn finish(&self) {
        let mut show = self.show.lock().unwrap_or_else(PoisonError::into_inner);
        if let Show::Live(live) = &mut *show {
            live.finish(&self.terminal);
        }
    }
}

/// The time of day, as plain lines begin with it.
fn now() -> String {
    jiff::ZonedDateTime::now().strftime("%H:%M:%S").to_string()
}
