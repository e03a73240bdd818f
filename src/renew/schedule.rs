//! When a certificate is due: pure functions of its life, its key and its gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::digest;

use crate::Timestamp;

/// The time after an issue in which a certificate is never due by time, whatever its life is.
pub(crate) const FLOOR: Duration = Duration::from_secs(300);

/// The time between the dates of two members of one gateway: twice the time that a node needs to restart.
pub(crate) const GAP: Duration = Duration::from_secs(20 * 60);

/// The time left at which a certificate is due whose issue is not known and whose `NotBefore` is the CA's own.
const LAST_DAYS: i64 = 30 * 86_400;

/// The life of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Recorded time of issue, or else `NotBefore`, unless that is the issuer's.
    pub(crate) start: Option<Timestamp>,
    /// `NotAfter`.
    pub(crate) end: Timestamp,
}

/// A part of something: `SHARE_OF` is the whole.
type Share = i64;
const SHARE_OF: Share = 1 << 32;

/// The place of a certificate in the spread: a hash of its key (`SubjectPublicKeyInfo`, DER) and its gateway.
pub(crate) fn share(spki_der: &[u8], gateway: Option<&str>) -> Share {
    let digest = digest::digest(&digest::SHA256, &[spki_der, gateway.unwrap_or_default().as_bytes()].concat());
    let bytes = digest.as_ref().first_chunk::<4>().copied().unwrap_or_default();
    Share::from(u32::from_be_bytes(bytes))
}

impl Life {
    /// Its length in seconds; `None` where its start is not known.
    fn length(self) -> Option<i64> {
        self.start.map(|start| self.end.seconds_since(start).max(0))
    }

    /// The time from which the certificate is due: when two thirds of its life are over or `before` is left, or by `share` up to
    /// a twentieth of its life earlier. Never in the first minutes after the issue.
    pub(crate) fn due_at(self, before: Option<Duration>, share: Share) -> Timestamp {
        let before = before.map(|before| i64::try_from(before.as_secs()).unwrap_or(i64::MAX));
        let left = before.or_else(|| Some(self.length()? / 3)).unwrap_or(LAST_DAYS);
        let spread = self.length().map_or(left / 20, |life| life / 20).min(left / 4);
        let earlier = i64::try_from(i128::from(spread) * i128::from(share) / i128::from(SHARE_OF)).unwrap_or(0);
        let due = Timestamp::from_unix(self.end.unix().saturating_sub(left).saturating_sub(earlier));
        self.start.map_or(due, |start| due.max(start.plus(FLOOR)))
    }
}

/// What the dates of an identity follow from.
#[derive(Debug)]
pub(crate) struct Term {
    /// The name that its node shares with other nodes.
    pub(crate) gateway: Option<String>,
    /// The life and the key (`SubjectPublicKeyInfo`, DER) of each certificate.
    pub(crate) certificates: Vec<(Life, Vec<u8>)>,
}

/// When each certificate of each identity is due by time. Members of one gateway are moved apart.
pub(crate) fn dates(all: &[Term], before: Option<Duration>) -> Vec<Vec<Timestamp>> {
    let of = |term: &Term| -> Vec<Timestamp> {
        let lives = term.certificates.iter();
        lives.map(|(life, spki)| life.due_at(before, share(spki, term.gateway.as_deref()))).collect()
    };
    let mut dates: Vec<Vec<Timestamp>> = all.iter().map(of).collect();
    let mut gateways: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, term) in all.iter().enumerate().filter(|(_, term)| !term.certificates.is_empty()) {
        if let Some(gateway) = &term.gateway {
            gateways.entry(gateway).or_default().push(at);
        }
    }
    for members in gateways.values() {
        // Both certificates of a member are renewed on the earlier of their dates.
        let earliest = |times: &mut dyn Iterator<Item = Timestamp>| times.min().unwrap_or(Timestamp::from_unix(0));
        let member = |&at: &usize| Member {
            due_at: earliest(&mut dates[at].iter().copied()),
            end: earliest(&mut all[at].certificates.iter().map(|(life, _)| life.end)),
        };
        let mut moved: Vec<Member> = members.iter().map(member).collect();
        move_apart(&mut moved, GAP);
        for (&at, member) in members.iter().zip(moved) {
            dates[at].iter_mut().for_each(|date| *date = (*date).max(member.due_at));
        }
    }
    dates
}

/// A member of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) due_at: Timestamp,
    /// `NotAfter` of its certificate.
    pub(crate) end: Timestamp,
}

/// Moves the members of one gateway apart, so that two are not due within `gap`: later ones are due later, as long as three
/// quarters of the time that they have left stay.
pub(crate) fn move_apart(members: &mut [Member], gap: Duration) {
    let gap = i64::try_from(gap.as_secs()).unwrap_or(i64::MAX);
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&at| (members[at].due_at, members[at].end));
    let mut last: Option<Timestamp> = None;
    for at in order {
        let Member { due_at, end } = members[at];
        let latest = due_at.unix().saturating_add(end.seconds_since(due_at).max(0) / 4);
        let earliest = last.map_or(i64::MIN, |last| last.unix().saturating_add(gap));
        members[at].due_at = due_at.max(Timestamp::from_unix(earliest.min(latest)));
        last = Some(members[at].due_at);
    }
}

