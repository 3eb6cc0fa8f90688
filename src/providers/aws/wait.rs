//! Waiting for what EC2 does: fast looks first, then slower ones, until a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::providers::ProviderError;
use crate::spec::Wait;

/// The first pauses are so short.
const SHORTEST: Duration = Duration::from_millis(200);
/// A pause is so small a part of what has been waited already.
const PART: u32 = 16;

/// Looks until there is an answer.
///
/// # Errors
/// Those of the look; after the deadline that it took too long.
pub async fn until<T, F>(wait: &Wait, what: &str, mut look: impl FnMut() -> F) -> Result<T, ProviderError>
where
    F: Future<Output = Result<Option<T>, ProviderError>>,
{
    let begun = Instant::now();
    loop {
        if let Some(answer) = look().await? {
            return Ok(answer);
        }
        let waited = begun.elapsed();
        if waited >= wait.timeout.as_std() {
            return Err(ProviderError::Failed {
                what: format!("cannot wait any longer for {what}"),
                why: format!("it is not done after {}", wait.timeout),
            });
        }
        tokio::time::sleep(pause(waited, wait)).await;
    }
}

/// The pause after so long a wait.
fn pause(waited: Duration, wait: &Wait) -> Duration {
    (waited / PART).max(SHORTEST).min(wait.interval.as_std())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_short_to_the_interval() {
        let wait = Wait::default();
        assert_eq!(pause(Duration::ZERO, &wait), SHORTEST);
        assert_eq!(pause(Duration::from_secs(16), &wait), Duration::from_secs(1));
        assert_eq!(pause(Duration::from_secs(3000), &wait), wait.interval.as_std());
    }

    #[tokio::test]
    async fn a_deadline_ends_the_wait() {
        let wait = Wait {
            interval: Duration::from_millis(1).into(),
            timeout: Duration::from_millis(20).into(),
        };
        let never = until(&wait, "nothing", || async { Ok(None::<()>) }).await;
        assert!(never.unwrap_err().to_string().contains("it is not done after"));
    }
}
