//! One turn of the agent: a look at everything, the renewals that are to be done now, what runs after them, and the time of the
//! next turn.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::backoff;
use super::clock::Clock;
use super::decision::{Decision, Seen, Tried, decide};
use super::hooks::Said;
use super::status::{Board, Failure, Identity, Lateness};
use crate::{Error, ErrorKind, Timestamp};

/// The time that a renewal may take before the loop counts as hung.
const STEP: Duration = Duration::from_secs(300);

/// The pause after a certificate that is due as soon as it is issued.
const LOOPING: Duration = Duration::from_secs(3600);

/// The identities and their CAs.
pub(crate) trait Site {
    /// Looks at every identity. The other calls name one by its place in the last look.
    fn look(&self, clock: &Clock<'_>) -> Vec<Seen>;

    /// The time by the CA of an identity; `None` if it does not answer.
    async fn date(&self, at: usize) -> Option<Timestamp>;

    /// Enrols or renews an identity, for `reason`; with `force` also if it is not due.
    async fn renew(&self, at: usize, how: (&'static str, bool), clock: &Clock<'_>) -> Result<(), Error>;

    /// Those that are due are renewed now, or nothing is due: what follows the renewals of the others may begin.
    fn begins(&self, _due: &[usize]) {}
}

/// What is known of an identity from one turn to the next.
#[derive(Default)]
struct Known {
    failures: u32,
    tried: Option<Tried>,
    failure: Option<Failure>,
    /// The failures that were logged.
    said: Said,
    is_looping: bool,
    renewals: BTreeMap<(&'static str, String), u64>,
}

/// The agent's loop, without what it waits for.
pub(crate) struct Cycle<'a, S> {
    pub(crate) site: &'a S,
    pub(crate) board: &'a Board,
    pub(crate) clock: &'a Clock<'a>,
    /// How often it looks at the disk, at least.
    pub(crate) look_every: Duration,
    /// The number of renewals at the same time.
    pub(crate) jobs: usize,
    /// Numbers in 0..1.
    pub(crate) random: fn() -> f64,
    known: RefCell<BTreeMap<PathBuf, Known>>,
    /// Turns that are over.
    turns: u64,
}

impl<'a, S: Site> Cycle<'a, S> {
    pub(crate) fn new(
        site: &'a S,
        board: &'a Board,
        clock: &'a Clock<'a>,
        (look_every, jobs): (Duration, usize),
    ) -> Self {
        Self { site, board, clock, look_every, jobs, random: backoff::random, known: RefCell::default(), turns: 0 }
    }

    /// One turn; `force` renews everything now. Returns the time of the next turn.
    ///
    /// # Errors
    /// In the first turn: an error that only another command line corrects.
    pub(crate) async fn turn(&mut self, force: bool) -> Result<Timestamp, Error> {
        let mut tried: BTreeSet<PathBuf> = BTreeSet::new();
        let mut is_clock_checked = false;
        let mut is_renewed = false;
        loop {
            self.step();
            let mut seen = self.site.look(self.clock);
            self.note(&mut seen)?;
            if self.clock.is_suspect() && !is_clock_checked && !seen.is_empty() {
                is_clock_checked = true;
                self.check_clock(0).await;
                continue;
            }
            let now = self.clock.now();
            let is_forced = |seen: &Seen| force && !tried.contains(&seen.key);
            let again = now.plus(if self.clock.is_suspect() { backoff::LAST } else { self.look_every });
            let decisions = {
                let known = self.known.borrow();
                let last = |seen: &Seen| known.get(&seen.key).and_then(|known| known.tried);
                decide(&seen, last, is_forced, (now, again))
            };
            let due = decisions.iter().enumerate().filter(|(_, decision)| **decision == Decision::Now);
            let due: Vec<usize> = due.map(|(at, _)| at).filter(|at| !tried.contains(&seen[*at].key)).collect();
            let by_time = due.iter().copied().find(|at| seen[*at].is_due_by_time());
            if let (Some(at), false) = (by_time, is_clock_checked) {
                is_clock_checked = true;
                self.check_clock(at).await;
                continue;
            }
            self.show(&seen, &decisions, now);
            self.site.begins(&due);
            if due.is_empty() {
                let next = Self::next_turn(&decisions, again, now);
                self.board.publish(|status| status.turn(now, next));
                self.turns += 1;
                if is_renewed {
                    tracing::info!("next look at {next}");
                }
                return Ok(next);
            }
            tried.extend(due.iter().map(|at| seen[*at].key.clone()));
            let renewals = due.iter().map(|at| self.renew(*at, &seen[*at], force));
            for is_new in at_most(self.jobs, renewals).await {
                is_renewed |= is_new?;
            }
        }
    }

    /// The loop turns, and begins a step.
    fn step(&self) {
        let now = self.clock.now();
        self.board.update(|status| status.turn(now, now.plus(STEP)));
    }

    /// Sets the clock by a CA.
    async fn check_clock(&self, at: usize) {
        if let Some(date) = self.site.date(at).await {
            self.clock.ca_says(date);
        }
    }

    /// Takes over what a look found: errors, certificates that are due as soon as they were issued, and those that are not due any
    /// more.
    fn note(&self, seen: &mut [Seen]) -> Result<(), Error> {
        let now = self.clock.now();
        let mut known = self.known.borrow_mut();
        known.retain(|key, _| seen.iter().any(|seen| seen.key == *key));
        for seen in seen {
            let known = known.entry(seen.key.clone()).or_default();
            if let Some(error) = seen.error.take_if(|error| seen.is_of_flags && self.ends_at(error)) {
                return Err(error);
            }
            if let Some(error) = &seen.error {
                known.fail(&seen.id, error, Lateness::InTime, (now, now.plus(self.look_every)));
            } else if seen.word().is_none() {
                (known.failures, known.tried, known.failure, known.is_looping) = (0, None, None, false);
                known.said = Said::default();
            }
        }
        Ok(())
    }

    /// Renews one identity, and notes how that ended; whether its certificates are new.
    async fn renew(&self, at: usize, seen: &Seen, force: bool) -> Result<bool, Error> {
        let word = if force { "requested" } else { seen.word().unwrap_or("requested") };
        let done = self.site.renew(at, (word, force), self.clock).await;
        self.step();
        let now = self.clock.now();
        let mut all = self.known.borrow_mut();
        let known = all.entry(seen.key.clone()).or_default();
        let result = if done.is_ok() { "success" } else { "failure" };
        *known.renewals.entry((result, word.to_owned())).or_default() += 1;
        let Err(error) = done else {
            tracing::info!("{}: new certificates are in place ({word})", seen.id);
            known.failures = 0;
            known.failure = None;
            known.said = Said::default();
            // If it is due at the next look all the same, it is looping; otherwise that look forgets the try.
            known.tried = Some(Tried { at: now, next: now.plus(LOOPING) });
            known.is_looping = true;
            return Ok(true);
        };
        // With valid certificates the node runs, and there is time for another input.
        let is_valid = !seen.folders.is_empty()
            && seen.folders.iter().all(|folder| folder.shown.not_after.is_some_and(|end| end > now));
        if seen.is_of_flags && !is_valid && self.ends_at(&error) {
            return Err(error);
        }
        known.failures = known.failures.saturating_add(1);
        // What was issued is not what failed.
        known.is_looping = false;
        let end = seen.folders.iter().filter_map(|folder| folder.shown.not_after).min();
        let left = end.map(|end| Duration::from_secs(end.seconds_since(now).max(0).unsigned_abs()));
        let next = now.plus(backoff::pause_after(&error, known.failures, (self.random)(), left));
        known.tried = Some(Tried { at: now, next });
        known.fail(&seen.id, &error, lateness(seen, now), (now, next));
        Ok(false)
    }

    /// Whether the agent ends at this error: in its first turn, where only another command line, or another input, corrects it.
    fn ends_at(&self, error: &Error) -> bool {
        self.turns == 0 && matches!(error.kind(), ErrorKind::Usage | ErrorKind::Input | ErrorKind::NoInput)
    }

    fn next_turn(decisions: &[Decision], again: Timestamp, now: Timestamp) -> Timestamp {
        let times = decisions.iter().filter_map(|decision| match decision {
            Decision::At(at) | Decision::Guarded(at) => Some(*at),
            Decision::Now => None,
        });
        times.min().unwrap_or(again).min(again).max(now.plus(Duration::from_secs(1)))
    }

    /// Writes everything on the board.
    fn show(&self, seen: &[Seen], decisions: &[Decision], now: Timestamp) {
        let mut all = self.known.borrow_mut();
        let identity = |(seen, decision): (&Seen, &Decision)| {
            let known = all.entry(seen.key.clone()).or_default();
            let after = known.tried.filter(|_| known.is_looping).map(|tried| tried.next);
            let held_until = match decision {
                Decision::Guarded(at) => Some(*at),
                Decision::Now | Decision::At(_) => after.filter(|_| seen.word().is_some()),
            };
            if let (Some(until), None) = (held_until, &known.failure) {
                known.hold(seen, (now, until));
            }
            Identity {
                id: seen.id.clone(),
                folders: seen.folders.iter().map(|folder| folder.shown.clone()).collect(),
                failure: known.failure.clone(),
                hook: seen.hook.clone(),
                served: seen.served,
                refusals_left: seen.refusals_left,
                renewals: known.renewals.clone(),
                is_looping: held_until.is_some() && seen.word().is_some(),
            }
        };
        let identities = seen.iter().zip(decisions).map(identity).collect();
        self.board.publish(|status| status.identities = identities);
    }
}

impl Known {
    /// Notes that new certificates are due as soon as they are issued, or that a forced renewal is held back.
    fn hold(&mut self, seen: &Seen, (now, until): (Timestamp, Timestamp)) {
        let reasons = seen.folders.iter().filter_map(|folder| Some(folder.reason.as_ref()?.1.as_str()));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        if reasons.is_empty() {
            tracing::warn!("{}: not renewed before {until}: it was renewed 3 times within an hour", seen.id);
            return;
        }
        let message = format!("new certificates are due as soon as they are issued: {reasons}");
        let help = "compare what the CA issues with what is requested: lifetime, names, chain";
        let error = Error::new(ErrorKind::NotAsAsked, message).with_help(help);
        self.fail(&seen.id, &error, Lateness::InTime, (now, until));
    }

    /// Notes a failure, and logs it: each cause at each level once an hour.
    fn fail(&mut self, id: &str, error: &Error, lateness: Lateness, (now, next): (Timestamp, Timestamp)) {
        let kind = error.kind().as_str();
        let message = error.to_string();
        let help = error.help().and_then(advice).map(|help| format!("; {help}")).unwrap_or_default();
        let cause = error.cause().unwrap_or_default();
        let is_late = lateness == Lateness::Last;
        let why = if cause.is_empty() { String::new() } else { format!(": {cause}") };
        let text = format!("{id}: {message}{why}; next try at {next}{help}");
        if !self.said.is_new(&format!("{is_late} {kind} {message} {cause}"), now) {
            tracing::debug!("{text}");
        } else if is_late {
            tracing::error!("{text}");
        } else {
            tracing::warn!("{text}");
        }
        self.failure = Some(Failure { kind, message, at: now, next_try: Some(next) });
    }
}

/// The part of a help text that does not name flags that only commands have that end.
fn advice(help: &str) -> Option<String> {
    let help = help.replace(" (--wait retries)", "");
    let clauses = help.split("; ").filter(|clause| !clause.contains("--wait") && !clause.contains("--force"));
    Some(clauses.collect::<Vec<_>>().join("; ")).filter(|help| !help.is_empty())
}

fn lateness(seen: &Seen, now: Timestamp) -> Lateness {
    seen.folders.iter().map(|folder| folder.shown.lateness(now)).max().unwrap_or(Lateness::InTime)
}

/// Runs `all`, at most `jobs` at the same time, and returns their results in no order.
async fn at_most<F: Future>(jobs: usize, all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting = all;
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    let mut done = Vec::new();
    std::future::poll_fn(move |context| {
        loop {
            while running.len() < jobs.max(1)
                && let Some(next) = waiting.next()
            {
                running.push(Box::pin(next));
            }
            let before = done.len();
            running.retain_mut(|future| match future.as_mut().poll(context) {
                Poll::Ready(result) => {
                    done.push(result);
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && before == done.len() {
                return Poll::Ready(std::mem::take(&mut done));
            }
            if before == done.len() {
                return Poll::Pending;
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn advice_names_no_flag_that_the_agent_lacks() {
        for (help, expected) in [
            ("check the host; --wait keeps trying", Some("check the host")),
            ("try again later (--wait retries), or check its log", Some("try again later, or check its log")),
            ("--wait keeps trying", None),
            ("use chmod 600", Some("use chmod 600")),
        ] {
            assert_eq!(advice(help).as_deref(), expected);
        }
    }

    /// A second cause is not silent because the first one was of its kind, nor an error because a warning had its words.
    #[test]
    fn each_cause_is_logged_once_an_hour_at_each_level() {
        let said = Written::default();
        let writer = said.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut known = Known::default();
            let mut fail = |seconds: i64, text: &str, lateness| {
                let now = Timestamp::from_unix(1_800_000_000 + seconds);
                let error = Error::new(ErrorKind::Unreachable, text);
                known.fail("peer1", &error, lateness, (now, now.plus(Duration::from_secs(60))));
            };
            for second in 0..3 {
                fail(second, "connection refused", Lateness::Overdue);
                fail(second, "certificate unknown", Lateness::Overdue);
                fail(second, "connection refused", Lateness::Last);
            }
            fail(3600, "connection refused", Lateness::Overdue);
        });
        let text = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        let of = |level: &str, words: &str| text.lines().filter(|l| l.contains(level) && l.contains(words)).count();
        assert_eq!((of("WARN", "refused"), of("WARN", "unknown"), of("ERROR", "refused")), (2, 1, 1), "{text}");
    }

    #[derive(Clone, Default)]
    struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_more_than_the_jobs_run_at_the_same_time() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let one = |n: usize| {
            let (running, most) = (&running, &most);
            let mut polls = 0;
            std::future::poll_fn(move |_| {
                polls += 1;
                if polls == 1 {
                    running.set(running.get() + 1);
                    most.set(most.get().max(running.get()));
                }
                // Each takes another time.
                if polls <= n + 1 {
                    return Poll::Pending;
                }
                running.set(running.get() - 1);
                Poll::Ready(n)
            })
        };
        for jobs in [0, 1, 3, 20] {
            most.set(0);
            let mut all = std::pin::pin!(at_most(jobs, (0..10).map(one)));
            let mut polls = 0;
            let mut done = loop {
                polls += 1;
                if let Poll::Ready(done) = all.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    break done;
                }
                assert!(polls < 100);
            };
            done.sort_unstable();
            assert_eq!(done, (0..10).collect::<Vec<_>>());
            assert_eq!(most.get(), jobs.clamp(1, 10), "{jobs} jobs");
        }
        let mut none = std::pin::pin!(at_most(3, std::iter::empty::<std::future::Ready<()>>()));
        assert!(none.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
