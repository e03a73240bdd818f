//! What to do with each identity: pure functions of what a look found, of the earlier tries, and of the time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::loop_guard;
use super::status::{Folder, HookState};
use crate::renew::schedule::GAP;
use crate::{Error, Timestamp};

/// An identity as a look found it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its first folder, by which it is known from one look to the next.
    pub(crate) key: PathBuf,
    pub(crate) id: String,
    pub(crate) folders: Vec<SeenFolder>,
    /// The name that its node shares with other nodes.
    pub(crate) gateway: Option<String>,
    /// Tries by secret that remain.
    pub(crate) refusals_left: Option<u32>,
    /// Why nothing can be done with it.
    pub(crate) error: Option<Error>,
    /// Whether the flags name it: an error that only another command line corrects then ends the agent at its start.
    pub(crate) is_of_flags: bool,
    pub(crate) hook: HookState,
    /// Whether its endpoints serve the certificate on disk, if known.
    pub(crate) served: Option<bool>,
}

/// A folder as a look found it.
#[derive(Debug, Default)]
pub(crate) struct SeenFolder {
    /// What is shown of it.
    pub(crate) shown: Folder,
    /// Why it is due, and one word for the class of that.
    pub(crate) reason: Option<(&'static str, String)>,
    /// When the certificate was issued, as recorded.
    pub(crate) issued_at: Option<Timestamp>,
    /// The last installs.
    pub(crate) installs: Vec<Timestamp>,
}

impl SeenFolder {
    pub(crate) fn is_due_by_time(&self) -> bool {
        matches!(self.reason, Some(("due" | "expired", _)))
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.shown.not_after.is_some_and(|end| end > now)
    }
}

impl Seen {
    /// One word for why it is due; `None` if it is not.
    pub(crate) fn word(&self) -> Option<&'static str> {
        self.folders.iter().find_map(|folder| Some(folder.reason.as_ref()?.0))
    }

    /// Whether it is due, and by time alone.
    pub(crate) fn is_due_by_time(&self) -> bool {
        let mut due = self.folders.iter().filter(|folder| folder.reason.is_some()).peekable();
        due.peek().is_some() && due.all(SeenFolder::is_due_by_time)
    }

    /// When its last certificate was issued.
    fn issued_at(&self) -> Option<Timestamp> {
        self.folders.iter().filter_map(|folder| folder.issued_at).max()
    }
}

/// The last try of an identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    pub(crate) at: Timestamp,
    pub(crate) next: Timestamp,
}

impl Tried {
    /// When the next try may be, if it may not be now. A clock that was set back by more than a minute ends a pause: it must not
    /// stop tries for years.
    fn held_until(self, now: Timestamp) -> Option<Timestamp> {
        (now < self.next && now >= self.at.minus(Duration::from_secs(60))).then_some(self.next)
    }
}

/// What to do with an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Renew it now, or enrol it.
    Now,
    /// Nothing before this time.
    At(Timestamp),
    /// It is due, and the loop guard holds it back until this time.
    Guarded(Timestamp),
}

/// What is to be done with each identity of a look at `now`. `tried` knows the last failed try, `forced` whether it is to be renewed
/// although it is not due, and `again` is the time of the next look at the latest.
pub(crate) fn decide<'a>(
    all: &'a [Seen],
    tried: impl Fn(&'a Seen) -> Option<Tried>,
    forced: impl Fn(&'a Seen) -> bool,
    (now, again): (Timestamp, Timestamp),
) -> Vec<Decision> {
    let issues = issues(all);
    let one = |seen: &'a Seen| {
        let is_forced = forced(seen);
        if seen.error.is_some() || !is_forced && seen.word().is_none() {
            let due = seen.folders.iter().filter_map(|folder| folder.shown.due_at).min();
            // A date that has passed without a reason is looked at again with all others.
            return Decision::At(due.filter(|due| *due > now).unwrap_or(again).min(again));
        }
        let installs =
            |folder: &SeenFolder| loop_guard::free_at(&folder.installs, folder.is_due_by_time() && !is_forced, now);
        if let Some(free) = seen.folders.iter().filter_map(installs).max() {
            return Decision::Guarded(free);
        }
        if is_forced {
            return Decision::Now;
        }
        let held = tried(seen).and_then(|tried| tried.held_until(now));
        held.or_else(|| member_turn(seen, &issues, now)).map_or(Decision::Now, Decision::At)
    };
    let mut decisions: Vec<Decision> = all.iter().map(one).collect();
    // One member of a gateway at a time.
    let mut begun: Vec<&str> = Vec::new();
    for (seen, decision) in all.iter().zip(&mut decisions).filter(|(_, decision)| **decision == Decision::Now) {
        let Some(gateway) = seen.gateway.as_deref().filter(|_| !forced(seen)) else { continue };
        if begun.contains(&gateway) && seen.folders.iter().all(|folder| folder.is_valid(now)) {
            *decision = Decision::At(latest(seen, now).min(now.plus(GAP)));
        }
        begun.push(gateway);
    }
    decisions
}

/// The members of each gateway, and when the last certificate of each was issued.
fn issues(all: &[Seen]) -> BTreeMap<&str, Vec<(&PathBuf, Timestamp)>> {
    let mut issues: BTreeMap<&str, Vec<(&PathBuf, Timestamp)>> = BTreeMap::new();
    for seen in all {
        if let (Some(gateway), Some(at)) = (seen.gateway.as_deref(), seen.issued_at()) {
            issues.entry(gateway).or_default().push((&seen.key, at));
        }
    }
    issues
}

