//! Who has the Lease of a gateway: a pure function of what this process saw of it, and when. No two clocks are compared.

use std::time::Duration;

use tokio::time::Instant;

/// How long a holder that ended keeps the Lease.
pub(super) const DURATION: Duration = Duration::from_secs(60);

/// How often a holder renews it.
pub(super) const RENEWAL: Duration = Duration::from_secs(15);

/// The time between two looks that counts as seen: while the API server is away the holder cannot renew the Lease either.
const SEEN: Duration = Duration::from_secs(20);

/// A Lease as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// `None`: it was released.
    pub(super) holder: Option<String>,
    /// `metadata.resourceVersion`, which every renewal changes.
    pub(super) version: String,
    /// The duration that its holder gave it.
    pub(super) duration: Duration,
}

/// What may be done with a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Nobody holds it, or this one does.
    Free,
    /// Another holds it.
    Taken(String),
    /// Another held it, and has not renewed it for its duration.
    Expired(String),
}

/// What this process saw of a Lease.
#[derive(Debug, Default)]
pub(super) struct Observed {
    last: Option<(String, Instant)>,
    /// How long the last version was seen unchanged.
    unchanged: Duration,
}

impl Observed {
    /// Judges what was read at `now`, for `own`.
    pub(super) fn judge(&mut self, held: &Held, own: &str, now: Instant) -> Judged {
        match &self.last {
            Some((version, at)) if *version == held.version => {
                self.unchanged += now.saturating_duration_since(*at).min(SEEN);
            }
            _ => self.unchanged = Duration::ZERO,
        }
        self.last = Some((held.version.clone(), now));
        match &held.holder {
            None => Judged::Free,
            Some(holder) if holder == own => Judged::Free,
            Some(holder) if self.unchanged > held.duration => Judged::Expired(holder.clone()),
            Some(holder) => Judged::Taken(holder.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(holder: Option<&str>, version: u64) -> Held {
        Held { holder: holder.map(str::to_owned), version: version.to_string(), duration: DURATION }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_is_free_where_nobody_else_holds_it() {
        let (mut seen, now) = (Observed::default(), Instant::now());
        assert_eq!(seen.judge(&held(None, 1), "a", now), Judged::Free);
        assert_eq!(seen.judge(&held(Some("a"), 2), "a", now), Judged::Free);
        assert_eq!(seen.judge(&held(Some("b"), 3), "a", now), Judged::Taken("b".to_owned()));
    }

    #[test]
    fn it_expires_when_no_renewal_was_seen_for_its_duration() {
        let (mut seen, start) = (Observed::default(), Instant::now());
        let mut judged = |at, version| seen.judge(&held(Some("b"), version), "a", after(start, at));
        for at in [0, 10, 20, 30, 40, 50, 60] {
            assert_eq!(judged(at, 1), Judged::Taken("b".to_owned()), "{at}");
        }
        assert_eq!(judged(70, 1), Judged::Expired("b".to_owned()));
        assert_eq!(judged(71, 2), Judged::Taken("b".to_owned()), "a renewal was seen");
    }

    #[test]
    fn an_outage_does_not_count() {
        let (mut seen, start) = (Observed::default(), Instant::now());
        let mut judged = |at| seen.judge(&held(Some("b"), 1), "a", after(start, at));
        assert_eq!(judged(0), Judged::Taken("b".to_owned()));
        assert_eq!(judged(600), Judged::Taken("b".to_owned()), "nobody could renew it");
        assert_eq!(judged(615), Judged::Taken("b".to_owned()));
    }

    /// What a member does in a second of the simulation.
    #[derive(Clone, Debug)]
    enum Move {
        Look(usize),
        Kill(usize),
        Outage(u64),
        Time(u64),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            10 => (0usize..4).prop_map(Move::Look),
            1 => (0usize..4).prop_map(Move::Kill),
            1 => (1u64..400).prop_map(Move::Outage),
            8 => (1u64..12).prop_map(Move::Time),
        ];
        proptest::collection::vec(one, 1..400)
    }

    proptest! {
        /// Members that look, are killed, and meet outages in any order: a living holder that could renew keeps the Lease.
        #[test]
        fn two_never_hold_it(moves in moves()) {
            let start = Instant::now();
            let names = ["a", "b", "c", "d"];
            let mut seen: Vec<Observed> = names.iter().map(|_| Observed::default()).collect();
            let mut alive = [true; 4];
            let (mut lease, mut now, mut outage) = (held(None, 0), 0u64, 0u64);
            let mut renewed = 0u64;
            let mut version = 0u64;
            for step in moves {
                let time = match step { Move::Time(t) => t, _ => 1 };
                for _ in 0..time {
                    now += 1;
                    outage = outage.saturating_sub(1);
                    let holder = names.iter().position(|name| lease.holder.as_deref() == Some(name));
                    if holder.is_some_and(|at| alive[at]) && outage == 0 && now - renewed >= RENEWAL.as_secs() {
                        (version, renewed) = (version + 1, now);
                        lease.version = version.to_string();
                    }
                }
                match step {
                    Move::Outage(time) => outage = time,
                    Move::Kill(at) => alive[at] = false,
                    Move::Look(at) if alive[at] && outage == 0 => {
                        let judged = seen[at].judge(&lease, names[at], after(start, now));
                        let before = names.iter().position(|name| lease.holder.as_deref() == Some(name));
                        if matches!(judged, Judged::Free | Judged::Expired(_)) {
                            prop_assert!(before.is_none_or(|other| other == at || !alive[other]), "{:?} lives", before);
                            (version, renewed) = (version + 1, now);
                            lease = held(Some(names[at]), version);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
