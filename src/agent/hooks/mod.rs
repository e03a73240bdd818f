//! What runs after a new certificate is in place: commands, touched files, signals, and the proof of what the node serves.
//!
//! For each certificate every hook ends well once. What is done is written durably: before the first try that the hooks wait,
//! then after each hook, so that a kill repeats at most the hook that was running. A hook that failed is tried again; those that
//! ended well are not repeated for the same certificate. The hooks of a certificate that was replaced before they passed run
//! for the newer one.

mod command;
mod known;
mod memory;
mod process;
#[cfg(feature = "kubernetes")]
mod restart;
mod restarted;
mod said;
mod served;
mod signal;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::disk::Disk;
use crate::identity::Environment;
use crate::identity::held::Held;
use crate::identity::state::record::sha256;
use crate::install::Place;
use crate::live::Endpoint;
use crate::text::escape::Shown;
use crate::{Error, ErrorKind, Timestamp};

pub(crate) use command::HookCommand;
use known::Known;
pub(crate) use memory::Fingerprints;
use memory::{Memory, Waiting};
#[cfg(feature = "kubernetes")]
pub(crate) use restart::{News, Node, Phase, Restarter, Turn, Work};
pub(crate) use said::Said;
pub(crate) use served::Answer;
pub(crate) use signal::SignalTarget;

/// Variables of the agent that a command gets.
pub(crate) const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Variables that a command gets and that no flag of fabcert has.
pub(crate) const GIVEN: [&str; 4] =
    ["FABCERT_SIGN_FINGERPRINT", "FABCERT_TLS_FINGERPRINT", "FABCERT_NOT_AFTER", "FABCERT_REASON"];

/// The failures that a folder or a memory that cannot be read counts for: a few minutes.
const SOME: u32 = 8;

/// The time that a run of another fabcert has for its installs, and how often it is looked for.
const INSTALLS: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// The clock may have been set back; then a try waits no longer than this.
const SET_BACK: Duration = Duration::from_secs(60);

/// What runs after a new certificate is in place, in this order.
#[derive(Debug, Default)]
pub(crate) struct HookPlan {
    pub(crate) commands: Vec<HookCommand>,
    /// Files whose modification time is set to now; created if missing.
    pub(crate) touched: Vec<PathBuf>,
    pub(crate) signals: Vec<SignalTarget>,
    /// Endpoints that must serve the TLS certificate on disk at the end.
    pub(crate) served: Vec<Endpoint>,
    /// The time limit of a command.
    pub(crate) timeout: Duration,
    /// The time that an endpoint has for serving the certificate, after the last signal.
    pub(crate) served_within: Duration,
    /// The time between the hooks of two members of one gateway.
    pub(crate) settle: Duration,
    /// The variables of [`PASSED_ON`] that are set.
    pub(crate) passed_on: Vec<(&'static str, OsString)>,
    /// What restarts the node at the end, in place of the signals, or with them.
    #[cfg(feature = "kubernetes")]
    pub(crate) restarter: Option<Box<dyn Restarter>>,
}

/// The folders of one identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) id: String,
    /// The MSP folder.
    pub(crate) sign: Option<PathBuf>,
    /// The TLS folder.
    pub(crate) tls: Option<PathBuf>,
    /// The group that shares the state.
    pub(crate) group: Option<u32>,
    /// The name that its node shares with other nodes.
    pub(crate) gateway: Option<String>,
}

/// Certificates whose hooks have not passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The tries so far.
    pub(crate) failures: u32,
    /// When the next try may begin.
    pub(crate) next_try: Timestamp,
    last_try: Timestamp,
}

impl Change {
    /// Until when the next try waits; `None` if it may begin.
    pub(crate) fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        (now < self.next_try && now >= self.last_try.minus(SET_BACK)).then_some(self.next_try)
    }
}

/// Hooks that did not pass.
#[derive(Debug)]
pub(crate) struct HookFailure {
    /// The tries so far; 0 if a folder or the memory could not be read.
    pub(crate) failures: u32,
    pub(crate) next_try: Timestamp,
    pub(crate) error: Error,
}

/// What runs after a new certificate is in place, and what is remembered of it in this process.
#[derive(Debug)]
pub(crate) struct Hooks {
    plan: HookPlan,
    /// Held by the identity whose hooks run: the members of a gateway restart one after another.
    turn: tokio::sync::Mutex<()>,
    /// By the first folder of each identity.
    known: Mutex<BTreeMap<PathBuf, Known>>,
    /// When hooks ran last for a member of each gateway, and its first folder.
    ran: Mutex<BTreeMap<String, (Instant, PathBuf)>>,
}

/// What is on disk of one identity.
struct OnDisk {
    place: Place,
    certificates: Fingerprints,
    /// The earliest end of a certificate.
    not_after: Option<Timestamp>,
    /// Enrolment id and issuer (authority key identifier) of the TLS certificate.
    node: Option<(String, Option<Vec<u8>>)>,
}

impl Watched {
    /// The folders with their roles.
    fn folders(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let sign = self.sign.iter().map(|path| ("sign", path.as_path()));
        sign.chain(self.tls.iter().map(|path| ("tls", path.as_path())))
    }
}

