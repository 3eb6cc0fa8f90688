//! The wish to stop: given once by a signal, seen by every node that is under way.

use tokio::sync::watch;

/// The hand on the switch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StopSwitch(watch::Sender<bool>);

/// What a node asks whether it should go on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StopToken(watch::Receiver<bool>);

impl StopSwitch {
    /// A switch that is not thrown yet.
    pub fn new() -> StopSwitch {
        StopSwitch(watch::Sender::new(false))
    }

    /// Asks everything to stop. Doing it twice changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// What nodes are given.
    pub fn token(&self) -> StopToken {
        StopToken(self.0.subscribe())
    }
}

impl Default for StopSwitch {
    fn default() -> StopSwitch {
        StopSwitch::new()
    }
}

impl StopToken {
    /// Whether a stop was asked for.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when a stop is asked for; never if nobody is left who could ask.
    pub async fn stopped(&self) {
        let mut own = self.0.clone();
        if own.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_seen_before_and_after_it_was_asked_for() {
        let switch = StopSwitch::new();
        let token = switch.token();
        assert!(!token.is_stopped());
        let waiting = tokio::spawn({
            let token = token.clone();
            async move { token.stopped().await }
        });
        switch.stop();
        waiting.await.unwrap();
        assert!(token.is_stopped());
        switch.token().stopped().await;
    }
}
