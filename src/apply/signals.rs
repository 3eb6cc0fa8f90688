//! Ctrl-C, SIGTERM and SIGHUP: the first asks everything to stop, the second ends bake at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::event::Events;
use crate::host::{HostError, Result};
use crate::nodes::context::{StopSwitch, StopToken};

/// What has been asked for by signals. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    switch: StopSwitch,
    /// Exit status of the first signal; 0: none yet.
    status: Arc<AtomicU8>,
}

impl Signals {
    /// Watches for signals from now on, for as long as the runtime runs.
    ///
    /// # Errors
    /// When the system gives no handler.
    pub fn watch(events: Events) -> Result<Signals> {
        let signals = Signals::default();
        let listen = |kind| signal(kind).map_err(|error| HostError::of_io("watch for signals", error));
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hang_up = listen(SignalKind::hangup())?;
        let watched = signals.clone();
        tokio::spawn(async move {
            loop {
                let status = next(&mut interrupt, &mut terminate, &mut hang_up).await;
                watched.arrived(status, &events);
            }
        });
        Ok(signals)
    }

    /// What nodes look at.
    pub fn token(&self) -> StopToken {
        self.switch.token()
    }

    /// Asks everything to stop, as a signal with this exit status would.
    pub fn stop(&self, status: u8) {
        let _ = self
            .status
            .compare_exchange(0, status, Ordering::SeqCst, Ordering::SeqCst);
        self.switch.stop();
    }

    /// The exit status that a signal asked for: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    pub fn status(&self) -> Option<u8> {
        Some(self.status.load(Ordering::SeqCst)).filter(|status| *status != 0)
    }

    /// The second one ends bake here and now: helpers die with it, and the journal remembers the rest.
    fn arrived(&self, status: u8, events: &Events) {
        if self.status().is_some() {
            std::process::exit(i32::from(status));
        }
        events.message("stopping: what runs is ended and torn down; once more ends bake at once");
        self.stop(status);
    }
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal, hang_up: &mut Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
        _ = hang_up.recv() => 129,
    }
}