/// When it is the turn of a member of a gateway, of which another was renewed a short time ago; `None` if it is its turn. A member
/// whose certificate ends soon does not wait.
fn member_turn(seen: &Seen, issues: &BTreeMap<&str, Vec<(&PathBuf, Timestamp)>>, now: Timestamp) -> Option<Timestamp> {
    let members = issues.get(seen.gateway.as_deref()?)?;
    let others = members.iter().filter(|(key, at)| **key != seen.key && *at <= now);
    let turn = others.map(|(_, at)| *at).max()?.plus(GAP);
    (turn > now && turn <= latest(seen, now)).then_some(turn)
}

/// The time after which a member does not wait for another: three quarters of what is left of its life when it is due.
fn latest(seen: &Seen, now: Timestamp) -> Timestamp {
    let of = |folder: &SeenFolder| {
        let (Some(due), Some(end)) = (folder.shown.due_at, folder.shown.not_after) else { return now };
        Timestamp::from_unix(due.unix().saturating_add(end.seconds_since(due).max(0) / 4 * 3))
    };
    seen.folders.iter().map(of).min().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    /// An identity behind a gateway, issued at 0, due after 20 hours, with a life of 30.
    fn seen(key: &str) -> Seen {
        let shown = Folder { not_after: Some(at(30 * HOUR)), due_at: Some(at(20 * HOUR)), ..Folder::default() };
        let folder = SeenFolder { shown, reason: None, issued_at: Some(at(0)), installs: vec![at(0)] };
        Seen {
            key: key.into(),
            id: key.to_owned(),
            folders: vec![folder],
            gateway: Some("gateway".to_owned()),
            ..Seen::default()
        }
    }

    fn due(key: &str) -> Seen {
        let mut seen = seen(key);
        seen.folders[0].reason = Some(("due", String::new()));
        seen
    }

    fn decided(all: &[Seen], tried: Option<Tried>, force: bool, now: i64) -> Vec<Decision> {
        decide(all, |_| tried, |_| force, (at(now), at(now + HOUR)))
    }

    #[test]
    fn what_is_not_due_is_looked_at_again_at_its_date_or_with_all_others() {
        assert_eq!(decided(&[seen("a")], None, false, 0), [Decision::At(at(HOUR))]);
        assert_eq!(decided(&[seen("a")], None, false, 20 * HOUR - 5), [Decision::At(at(20 * HOUR))]);
    }

    #[test]
    fn a_failed_try_holds_it_back_and_a_clock_that_is_set_back_does_not() {
        let tried = Some(Tried { at: at(20 * HOUR), next: at(21 * HOUR) });
        assert_eq!(decided(&[due("a")], tried, false, 20 * HOUR + 5), [Decision::At(at(21 * HOUR))]);
        assert_eq!(decided(&[due("a")], tried, false, 21 * HOUR), [Decision::Now]);
        assert_eq!(decided(&[due("a")], tried, false, 19 * HOUR), [Decision::Now]);
        assert_eq!(decided(&[due("a")], tried, true, 20 * HOUR + 5), [Decision::Now], "forced");
    }

    #[test]
    fn the_loop_guard_holds_a_forced_renewal_too() {
        let mut often = seen("a");
        often.folders[0].installs = vec![at(0), at(60), at(120)];
        assert_eq!(decided(&[often], None, true, 180), [Decision::Guarded(at(HOUR))]);
        assert_eq!(decided(&[seen("a")], None, true, 180), [Decision::Now]);
        assert_eq!(decided(&[due("a")], None, false, 180), [Decision::Guarded(at(300))], "a fresh certificate");
    }

    #[test]
    fn members_of_a_gateway_take_turns() {
        let now = 20 * HOUR;
        let turn = Decision::At(at(now + 1200));
        assert_eq!(decided(&[due("a"), due("b")], None, false, now), [Decision::Now, turn]);
        assert_eq!(decided(&[due("a"), due("b")], None, true, now), [Decision::Now; 2], "forced");
        let mut renewed = seen("a");
        renewed.folders[0].issued_at = Some(at(now - 60));
        assert_eq!(decided(&[renewed, due("b")], None, false, now)[1], Decision::At(at(now + 1140)));
        let mut elsewhere = due("b");
        elsewhere.gateway = None;
        assert_eq!(decided(&[due("a"), elsewhere], None, false, now), [Decision::Now; 2]);
    }

    #[test]
    fn a_member_whose_certificate_ends_soon_does_not_wait() {
        let late = 28 * HOUR;
        let mut renewed = seen("a");
        renewed.folders[0].issued_at = Some(at(late - 60));
        assert_eq!(decided(&[renewed, due("b")], None, false, late)[1], Decision::Now);
        let expired = 31 * HOUR;
        assert_eq!(decided(&[due("a"), due("b")], None, false, expired), [Decision::Now; 2]);
    }

    #[test]
    fn an_identity_with_an_error_is_looked_at_again() {
        let mut broken = due("a");
        broken.error = Some(Error::new(crate::ErrorKind::Input, "broken"));
        assert_eq!(decided(&[broken], None, false, 0), [Decision::At(at(HOUR))]);
    }
}
