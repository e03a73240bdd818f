//! How long a run waits before it repeats a request whose answer was not as requested: a restart loop would otherwise
//! use up the identity's enrolments.

use std::time::Duration;

use crate::Timestamp;

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brake {
    /// A request may be sent now.
    Open,
    /// No request before this time.
    Until(Timestamp),
    /// No request without `--force`.
    Closed,
}

impl Brake {
    /// After `count` bad answers, the last at `last`: ten minutes after the first, an hour after the second, closed
    /// after the third.
    pub(crate) fn after(count: u32, last: Timestamp, now: Timestamp) -> Self {
        let pause = match count {
            0 => return Self::Open,
            1 => 600,
            2 => 3600,
            _ => return Self::Closed,
        };
        end_of_pause(last, Duration::from_secs(pause), now).map_or(Self::Open, Self::Until)
    }
}

/// When a pause that began at `last` ends; `None` once it is over. A clock that was set back by more than a minute ends it
/// too: it must not stop requests for years.
pub(super) fn end_of_pause(last: Timestamp, pause: Duration, now: Timestamp) -> Option<Timestamp> {
    let end = last.plus(pause);
    (now < end && now >= last.minus(Duration::from_secs(60))).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_the_third_answer_closes() {
        let last = Timestamp::from_unix(1_000_000);
        let after = |count, seconds: i64| Brake::after(count, last, Timestamp::from_unix(1_000_000 + seconds));
        assert_eq!(after(0, 0), Brake::Open);
        assert_eq!((after(1, 599), after(1, 600)), (Brake::Until(last.plus(Duration::from_secs(600))), Brake::Open));
        assert_eq!((after(2, 3599), after(2, 3600)), (Brake::Until(last.plus(Duration::from_secs(3600))), Brake::Open));
        assert_eq!(after(3, 1_000_000_000), Brake::Closed);
        assert_eq!(after(1, -61), Brake::Open, "the clock was set back");
    }
}
