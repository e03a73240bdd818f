//! The board: what the agent's loop knows now. The loop and the hooks write it; health, metrics, the termination message and
//! systemd read it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Notify;

use crate::Timestamp;

/// The time past twice the planned sleep after which a loop that has not turned counts as hung.
const GRACE: Duration = Duration::from_secs(60);

/// What the loop knows, shared between the loop and those who show it.
#[derive(Debug)]
pub(crate) struct Board {
    status: Mutex<Status>,
    published: Notify,
}

impl Board {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { status: Mutex::new(Status::new(now)), published: Notify::new() }
    }

    /// Changes the status. `change` must not wait for anything: the probes wait for it.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Status) -> T) -> T {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Self::update`], and the service manager hears of it.
    pub(crate) fn publish<T>(&self, change: impl FnOnce(&mut Status) -> T) -> T {
        let done = self.update(change);
        self.published.notify_one();
        done
    }

    /// Waits until something was published since the last call.
    pub(crate) async fn published(&self) {
        self.published.notified().await;
    }

    /// Looks at the status, under the same lock.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Status) -> T) -> T {
        look(&self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the loop knows.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// When the loop last turned.
    pub(crate) turned_at: Timestamp,
    /// When it plans to turn again at the latest.
    pub(crate) next_turn: Timestamp,
    /// `turned_at` on the monotonic clock: neither a jump of the clock nor a suspended machine is a loop that hangs.
    turned: Instant,
    /// Every identity that it watches; empty before its first look.
    pub(crate) identities: Vec<Identity>,
    /// Whether the cluster restarts the nodes.
    pub(crate) has_restarts: bool,
}

impl Status {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { turned_at: now, next_turn: now, turned: Instant::now(), identities: Vec::new(), has_restarts: false }
    }

    /// The loop has turned. It turns again at `next` at the latest: the end of its sleep, or of the time limit of the step (a
    /// request, a hook) that it begins now.
    pub(crate) fn turn(&mut self, now: Timestamp, next: Timestamp) {
        (self.turned_at, self.next_turn, self.turned) = (now, next, Instant::now());
    }

    /// The time now, by the clock of the loop: that of its last turn and the time since then.
    pub(crate) fn now(&self) -> Timestamp {
        self.turned_at.plus(self.turned.elapsed())
    }

    /// Whether the loop has turned within twice its planned sleep and a minute.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive_after(self.turned.elapsed())
    }

    /// As [`Self::is_alive`], that time after the turn.
    fn is_alive_after(&self, elapsed: Duration) -> bool {
        let planned = u64::try_from(self.next_turn.seconds_since(self.turned_at)).unwrap_or(0);
        elapsed <= Duration::from_secs(planned).saturating_mul(2).saturating_add(GRACE)
    }

    /// Makes it that of a loop that hangs.
    #[cfg(test)]
    pub(super) fn hang(&mut self) {
        self.turned = Instant::now().checked_sub(2 * GRACE).expect("the machine runs for minutes");
        self.next_turn = self.turned_at;
    }

    /// Whether every folder is complete and valid now, and has its names.
    pub(crate) fn has_certificates(&self) -> bool {
        let is_whole = |folder: &Folder| folder.reasons(self.now()).is_empty();
        let has = |identity: &Identity| !identity.folders.is_empty() && identity.folders.iter().all(is_whole);
        !self.identities.is_empty() && self.identities.iter().all(has)
    }

    /// Whether it watches an identity with this id; more than one may have it.
    pub(crate) fn watches(&self, id: &str) -> bool {
        self.identities.iter().any(|identity| identity.id == id)
    }
}

/// One identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The enrolment id.
    pub(crate) id: String,
    pub(crate) folders: Vec<Folder>,
    /// The last try, if it failed.
    pub(crate) failure: Option<Failure>,
    pub(crate) hook: HookState,
    /// Whether every `--served` endpoint shows the certificate on disk; `None` if no endpoint was asked, or one did not answer.
    pub(crate) served: Option<bool>,
    /// Tries with the secret that remain.
    pub(crate) refusals_left: Option<u32>,
    /// Renewals and failed tries since the start, by result (`success`, `failure`) and class of the reason (one word).
    pub(crate) renewals: BTreeMap<(&'static str, String), u64>,
    /// The loop guard holds it back: its fresh certificates are due at once.
    pub(crate) is_looping: bool,
}