impl Hooks {
    pub(crate) const fn new(plan: HookPlan) -> Self {
        let turn = tokio::sync::Mutex::const_new(());
        Self { plan, turn, known: Mutex::new(BTreeMap::new()), ran: Mutex::new(BTreeMap::new()) }
    }

    /// Whether there is nothing to run.
    pub(crate) const fn is_empty(&self) -> bool {
        #[cfg(feature = "kubernetes")]
        if self.restarts() {
            return false;
        }
        let HookPlan { commands, touched, signals, served, .. } = &self.plan;
        commands.is_empty() && touched.is_empty() && signals.is_empty() && served.is_empty()
    }

    /// Takes what is on disk as a state for which the hooks passed, where nothing is remembered: call it at the first look at an
    /// identity, before any request, also if its folders do not exist yet.
    ///
    /// # Errors
    /// When a folder cannot be looked into, or the state cannot be written.
    pub(crate) fn adopt(&self, watched: &Watched, disk: &Disk) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let Some((on_disk, mut memory)) = self.look(watched, disk)? else { return Ok(()) };
        let new: Vec<&str> = watched.folders().map(|(role, _)| role).filter(|role| memory.lacks(role)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for role in new {
            memory.take(role, on_disk.certificates.get(role).cloned());
        }
        self.save(watched, &on_disk, &memory, disk)
    }

