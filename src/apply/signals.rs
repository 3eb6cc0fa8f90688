//! Ctrl-C, SIGTERM and SIGHUP: the first asks everything to stop, the second ends bake at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::event::Events;
use crate::host::{HostError, Result};
use crate::nodes::context::{StopSwitch, StopToken};

const STOPPING: &str = "stopping: what runs is ended and torn down; once more ends bake at once";
const AT_ONCE: &str = "ended at once, without tearing down: bake recover does that, and so does the next bake apply";

/// What has been asked for by signals. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    switch: StopSwitch,
    /// Exit status of the first signal; 0: none yet.
    status: Arc<AtomicU8>,
}

impl Signals {
    /// Watches for signals from now on, on a thread of its own: a second Ctrl-C counts however busy bake is. `last` is
    /// called before bake ends at once.
    ///
    /// # Errors
    /// When the system gives no handler or no thread.
    pub fn watch(events: Events, last: impl Fn() + Send + 'static) -> Result<Signals> {
        let failed = |error| HostError::of_io("watch for signals", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(failed)?;
        let (mut interrupt, mut terminate, mut hang_up) = {
            let _within = runtime.enter();
            let listen = |kind| signal(kind).map_err(failed);
            (
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            )
        };
        let signals = Signals::default();
        let watched = signals.clone();
        let watch = async move {
            loop {
                let status = next(&mut interrupt, &mut terminate, &mut hang_up).await;
                watched.arrived(status, &events, &last);
            }
        };
        let thread = std::thread::Builder::new().name("signals".into());
        thread.spawn(move || runtime.block_on(watch)).map_err(failed)?;
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

    /// The exit status that a signal asked for: 130 after Ctrl-C and SIGHUP, 143 after SIGTERM.
    pub fn status(&self) -> Option<u8> {
        Some(self.status.load(Ordering::SeqCst)).filter(|status| *status != 0)
    }

    /// The second one ends bake here and now: helpers die with it, and the journal remembers the rest.
    fn arrived(&self, (status, hung_up): (u8, bool), events: &Events, last: &impl Fn()) {
        if self.status().is_some() {
            // One that hangs up is told of it twice, by the kernel and by the shell, and has asked for nothing twice.
            if hung_up {
                return;
            }
            events.message(AT_ONCE);
            last();
            std::process::exit(i32::from(status));
        }
        self.stop(status);
        events.message(STOPPING);
    }
}

/// Waits for the first of them, where nothing has to be torn down; answers the exit status that it asks for.
///
/// # Errors
/// When the system gives no handler.
pub async fn first() -> Result<u8> {
    let listen = |kind| signal(kind).map_err(|error| HostError::of_io("watch for signals", error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(next(&mut interrupt, &mut terminate, &mut hang_up).await.0)
}

/// The exit status of the next one, and whether it says that the terminal is gone.
async fn next(interrupt: &mut Signal, terminate: &mut Signal, hang_up: &mut Signal) -> (u8, bool) {
    tokio::select! {
        _ = interrupt.recv() => (130, false),
        _ = hang_up.recv() => (130, true),
        _ = terminate.recv() => (143, false),
    }
}