/// A folder with a certificate of an identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folder {
    /// `sign` or `tls`.
    pub(crate) role: &'static str,
    pub(crate) path: PathBuf,
    /// End of the validity; `None` if there is no certificate.
    pub(crate) not_after: Option<Timestamp>,
    /// When it is due by time; `None` if there is no certificate.
    pub(crate) due_at: Option<Timestamp>,
    /// Why the folder is missing, incomplete or invalid; the end of the validity is not among these.
    pub(crate) faults: Vec<String>,
    /// Requested names that the certificate lacks.
    pub(crate) missing_names: Vec<String>,
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The kind of the error, as in JSON output.
    pub(crate) kind: &'static str,
    /// From elsewhere in part: escaped where it is printed.
    pub(crate) message: String,
    pub(crate) at: Timestamp,
    pub(crate) next_try: Option<Timestamp>,
}

/// What runs after a new certificate is in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum HookState {
    /// No hook, or no new certificate since the start.
    #[default]
    Idle,
    /// It passed for the certificate on disk.
    Passed,
    /// It has not passed yet for the certificate on disk.
    Waiting {
        failures: u32,
        /// The last failure; empty before the first.
        error: String,
    },
    /// The cluster has yet to restart the node for the certificate on disk. Until then the node runs with the one before.
    #[cfg(feature = "kubernetes")]
    Restart {
        /// Whether a person has to look at it: it may not be restarted, or is not back.
        is_stopped: bool,
        /// Why it waits; empty before the first try.
        error: String,
    },
}

impl HookState {
    /// Whether it has yet to pass.
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self, Self::Idle | Self::Passed)
    }

    /// Whether the restart of the node waits, and whether it is stopped; `None` without a restart.
    pub(crate) const fn restart(&self) -> Option<bool> {
        match self {
            #[cfg(feature = "kubernetes")]
            Self::Restart { is_stopped, .. } => Some(*is_stopped),
            Self::Idle | Self::Passed | Self::Waiting { .. } => None,
        }
    }
}

/// How late a renewal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lateness {
    /// Not due, or due not long ago.
    InTime,
    /// The last third of the time between due and the end of the validity: a warning.
    Overdue,
    /// The last tenth of that time, or expired: an error.
    Last,
}

impl Folder {
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|end| end <= now)
    }

    pub(crate) fn lateness(&self, now: Timestamp) -> Lateness {
        let (Some(end), Some(due)) = (self.not_after, self.due_at) else { return Lateness::InTime };
        let window = end.seconds_since(due).max(0);
        // At the end of the validity the window does not matter.
        match end.seconds_since(now) {
            left if left <= window / 10 => Lateness::Last,
            left if left <= window / 3 => Lateness::Overdue,
            _ => Lateness::InTime,
        }
    }
}

impl Identity {
    /// That of the folder that is latest.
    pub(crate) fn lateness(&self, now: Timestamp) -> Lateness {
        self.folders.iter().map(|folder| folder.lateness(now)).max().unwrap_or(Lateness::InTime)
    }

    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.lateness(now) >= Lateness::Overdue
    }

    /// Why the identity is not ready; empty if it is.
    pub(crate) fn reasons(&self, now: Timestamp, unready_when_overdue: bool) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self.folders.iter().flat_map(|folder| folder.reasons(now)).collect();
        if self.folders.is_empty() {
            reasons.push(Reason::new("missing", "it has no folder with a certificate".to_owned()));
        }
        if let HookState::Waiting { failures, error } = &self.hook {
            let message = match failures {
                0 => "the hook has not run yet for the certificate on disk".to_owned(),
                1 => format!("the hook failed: {error}"),
                n => format!("the hook failed {n} times: {error}"),
            };
            reasons.push(Reason::new("hook-waiting", message));
        }
        // A member that waits for its turn is as good as the others, which wait for it if it is not ready.
        if self.served == Some(false) && self.hook.restart() != Some(false) {
            let message = "the node serves a certificate other than the one on disk".to_owned();
            reasons.push(Reason::new("served-differs", message));
        }
        let has_expired = self.folders.iter().any(|folder| folder.has_expired(now));
        if unready_when_overdue && self.is_overdue(now) && !has_expired {
            reasons.push(Reason::new("overdue", "its renewal is overdue".to_owned()));
        }
        reasons
    }
}

/// Why an identity is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    /// `missing`, `invalid`, `expired`, `names-missing`, `hook-waiting`, `served-differs`, `overdue`.
    pub(crate) kind: &'static str,
    /// The folder, if it is about one.
    pub(crate) path: Option<PathBuf>,
    pub(crate) message: String,
}

impl Reason {
    const fn new(kind: &'static str, message: String) -> Self {
        Self { kind, path: None, message }
    }
}