    /// The certificates on disk whose hooks have not passed.
    ///
    /// # Errors
    /// When a folder or its state cannot be looked into.
    pub(crate) fn pending(&self, watched: &Watched, disk: &Disk) -> Result<Option<Change>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let Some((on_disk, memory)) = self.look(watched, disk)? else { return Ok(None) };
        if memory.has_passed(&on_disk.certificates) {
            return Ok(None);
        }
        let waiting = memory.waiting_for(&on_disk.certificates);
        let (failures, next_try, last_try) = waiting
            .map_or((0, Timestamp::from_unix(0), Timestamp::from_unix(0)), |w| (w.tries, w.next_try, w.last_try));
        Ok(Some(Change { failures, next_try, last_try }))
    }

    /// One look at an identity: adopts it if nothing is remembered of it, otherwise runs what is pending, unless it is too early.
    /// Logs failures: the first, then each cause once an hour. For `reason` and `pause` see [`Self::run`].
    ///
    /// # Errors
    /// When something is pending and has not passed.
    pub(crate) async fn follow(
        &self,
        watched: &Watched,
        reason: Option<&str>,
        env: &Environment<'_>,
        pause: &dyn Fn(u32) -> Duration,
    ) -> Result<(), HookFailure> {
        let now = (env.now)();
        let pending = self.adopt(watched, env.disk).and_then(|()| self.pending(watched, env.disk));
        let failed = match pending {
            Ok(None) => return Ok(()),
            Ok(Some(change)) => match change.waits(now) {
                Some(next_try) => {
                    let error = Error::new(ErrorKind::Hook, self.last_error(watched));
                    return Err(HookFailure { failures: change.failures, next_try, error });
                }
                None => self.run(watched, reason, env, pause).await,
            },
            Err(error) => Err(HookFailure { failures: 0, next_try: now.plus(pause(SOME)), error }),
        };
        let message = failed.as_ref().err().map(|failure| failure.error.to_string());
        self.of(watched, |known| known.error = message);
        match &failed {
            Ok(()) => {
                self.of(watched, |known| known.said = Said::default());
            }
            Err(failure) => self.log(watched, failure, now),
        }
        failed
    }

    /// Runs what is pending for an identity, after that of other identities. `reason`: why the certificates were issued, if known.
    /// `pause`: the time until the next try after this number of failures. Where the future is dropped, a running command is
    /// ended.
    ///
    /// # Errors
    /// When a hook failed, or an endpoint does not serve the certificate, or the state cannot be written; the next call
    /// continues with what is not done.
    pub(crate) async fn run(
        &self,
        watched: &Watched,
        reason: Option<&str>,
        env: &Environment<'_>,
        pause: &dyn Fn(u32) -> Duration,
    ) -> Result<(), HookFailure> {
        if self.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        wait_for_installs(watched, env.disk).await;
        let fail_at_once = |error: Error| {
            let next_try = (env.now)().plus(pause(SOME));
            HookFailure { failures: 0, next_try, error }
        };
        let looked = self.look(watched, env.disk).map_err(fail_at_once)?;
        let Some((on_disk, mut memory)) = looked.filter(|(on, memory)| !memory.has_passed(&on.certificates)) else {
            return Ok(());
        };
        let now = (env.now)();
        let before = memory.waiting_for(&on_disk.certificates).cloned();
        let mut waiting = before.unwrap_or_else(|| Waiting::new(on_disk.certificates.clone(), now));
        if let Some(reason) = reason {
            waiting.reason = Some(reason.to_owned());
        }
        // A kill during this try counts as its failure: a hook that ends the agent must not run in a loop. The first one is
        // repeated at once.
        let killed = if waiting.tries == 0 { Duration::ZERO } else { pause(waiting.tries) };
        waiting.tries = waiting.tries.saturating_add(1);
        (waiting.last_try, waiting.next_try) = (now, now.plus(killed));
        memory.waiting = Some(waiting);
        let tried = match self.save(watched, &on_disk, &memory, env.disk) {
            Ok(()) => {
                let tried = self.try_all(watched, &on_disk, &mut memory, env).await;
                self.note_run(watched);
                tried
            }
            Err(e) => Err(e),
        };
        #[cfg(feature = "kubernetes")]
        self.keep(watched, &tried, env).await;
        let Err(error) = tried else { return Ok(()) };
        let (mut failures, mut next_try) = (1, now);
        if let Some(waiting) = &mut memory.waiting {
            // What waits for others says itself for how long, and has not failed.
            waiting.tries -= u32::from(error.retry_after().is_some());
            failures = waiting.tries;
            let pause = error.retry_after().unwrap_or_else(|| pause(failures));
            (waiting.last_try, waiting.next_try) = ((env.now)(), (env.now)().plus(pause));
            next_try = waiting.next_try;
        }
        if let Err(e) = self.save(watched, &on_disk, &memory, env.disk) {
            tracing::debug!("the failure of a hook could not be noted: {}", Shown(e));
        }
        Err(HookFailure { failures, next_try, error })
    }

    /// How long the hooks of an identity wait for the node of another member of its gateway, which was restarted just before.
    pub(crate) fn settles(&self, watched: &Watched) -> Option<Duration> {
        let (_, own) = watched.folders().next()?;
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, _) = ran.get(watched.gateway.as_ref()?).filter(|(_, member)| member != own)?;
        self.plan.settle.checked_sub(at.elapsed()).filter(|left| !left.is_zero())
    }

    fn note_run(&self, watched: &Watched) {
        if let (Some(gateway), Some((_, own))) = (&watched.gateway, watched.folders().next()) {
            let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
            ran.insert(gateway.clone(), (Instant::now(), own.to_owned()));
        }
    }

    /// Why the last try failed.
    pub(crate) fn last_error(&self, watched: &Watched) -> String {
        let error = self.of(watched, |known| known.error.clone()).flatten();
        error.unwrap_or_else(|| "not tried again since the start of the agent".to_owned())
    }

    /// What the `--served` endpoints serve, held against the TLS certificate on disk; `None` if there is no endpoint or no
    /// certificate.
    pub(crate) async fn shows(&self, watched: &Watched, disk: &Disk) -> Option<Answer> {
        if self.plan.served.is_empty() {
            return None;
        }
        let (on_disk, _) = self.look(watched, disk).ok()??;
        let tls = on_disk.certificates.get("tls")?;
        Some(served::look(&self.plan.served, &|seen| self.is_expected(watched, tls, seen)).await)
    }

    /// Takes the exit codes of what commands left running, where this is process 1: call it at SIGCHLD.
    pub(crate) fn reap(&self) {
        if let Ok(_none_runs) = self.turn.try_lock() {
            process::reap_orphans();
        }
    }

    /// What is on disk of an identity, and what is remembered; `None` if it has no folder.
    fn look(&self, watched: &Watched, disk: &Disk) -> Result<Option<(OnDisk, Memory)>, Error> {
        let Some((_, first)) = watched.folders().next() else { return Ok(None) };
        let place = Place::of(disk, first)?.for_group(watched.group);
        let mut on_disk = OnDisk { place, certificates: Fingerprints::new(), not_after: None, node: None };
        for (role, path) in watched.folders() {
            let Some(held) = Held::read(path, disk)? else { continue };
            let end = held.leaf.not_after();
            on_disk.certificates.insert(role.to_owned(), sha256(held.leaf.der()));
            on_disk.not_after = Some(on_disk.not_after.map_or(end, |other| other.min(end)));
            if role == "tls" {
                on_disk.node = Some((held.id().to_owned(), held.leaf.authority_key_id().map(<[u8]>::to_vec)));
            }
        }
        let known = self.known().get(first).map(|known| known.memory.clone());
        let memory = match known {
            Some(memory) => memory,
            None => Memory::read(&on_disk.place, disk)?.unwrap_or_else(Memory::new),
        };
        self.remember(watched, &on_disk, &memory);
        Ok(Some((on_disk, memory)))
    }

    /// Remembers for this process, then on disk.
    fn save(&self, watched: &Watched, on_disk: &OnDisk, memory: &Memory, disk: &Disk) -> Result<(), Error> {
        self.remember(watched, on_disk, memory);
        Ok(memory.write(&on_disk.place, disk)?)
    }
}

/// Waits until no run of fabcert holds a folder of the identity, so that the hooks do not run between the installs of its two
/// certificates. A run that still holds one then waits for its CA.
async fn wait_for_installs(watched: &Watched, disk: &Disk) {
    let start = Instant::now();
    let is_held = |path: &Path| Place::of(disk, path).is_ok_and(|place| place.for_group(watched.group).is_locked(disk));
    while start.elapsed() < INSTALLS && watched.folders().any(|(_, path)| is_held(path)) {
        tokio::time::sleep(LOOK).await;
    }
}
