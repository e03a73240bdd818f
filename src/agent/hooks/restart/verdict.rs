//! Whether a node may be restarted for other certificates: a pure function of its earlier restarts.

use std::time::Duration;

use crate::Timestamp;
use crate::agent::hooks::Fingerprints;
use crate::agent::hooks::restarted::Restarted;

/// The most restarts of a node within a day.
const MOST: usize = 3;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// Whether a node may be restarted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// It was restarted as often as it may be within a day.
    Often {
        /// When it may be restarted again.
        until: Timestamp,
    },
    /// A certificate that it had before is back: two writers replace each other's.
    Alternates,
}

/// Whether a node that was restarted for these may be restarted for `certificates`, for which it was not.
pub(super) fn judge(restarts: &[Restarted], certificates: &Fingerprints, now: Timestamp) -> Verdict {
    let asked = || restarts.iter().filter(|one| one.is_asked);
    let is_back = |(role, fingerprint): (&String, &String)| {
        let is_current = asked().next_back().is_some_and(|last| last.certificates.get(role) == Some(fingerprint));
        let had =
            |one: &Restarted| [&one.certificates, &one.replaced].map(|of| of.get(role)).contains(&Some(fingerprint));
        !is_current && asked().any(had)
    };
    if certificates.iter().any(is_back) {
        return Verdict::Alternates;
    }
    // The clock may have been set back.
    let day = i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX);
    let mut recent: Vec<Timestamp> =
        asked().map(|one| one.at).filter(|at| now.seconds_since(*at).abs() < day).collect();
    recent.sort();
    match recent.len().checked_sub(MOST).and_then(|at| recent.get(at)) {
        Some(oldest) => Verdict::Often { until: oldest.plus(DAY) },
        None => Verdict::Go,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    fn of(sign: &str, tls: &str) -> Fingerprints {
        [("sign", sign), ("tls", tls)].map(|(role, of)| (role.to_owned(), of.to_owned())).into()
    }

    fn restarted(replaced: Fingerprints, certificates: Fingerprints, seconds: i64) -> Restarted {
        Restarted { certificates, replaced, at: at(seconds), mark: String::new(), is_asked: true }
    }

    #[test]
    fn a_node_is_restarted_three_times_a_day_at_most() {
        let mut restarts = Vec::new();
        for n in 0..3 {
            assert_eq!(judge(&restarts, &of("s", &format!("t{}", n + 1)), at(n * HOUR)), Verdict::Go, "{n}");
            restarts.push(restarted(of("s", &format!("t{n}")), of("s", &format!("t{}", n + 1)), n * HOUR));
        }
        let next = |now| judge(&restarts, &of("s", "t4"), at(now));
        assert_eq!(next(3 * HOUR), Verdict::Often { until: at(24 * HOUR) });
        assert_eq!(next(24 * HOUR), Verdict::Go);
        assert_eq!(next(-HOUR), Verdict::Often { until: at(24 * HOUR) }, "the clock was set back");
    }

    #[test]
    fn a_certificate_that_comes_back_stops_the_restarts() {
        let restarts = [restarted(of("s", "a"), of("s", "b"), 0)];
        assert_eq!(judge(&restarts, &of("s", "a"), at(HOUR)), Verdict::Alternates);
        assert_eq!(judge(&restarts, &of("s", "c"), at(HOUR)), Verdict::Go);
        assert_eq!(judge(&restarts, &of("s2", "b"), at(HOUR)), Verdict::Go, "the other certificate is new");
    }

    #[test]
    fn a_restart_that_was_not_asked_for_does_not_count() {
        let one = Restarted { is_asked: false, ..restarted(of("s", "a"), of("s", "b"), 0) };
        assert_eq!(judge(&[one.clone(), one.clone(), one], &of("s", "a"), at(1)), Verdict::Go);
    }

    proptest! {
        /// Two writers on one identity for an hour: whatever they write, and when.
        #[test]
        fn writers_cause_three_restarts_at_most(writes in proptest::collection::vec((0u8..6, 1i64..300), 1..60)) {
            let (mut restarts, mut current, mut now) = (Vec::<Restarted>::new(), of("s", "first"), 0);
            for (what, pause) in writes {
                now += pause;
                let next = of("s", &what.to_string());
                let is_served = restarts.last().map_or(&current, |last| &last.certificates) == &next;
                if now > HOUR || is_served {
                    continue;
                }
                if judge(&restarts, &next, at(now)) == Verdict::Go {
                    restarts.push(restarted(current.clone(), next.clone(), now));
                    current = next;
                }
            }
            prop_assert!(restarts.len() <= 3);
            let distinct: std::collections::BTreeSet<_> = restarts.iter().map(|one| one.certificates["tls"].clone()).collect();
            prop_assert_eq!(distinct.len(), restarts.len(), "one restart for each certificate");
        }
    }
}
