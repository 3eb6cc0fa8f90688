//! Whom a provider may turn to while it works: a person who can be asked for what no file holds, and who hears of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Events;

/// Puts a question, and reads an answer that is not shown while it is typed; none: there is no answer.
type Ask = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A person, if there is one, and where events go. Cheap to clone.
#[derive(Clone)]
pub struct Contact {
    ask: Option<Arc<Ask>>,
    listener: Arc<Mutex<Events>>,
    /// Who is told what is waited for.
    pub events: Events,
}

impl Contact {
    /// Nobody can be asked, and nobody hears anything.
    pub fn nobody() -> Contact {
        Contact::silent(Events::nowhere())
    }

    /// Nobody can be asked.
    pub fn silent(events: Events) -> Contact {
        Contact::new(events, None)
    }

    /// A person at a terminal; `ask` blocks until there is an answer.
    pub fn person(events: Events, ask: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Contact {
        Contact::new(events, Some(Arc::new(ask)))
    }

    fn new(events: Events, ask: Option<Arc<Ask>>) -> Contact {
        let listener = Arc::new(Mutex::new(events));
        let now = Arc::clone(&listener);
        let events = Events::to(move |event| {
            // Not under the lock: who hears of it may take a while.
            let listener = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            listener.send(event);
        });
        Contact { ask, listener, events }
    }

    /// From now on these hear what the old ones would have heard, also from who has this contact already.
    pub fn turn_to(&self, events: &Events) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = events.clone();
    }

    /// Whether somebody can be asked.
    pub fn can_ask(&self) -> bool {
        self.ask.is_some()
    }

    /// Asks; none if there is nobody, or no answer.
    pub async fn ask(&self, question: String) -> Option<String> {
        let ask = Arc::clone(self.ask.as_ref()?);
        tokio::task::spawn_blocking(move || ask(&question)).await.ok().flatten()
    }
}

impl Default for Contact {
    fn default() -> Contact {
        Contact::nobody()
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contact(can_ask: {})", self.can_ask())
    }
}
