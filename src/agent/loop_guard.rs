//! Holds back an identity whose new certificates are due again and again. It counts the installs that the state folder remembers,
//! so that a restart does not forget them.

use std::time::Duration;

use crate::Timestamp;
use crate::renew::schedule::FLOOR;

/// The largest number of renewals of one certificate within [`WITHIN`].
const MOST: usize = 3;

const WITHIN: Duration = Duration::from_secs(3600);

/// When the next renewal may be, after installs at these times; `None` if it may be now. `by_time`: the certificate is due by time
/// alone, for which a fresh one is left alone for some minutes. Times in the future are from before the clock was set back, and
/// do not count.
pub(crate) fn free_at(installs: &[Timestamp], by_time: bool, now: Timestamp) -> Option<Timestamp> {
    let mut past: Vec<Timestamp> = installs.iter().copied().filter(|at| *at <= now.plus(FLOOR)).collect();
    past.sort_unstable();
    let counted = past.len().checked_sub(MOST).and_then(|first| past.get(first)).map(|at| at.plus(WITHIN));
    let fresh = past.last().filter(|_| by_time).map(|at| at.plus(FLOOR));
    counted.into_iter().chain(fresh).filter(|free| *free > now).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    #[test]
    fn three_installs_an_hour_are_the_most() {
        let installs = [at(0), at(600), at(1200)];
        assert_eq!(free_at(&installs, false, at(1300)), Some(at(3600)));
        assert_eq!(free_at(&installs, false, at(3600)), None);
        assert_eq!(free_at(&installs[1..], false, at(1300)), None);
        let more = [at(-5000), at(0), at(600), at(1200)];
        assert_eq!(free_at(&more, false, at(1300)), Some(at(3600)));
    }

    #[test]
    fn a_fresh_certificate_is_left_alone_for_five_minutes() {
        assert_eq!(free_at(&[at(0)], true, at(10)), Some(at(300)));
        assert_eq!(free_at(&[at(0)], true, at(300)), None);
        assert_eq!(free_at(&[at(0)], false, at(10)), None);
        assert_eq!(free_at(&[], true, at(0)), None);
    }

    #[test]
    fn installs_in_the_future_do_not_count() {
        let installs = [at(9000), at(9600), at(9700)];
        assert_eq!(free_at(&installs, true, at(0)), None);
    }

    /// A CA that issues certificates for four minutes, for a week.
    #[test]
    fn a_certificate_that_is_always_due_is_renewed_three_times_an_hour() {
        let mut installs: Vec<Timestamp> = Vec::new();
        for second in 0..7 * 86_400 {
            if free_at(&installs, true, at(second)).is_none() {
                installs.push(at(second));
            }
        }
        for (first, fourth) in installs.iter().zip(&installs[3..]) {
            assert!(fourth.seconds_since(*first) >= 3600);
        }
        assert!(installs.len() > 7 * 24 * 2);
    }
}
