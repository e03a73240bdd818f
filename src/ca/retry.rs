//! Retries with exponential back-off and full jitter, until the time of the run is over.

use std::time::Duration;

use tokio::time::Instant;

use super::CaError;
use crate::Error;

/// Upper bound of the first pause; it doubles with every failure.
const FIRST: Duration = Duration::from_millis(500);
/// Upper bound of every pause.
const CAP: Duration = Duration::from_secs(10);
/// The time after which a run that waits reports its progress; it doubles with every report.
const FIRST_REPORT: Duration = Duration::from_secs(60);
/// Upper bound of the time between two reports.
const LAST_REPORT: Duration = Duration::from_secs(15 * 60);
/// The number of causes that are reported when they first occur; later ones appear in the reports of the progress only.
const CAUSES: usize = 8;

/// The time that one run may spend on a CA that does not issue (`--wait`): one budget for all certificates of the run.
///
/// It reports quietly: each cause once, and the progress at growing intervals.
#[derive(Debug)]
pub(crate) struct Patience {
    wait: Option<Duration>,
    /// The start of the first attempt.
    begun: Option<Instant>,
    attempts: u32,
    /// The causes that were reported, without what varies in them.
    reported: Vec<String>,
    next_report: Duration,
}

impl Patience {
    /// With `None`, one attempt and no retries; otherwise retries until that time has passed since the first attempt.
    pub(crate) const fn new(wait: Option<Duration>) -> Self {
        Self { wait, begun: None, attempts: 0, reported: Vec::new(), next_report: FIRST_REPORT }
    }

    /// Whether the run retries at all.
    pub(crate) const fn waits(&self) -> bool {
        self.wait.is_some()
    }

    /// Starts the time of the run, if it has not started yet.
    pub(crate) fn start(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    /// Counts an attempt that begins now.
    pub(crate) fn attempt(&mut self) {
        self.start();
        self.attempts = self.attempts.saturating_add(1);
    }

    /// The time that is left; `None` without `--wait` and when the time is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.wait?.checked_sub(self.elapsed()).filter(|left| !left.is_zero())
    }

    fn elapsed(&self) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The pause before the next attempt, or `None` if `error` is permanent or the time is over.
    ///
    /// `failures` counts the failures in a row including this one, and `random` is in 0..1. Full jitter: the pause is
    /// between zero and the bound, so that pods that start together do not retry together. A longer pause that the answer asks for
    /// is kept.
    pub(crate) fn pause(&self, error: &CaError, failures: u32, random: f64) -> Option<Duration> {
        Self::pause_within(self.left()?, error, failures, random)
    }

    /// The pause before the next attempt, when this much time is left.
    pub(super) fn pause_within(left: Duration, error: &CaError, failures: u32, random: f64) -> Option<Duration> {
        if !error.is_retryable() || (error.is_retryable_once_only() && failures > 1) {
            return None;
        }
        let bound = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(CAP);
        let share = if random > 0.0 { random.min(1.0) } else { 0.0 };
        let asked = error.retry_after().unwrap_or_default();
        Some(bound.mul_f64(share).max(asked).min(left))
    }

    /// Reports a failure that is retried: a cause that was not reported yet, or the progress when it is time. `next`
    /// says when the run tries again.
    pub(crate) fn report(&mut self, cause: &str, next: &str) {
        let elapsed = self.elapsed();
        let constant = constant(cause);
        let is_new = self.reported.len() < CAUSES && !self.reported.contains(&constant);
        if elapsed >= self.next_report {
            while self.next_report <= elapsed {
                self.next_report += self.next_report.min(LAST_REPORT);
            }
            tracing::warn!("still waiting after {}; the last error: {cause}; {next}", self.tally());
        } else if is_new {
            tracing::warn!("{cause}; {next}");
        } else {
            tracing::debug!("{cause}; {next}");
        }
        if is_new {
            self.reported.push(constant);
        }
    }

    /// The number of attempts and the time since the first: `7 attempts in 1m 2s`.
    fn tally(&self) -> String {
        let plural = if self.attempts == 1 { "" } else { "s" };
        let elapsed = Duration::from_secs(self.elapsed().as_secs());
        format!("{} attempt{plural} in {}", self.attempts, humantime::format_duration(elapsed))
    }

    /// Adds the number of attempts and the elapsed time to the error that ends a run with retries.
    pub(crate) fn ended(&self, error: Error) -> Error {
        if self.wait.is_none() || self.attempts < 2 {
            return error;
        }
        error.with_detail(&format!("gave up after {}", self.tally()))
    }

    /// Runs `attempt` until it succeeds or [`pause`](Self::pause) returns `None`. `random` returns numbers in 0..1;
    /// `failed` is called with each failure that is retried.
    ///
    /// # Errors
    /// The last error.
    pub(crate) async fn run<T, F>(
        &mut self,
        mut random: impl FnMut() -> f64,
        mut failed: impl FnMut(&CaError),
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, CaError>
    where
        F: Future<Output = Result<T, CaError>>,
    {
        let mut failures = 0;
        loop {
            self.attempt();
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            let Some(pause) = self.pause(&error, failures, random()) else { return Err(error) };
            failed(&error);
            self.report(&error.to_string(), &self.trying_again());
            Self::sleep(pause).await;
        }
    }

    /// Waits.
    pub(crate) async fn sleep(pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    /// The end of a report about a failure that is retried soon.
    pub(crate) fn trying_again(&self) -> String {
        let left = Duration::from_secs(self.left().unwrap_or_default().as_secs());
        format!("trying again for at most {}", humantime::format_duration(left))
    }
}

/// The cause without the words that differ from one answer to the next: request ids, times, ports. The status and the codes of
/// the CA are numbers of at most three digits.
fn constant(cause: &str) -> String {
    let varies = |word: &str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits > 0 && (digits != word.len() || digits > 3)
    };
    cause.split_whitespace().filter(|word| !varies(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_times_and_ports_do_not_make_a_new_cause() {
        let of = |id: &str, time: &str| constant(&format!("ca:7054 answered 502: id {id} at {time}, code (20)"));
        let one = of("4f0e8a2c-7a2b-4c1d", "2026-11-30T02:17:32Z");
        assert_eq!(one, of("[req-99]", "02:17:33.004"));
        assert!(one.contains("502:") && one.contains("(20)"), "{one}");
        assert_ne!(constant("h:1 answered 502"), constant("h:1 answered 503"));
    }

    #[test]
    fn only_the_first_causes_are_reported() {
        let mut patience = Patience::new(Some(Duration::from_secs(60)));
        for word in "abcdefghijklmnopqrstuvwxyz".chars() {
            patience.report(&word.to_string(), "trying again");
        }
        assert_eq!(patience.reported.len(), CAUSES);
    }
}