/// When each member of one gateway that waits may restart, in their order and `gap` apart, if the last one did at `last`: those
/// that may do it now have the time `now`. None is earlier than `noted` for it before.
pub(crate) fn turns(
    last: Option<Timestamp>,
    noted: &[Option<Timestamp>],
    gap: Duration,
    now: Timestamp,
) -> Vec<Timestamp> {
    // A later time was noted by another clock.
    let latest = now.plus(gap.saturating_mul(u32::try_from(noted.len()).unwrap_or(u32::MAX)));
    let mut earliest = last.map_or(now, |last| now.max(last.plus(gap)));
    let turn = |noted: &Option<Timestamp>| {
        let at = noted.filter(|noted| *noted <= latest).map_or(earliest, |noted| earliest.max(noted));
        earliest = at.plus(gap);
        at
    };
    noted.iter().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    fn at(unix: i64) -> Timestamp {
        Timestamp::from_unix(unix)
    }

    fn life(start: i64, end: i64) -> Life {
        Life { start: Some(at(start)), end: at(end) }
    }

    #[test]
    fn a_year_is_due_after_two_thirds_and_at_most_a_twentieth_earlier() {
        let year = life(0, 360 * DAY);
        assert_eq!(year.due_at(None, 0), at(240 * DAY));
        let first = year.due_at(None, SHARE_OF - 1).unix();
        assert!((222 * DAY..222 * DAY + 2).contains(&first), "{first}");
        assert_eq!(year.due_at(Some(Duration::from_secs(10 * 86_400)), 0), at(350 * DAY));
    }

    #[test]
    fn without_a_start_the_last_days_count() {
        let life = Life { start: None, end: at(1000 * DAY) };
        assert_eq!(life.due_at(None, 0), at(970 * DAY));
    }

    #[test]
    fn a_fresh_certificate_is_not_due_in_its_first_minutes() {
        assert_eq!(life(0, 240).due_at(None, 0), at(300));
        assert_eq!(life(0, 360 * DAY).due_at(Some(Duration::from_secs(u64::MAX)), 0), at(300));
    }

    #[test]
    fn members_take_turns_after_the_last_one() {
        let gap = Duration::from_secs(1200);
        assert_eq!(turns(None, &[None; 3], gap, at(100)), [at(100), at(1300), at(2500)]);
        assert_eq!(turns(Some(at(0)), &[None], gap, at(1199)), [at(1200)]);
        assert_eq!(turns(Some(at(0)), &[None; 2], gap, at(5000)), [at(5000), at(6200)]);
        assert_eq!(turns(Some(at(0)), &[], gap, at(5000)), []);
    }

    #[test]
    fn a_noted_turn_is_kept_unless_another_member_is_too_close() {
        let gap = Duration::from_secs(1200);
        let of = |last: Option<i64>, noted: &[i64]| {
            let noted: Vec<Option<Timestamp>> = noted.iter().map(|noted| Some(at(*noted))).collect();
            turns(last.map(at), &noted, gap, at(1000)).iter().map(|turn| turn.unix()).collect::<Vec<_>>()
        };
        assert_eq!(of(None, &[1300, 2500, 3700]), [1300, 2500, 3700]);
        assert_eq!(of(Some(900), &[1300, 2500]), [2100, 3300], "one was renewed just before");
        assert_eq!(of(None, &[10, 20, 4000]), [1000, 2200, 4000], "turns that passed");
        assert_eq!(of(None, &[900_000]), [1000], "a clock that was wrong");
    }

    #[test]
    fn key_and_gateway_decide_the_share() {
        assert_ne!(share(b"a", None), share(b"b", None));
        assert_ne!(share(b"a", Some("g")), share(b"a", Some("h")));
        assert_eq!(share(b"a", Some("g")), share(b"a", Some("g")));
    }

    proptest! {
        #[test]
        fn a_certificate_is_due_after_its_issue_and_before_its_end(
            start in 0i64..4_000_000_000, days in 1i64..4000, share in 0..SHARE_OF, before in prop::option::of(0u64..10_000_000),
        ) {
            let end = start + days * DAY;
            let due = life(start, end).due_at(before.map(Duration::from_secs), share).unix();
            prop_assert!(due >= start + 300 && due <= end);
            if before.is_none() {
                let two_thirds = end - days * DAY / 3;
                prop_assert!(due <= two_thirds && due >= two_thirds - days * DAY / 20);
            }
        }

        #[test]
        fn members_are_not_due_within_the_gap_where_life_allows(
            shares in prop::collection::vec(0..SHARE_OF, 2..12), issued in prop::collection::vec(0i64..3600, 12), gap in 60u64..2400,
        ) {
            let life_of = |at: usize| life(issued[at], issued[at] + 365 * DAY);
            let mut members: Vec<Member> = shares.iter().enumerate()
                .map(|(at, share)| Member { due_at: life_of(at).due_at(None, *share), end: life_of(at).end })
                .collect();
            let before = members.clone();
            move_apart(&mut members, Duration::from_secs(gap));
            for (old, new) in before.iter().zip(&members) {
                prop_assert!(new.due_at >= old.due_at && new.due_at < new.end);
            }
            let mut dues: Vec<i64> = members.iter().map(|member| member.due_at.unix()).collect();
            dues.sort_unstable();
            for pair in dues.windows(2) {
                prop_assert!(pair[1] - pair[0] >= i64::try_from(gap).unwrap());
            }
        }

        #[test]
        fn members_of_a_short_life_stay_before_its_end(
            dues in prop::collection::vec(0i64..3600, 2..40), left in 1i64..7200, gap in 1u64..100_000,
        ) {
            let mut members: Vec<Member> = dues.iter().map(|due| Member { due_at: at(*due), end: at(due + left) }).collect();
            move_apart(&mut members, Duration::from_secs(gap));
            prop_assert!(members.iter().all(|member| member.due_at < member.end));
        }
    }
}
