//! The time that the agent goes by: that of the system, corrected where the system's clock is wrong by much.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::Timestamp;

/// The difference from the CA's clock, in seconds, from which the CA's time is taken.
const TOO_MUCH: i64 = 300;

/// The agent's clock.
pub(crate) struct Clock<'a> {
    system: &'a (dyn Fn() -> Timestamp + Sync),
    /// Seconds that are added to the time of the system.
    offset: AtomicI64,
    /// Whether the system's clock has jumped since a CA was asked for the time.
    is_suspect: AtomicBool,
}

impl<'a> Clock<'a> {
    pub(crate) const fn new(system: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self { system, offset: AtomicI64::new(0), is_suspect: AtomicBool::new(false) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix((self.system)().unix().saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    /// The time of the system's clock at `at`.
    pub(crate) fn on_the_system(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_unix(at.unix().saturating_sub(self.offset.load(Ordering::Relaxed)))
    }

    /// The system's clock was set by `seconds`: time goes on as before until a CA says what is right.
    pub(crate) fn jumped(&self, seconds: i64) {
        if seconds.saturating_abs() < TOO_MUCH {
            return;
        }
        tracing::warn!(
            "the system's clock was set by {seconds} s; the CA is asked for the time before a certificate is judged by it"
        );
        let offset = self.offset.load(Ordering::Relaxed);
        self.offset.store(offset.saturating_sub(seconds), Ordering::Relaxed);
        self.is_suspect.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.is_suspect.load(Ordering::Relaxed)
    }

    /// Sets the time by the `Date` of a CA.
    pub(crate) fn ca_says(&self, date: Timestamp) {
        self.is_suspect.store(false, Ordering::Relaxed);
        let off = date.seconds_since((self.system)());
        let offset = if off.saturating_abs() < TOO_MUCH { 0 } else { off };
        let before = self.offset.swap(offset, Ordering::Relaxed);
        if offset != 0 && offset.saturating_sub(before).saturating_abs() >= TOO_MUCH {
            let (off, way) = if off < 0 { (off.saturating_neg(), "ahead of") } else { (off, "behind") };
            tracing::warn!("the system's clock is {off} s {way} the CA's; certificates are judged by the CA's time");
        }
    }
}

impl std::fmt::Debug for Clock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("offset", &self.offset).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_over_a_jump_until_the_ca_says_what_is_right() {
        const DAY: i64 = 86_400;
        let wall = AtomicI64::new(1_000_000);
        let system = || Timestamp::from_unix(wall.load(Ordering::Relaxed));
        let clock = Clock::new(&system);
        let now = |clock: &Clock<'_>| clock.now().unix();
        for days in [400, -400] {
            wall.fetch_add(days * DAY, Ordering::Relaxed);
            clock.jumped(days * DAY);
            assert!(clock.is_suspect());
            assert_eq!(now(&clock), 1_000_000);
            clock.ca_says(Timestamp::from_unix(1_000_100));
            assert_eq!((now(&clock), clock.is_suspect()), (1_000_100, false), "the clock is wrong");
            assert_eq!(clock.on_the_system(clock.now()), system());
            wall.fetch_sub(days * DAY, Ordering::Relaxed);
            clock.jumped(-days * DAY);
            clock.ca_says(Timestamp::from_unix(1_000_010));
            assert_eq!(now(&clock), 1_000_000, "a small difference is not corrected");
        }
        clock.jumped(200 * DAY);
        wall.fetch_add(200 * DAY, Ordering::Relaxed);
        clock.ca_says(Timestamp::from_unix(1_000_000 + 200 * DAY));
        assert_eq!(now(&clock), 1_000_000 + 200 * DAY, "the clock was corrected");
    }
}