impl Folder {
    fn reasons(&self, now: Timestamp) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut add = |kind, message| reasons.push(Reason { kind, path: Some(self.path.clone()), message });
        let faults = if self.not_after.is_some() { "invalid" } else { "missing" };
        for fault in &self.faults {
            add(faults, fault.clone());
        }
        if self.not_after.is_none() && self.faults.is_empty() {
            add("missing", "it holds no certificate".to_owned());
        }
        if let Some(end) = self.not_after.filter(|_| self.has_expired(now)) {
            add("expired", format!("the certificate expired at {end}"));
        }
        if !self.missing_names.is_empty() {
            add("names-missing", format!("the certificate lacks {}", self.missing_names.join(", ")));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    /// Due at 1000, expires at 4000.
    fn folder() -> Folder {
        let (not_after, due_at) = (Some(at(4000)), Some(at(1000)));
        Folder { role: "tls", path: "/n/tls".into(), not_after, due_at, ..Folder::default() }
    }

    fn identity(folder: Folder) -> Identity {
        Identity { id: "peer1".to_owned(), folders: vec![folder], ..Identity::default() }
    }

    fn kinds(identity: &Identity, now: i64) -> Vec<&'static str> {
        identity.reasons(at(now), false).iter().map(|reason| reason.kind).collect()
    }

    #[test]
    fn a_renewal_is_overdue_in_the_last_third_and_last_in_the_last_tenth() {
        let identity = identity(folder());
        for (now, expected) in [
            (0, Lateness::InTime),
            (2999, Lateness::InTime),
            (3000, Lateness::Overdue),
            (3699, Lateness::Overdue),
            (3700, Lateness::Last),
            (9000, Lateness::Last),
        ] {
            assert_eq!(identity.lateness(at(now)), expected, "{now}");
            assert_eq!(identity.is_overdue(at(now)), expected >= Lateness::Overdue, "{now}");
        }
    }

    #[test]
    fn the_latest_folder_counts() {
        let later = Folder { due_at: Some(at(10_000)), not_after: Some(at(90_000)), ..folder() };
        let both = Identity { folders: vec![later, folder()], ..Identity::default() };
        assert_eq!(both.lateness(at(3700)), Lateness::Last);
    }

    #[test]
    fn each_fault_is_a_reason() {
        let good = identity(folder());
        assert_eq!(kinds(&good, 3999), [""; 0]);
        assert_eq!(kinds(&good, 4000), ["expired"]);
        let faulty = |fault: fn(&mut Folder)| {
            let mut one = folder();
            fault(&mut one);
            kinds(&identity(one), 0)
        };
        assert_eq!(faulty(|f| f.faults.push("the key is another".to_owned())), ["invalid"]);
        assert_eq!(faulty(|f| f.not_after = None), ["missing"]);
        let missing = |f: &mut Folder| (f.not_after, f.faults) = (None, vec!["it does not exist".to_owned()]);
        assert_eq!(faulty(missing), ["missing"]);
        assert_eq!(faulty(|f| f.missing_names.push("a-svc".to_owned())), ["names-missing"]);
        let waiting = HookState::Waiting { failures: 2, error: "exit status 1".to_owned() };
        let hook = Identity { hook: waiting, ..good.clone() };
        assert_eq!(hook.reasons(at(0), false)[0].message, "the hook failed 2 times: exit status 1");
        assert_eq!(kinds(&Identity { served: Some(false), ..good.clone() }, 0), ["served-differs"]);
        assert_eq!(kinds(&Identity { served: Some(true), hook: HookState::Passed, ..good }, 0), [""; 0]);
        assert_eq!(kinds(&Identity::default(), 0), ["missing"]);
    }

    #[test]
    fn overdue_is_a_reason_only_where_it_is_asked_for() {
        let good = identity(folder());
        assert!(good.reasons(at(3000), false).is_empty());
        assert_eq!(good.reasons(at(3000), true)[0].kind, "overdue");
        let expired: Vec<&str> = good.reasons(at(4000), true).iter().map(|reason| reason.kind).collect();
        assert_eq!(expired, ["expired"]);
    }

    #[test]
    fn certificates_are_in_place_although_a_hook_waits() {
        let mut status = Status::new(at(0));
        assert!(!status.has_certificates(), "nothing was looked at");
        status.identities.push(identity(folder()));
        status.identities[0].hook = HookState::Waiting { failures: 1, error: String::new() };
        assert!(status.has_certificates());
        status.identities.push(Identity::default());
        assert!(!status.has_certificates(), "one is missing");
    }

    #[test]
    fn a_loop_is_alive_for_twice_its_planned_sleep_and_a_minute() {
        let mut status = Status::new(at(0));
        assert!(status.is_alive());
        status.turn(at(0), at(100));
        assert!(status.is_alive_after(Duration::from_secs(260)));
        assert!(!status.is_alive_after(Duration::from_secs(261)));
        status.turn(at(500), at(400));
        assert!(status.is_alive_after(Duration::from_secs(60)), "a plan in the past leaves a minute");
        assert!(!status.is_alive_after(Duration::from_secs(61)));
    }
}
