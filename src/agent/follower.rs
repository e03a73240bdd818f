//! Runs the hooks and looks at what the nodes serve, beside the loop: a hook that takes long, or an endpoint that does not answer,
//! delays no renewal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Notify;

use super::backoff;
use super::clock::Clock;
#[cfg(feature = "kubernetes")]
use super::hooks::Phase;
use super::hooks::{Answer, Hooks, Watched};
use super::status::{Board, HookState};
use crate::Timestamp;
use crate::disk::Disk;
use crate::identity::Environment;

/// The hooks of every identity.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) hooks: Hooks,
    /// By the key of each identity.
    tasks: RefCell<BTreeMap<PathBuf, Task>>,
    changed: Notify,
}

/// What is known of the hooks of one identity.
#[derive(Clone, Debug, Default)]
struct Task {
    watched: Watched,
    /// Why the certificate that hooks wait for was issued.
    reason: Option<&'static str>,
    served: Option<bool>,
    /// Looks in a row that have not shown the certificate on disk.
    unconfirmed: u32,
    /// When the hooks are tried again and the endpoints looked at; `None`: after the next look at the disk.
    next: Option<Timestamp>,
    /// Its certificates are about to be renewed: the hooks run once, after that.
    is_held: bool,
}

impl Task {
    /// No pause is longer than [`backoff::LAST`]: where it is, the clock was set back.
    fn is_due(&self, now: Timestamp) -> bool {
        self.wakes().is_some_and(|next| next <= now || next > now.plus(backoff::LAST))
    }

    fn wakes(&self) -> Option<Timestamp> {
        self.next.filter(|_| !self.is_held)
    }
}

/// Whether the hooks wait, and have not been tried.
fn is_new(state: &HookState) -> bool {
    match state {
        HookState::Waiting { failures: 0, error } => error.is_empty(),
        #[cfg(feature = "kubernetes")]
        HookState::Restart { error, .. } => error.is_empty(),
        _ => false,
    }
}

impl Follower {
    pub(crate) fn new(hooks: Hooks) -> Self {
        Self { hooks, tasks: RefCell::default(), changed: Notify::new() }
    }

    /// The loop has looked at an identity: the state of its hooks, and whether its endpoints serve the certificate on disk.
    pub(crate) fn seen(&self, key: &Path, watched: Watched, disk: &Disk, now: Timestamp) -> (HookState, Option<bool>) {
        if self.hooks.is_empty() {
            return (HookState::Idle, None);
        }
        let state = self.state(&watched, disk);
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.entry(key.to_owned()).or_default();
        task.watched = watched;
        if task.next.is_none() || is_new(&state) {
            task.next = Some(now);
        }
        (state, task.served)
    }

    /// Forgets the other identities.
    pub(crate) fn retain(&self, is_watched: impl Fn(&Path) -> bool) {
        self.tasks.borrow_mut().retain(|key, _| is_watched(key));
        self.hooks.retain(is_watched);
    }

    /// The loop is about to renew these identities: what waits for the others may begin.
    pub(crate) fn hold(&self, renewed: &[&Path]) {
        for (key, task) in &mut *self.tasks.borrow_mut() {
            task.is_held = renewed.contains(&key.as_path());
        }
        self.changed.notify_one();
    }

    /// The renewal of an identity has ended; with `reason`, its new certificates are in place.
    pub(crate) fn renewed(&self, key: &Path, reason: Option<&'static str>, now: Timestamp) {
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.entry(key.to_owned()).or_default();
        task.is_held = false;
        if reason.is_some() {
            (task.reason, task.next) = (reason, Some(now));
        }
        self.changed.notify_one();
    }

    /// After each look and each renewal, and when a pause is over, runs what waits, one identity after another.
    pub(crate) async fn run(&self, board: &Board, clock: &Clock<'_>, of: &Environment<'_>) -> Infallible {
        loop {
            let next = self.tasks.borrow().values().filter_map(Task::wakes).min();
            let again = async {
                let Some(next) = next else { return std::future::pending().await };
                let pause = u64::try_from(next.seconds_since(clock.now())).map_or(Duration::ZERO, Duration::from_secs);
                tokio::time::sleep(pause.clamp(backoff::SHORTEST, backoff::LAST)).await;
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = again => {}
            }
            let due = |(key, task): (&PathBuf, &Task)| task.is_due(clock.now()).then(|| key.clone());
            let due: Vec<PathBuf> = self.tasks.borrow().iter().filter_map(due).collect();
            for key in due {
                self.follow(&key, board, clock, of).await;
            }
        }
    }

    /// Runs what waits for one identity, and looks at what its endpoints serve.
    async fn follow(&self, key: &Path, board: &Board, clock: &Clock<'_>, of: &Environment<'_>) {
        let disk = of.disk;
        let Some(Task { watched, reason, .. }) = self.tasks.borrow().get(key).cloned() else { return };
        let now = || clock.now();
        if let Some(left) = self.hooks.settles(&watched).filter(|_| self.waits(&watched, disk)) {
            if let Some(task) = self.tasks.borrow_mut().get_mut(key) {
                task.next = Some(now().plus(left + Duration::from_secs(1)));
            }
            return;
        }
        let env = Environment::new(disk, &now).kept_by(of.keeper());
        let pause = |failures| backoff::pause(failures, backoff::random());
        let failed = self.hooks.follow(&watched, reason, &env, &pause).await.err();
        let answer = self.hooks.shows(&watched, disk).await;
        let state = self.state(&watched, disk);
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(key) else { return };
        task.served = match &answer {
            Some(Answer::Expected) => Some(true),
            Some(Answer::Other(_)) => Some(false),
            Some(Answer::Silent(_)) | None => None,
        };
        let is_open = matches!(answer, Some(Answer::Other(_) | Answer::Silent(_)));
        task.unconfirmed = if is_open { task.unconfirmed.saturating_add(1) } else { 0 };
        let look = is_open.then(|| now().plus(pause(task.unconfirmed)));
        let again = is_new(&state).then(&now);
        task.next = failed.map(|failed| failed.next_try).into_iter().chain(look).chain(again).min();
        if !state.is_open() {
            task.reason = None;
        }
        board.publish(|status| {
            let all = &mut status.identities;
            if let Some(identity) = all.iter_mut().find(|i| i.folders.first().is_some_and(|folder| folder.path == key))
            {
                (identity.hook, identity.served) = (state, task.served);
            }
        });
    }

    /// Whether hooks of the identity have not passed.
    fn waits(&self, watched: &Watched, disk: &Disk) -> bool {
        self.state(watched, disk).is_open()
    }

    /// What is on disk is known to the hooks from here on, before any request.
    fn state(&self, watched: &Watched, disk: &Disk) -> HookState {
        match self.hooks.adopt(watched, disk).and_then(|()| self.hooks.pending(watched, disk)) {
            Ok(None) => HookState::Passed,
            #[cfg(feature = "kubernetes")]
            Ok(Some(_)) if self.hooks.phase(watched) != Phase::Before => {
                let error = self.hooks.halted(watched).unwrap_or_default();
                HookState::Restart { is_stopped: self.hooks.phase(watched) == Phase::Stopped, error }
            }
            Ok(Some(change)) => {
                let error = Some(change.failures).filter(|failures| *failures > 0);
                let error = error.map(|_| self.hooks.last_error(watched)).unwrap_or_default();
                HookState::Waiting { failures: change.failures, error }
            }
            Err(e) => HookState::Waiting { failures: 0, error: e.to_string() },
        }
    }
}
