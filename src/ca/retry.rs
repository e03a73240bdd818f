//! Retries with exponential back-off and full jitter, until a deadline.

use std::time::Duration;

use super::CaError;

/// Whether and for how long to retry a CA that cannot be reached (`--wait`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    wait: Option<Duration>,
}

/// Upper bound of the first pause; it doubles with every failure.
const FIRST: Duration = Duration::from_millis(500);
/// Upper bound of every pause.
const CAP: Duration = Duration::from_secs(10);

impl RetryPolicy {
    /// One attempt, no retries.
    pub(crate) const fn once() -> Self {
        Self { wait: None }
    }

    /// Retries until `wait` has passed since the start of the first attempt.
    pub(crate) const fn until(wait: Duration) -> Self {
        Self { wait: Some(wait) }
    }

    /// The pause before the next attempt, or `None` if `error` is permanent or the time has passed.
    ///
    /// `failures` counts the failed attempts including this one, `elapsed` is the time since the start of the first,
    /// and `random` is in 0..1. Full jitter: the pause is between zero and the bound, so that pods that start together
    /// do not retry together.
    pub(crate) fn pause(&self, error: &CaError, failures: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        let left = self.wait?.checked_sub(elapsed).filter(|d| !d.is_zero())?;
        if !error.is_retryable() || (error.is_retryable_once_only() && failures > 1) {
            return None;
        }
        let bound = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(CAP);
        let share = if random > 0.0 { random.min(1.0) } else { 0.0 };
        Some(bound.mul_f64(share).min(left))
    }

    /// Runs `attempt` until it succeeds or [`pause`](Self::pause) returns `None`. `random` returns numbers in 0..1;
    /// `before_pause` is called with each failure that is retried, and the pause before the retry.
    ///
    /// # Errors
    /// The last error.
    pub(crate) async fn run<T, F>(
        &self,
        mut random: impl FnMut() -> f64,
        mut before_pause: impl FnMut(&CaError, Duration),
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, CaError>
    where
        F: Future<Output = Result<T, CaError>>,
    {
        let begun = tokio::time::Instant::now();
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            let Some(pause) = self.pause(&error, failures, begun.elapsed(), random()) else { return Err(error) };
            before_pause(&error, pause);
            tokio::time::sleep(pause).await;
        }
    }
}
