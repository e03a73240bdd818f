//! What this process knows of the identities whose hooks it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use super::memory::Memory;
use super::{HookFailure, Hooks, OnDisk, Said, Watched};
use crate::Timestamp;
use crate::text::escape::Shown;

/// What this process knows of one identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// It may be ahead of the file if the disk is full.
    pub(super) memory: Memory,
    /// The TLS certificate that is on disk.
    tls: Option<String>,
    /// Enrolment id and issuer of that certificate.
    node: Option<(String, Option<Vec<u8>>)>,
    /// The last failure since the start.
    pub(super) error: Option<String>,
    /// The failures that were logged.
    pub(super) said: Said,
    /// How far the restart is.
    #[cfg(feature = "kubernetes")]
    pub(super) phase: super::Phase,
    /// What was said of the restart.
    #[cfg(feature = "kubernetes")]
    pub(super) told: Said,
}

impl Hooks {
    /// Forgets the identities whose first folder is not watched any more.
    pub(crate) fn retain(&self, is_watched: impl Fn(&Path) -> bool) {
        self.known().retain(|first, _| is_watched(first));
    }

    pub(super) fn remember(&self, watched: &Watched, on_disk: &OnDisk, memory: &Memory) {
        let Some((_, first)) = watched.folders().next() else { return };
        let (memory, tls) = (memory.clone(), on_disk.certificates.get("tls").cloned());
        let mut all = self.known();
        let node = on_disk.node.clone();
        if let Some(known) = all.get_mut(first) {
            (known.memory, known.tls, known.node) = (memory, tls, node);
            return;
        }
        all.insert(first.to_owned(), Known { memory, tls, node, ..Known::default() });
    }

    /// Reads or changes what this process knows of an identity.
    pub(super) fn of<T>(&self, watched: &Watched, change: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let (_, first) = watched.folders().next()?;
        self.known().get_mut(first).map(change)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an endpoint may serve the certificate with the fingerprint `seen`: that of this identity, or one of another that
    /// the agent watches, whose endpoint it then is. A copy of the folders is no other identity.
    pub(super) fn is_expected(&self, watched: &Watched, tls: &str, seen: &str) -> bool {
        if seen == tls {
            return true;
        }
        let all = self.known();
        let first = watched.folders().next().map(|(_, path)| path);
        let own = first.and_then(|first| all.get(first));
        let is_of = |known: &Known| [known.tls.as_ref(), known.memory.passed("tls")].contains(&Some(&seen.to_owned()));
        let is_copy = |known: &Known| own.is_some_and(|own| own.node.is_some() && own.node == known.node);
        let is_another =
            |(path, known): (&PathBuf, &Known)| Some(path.as_path()) != first && !is_copy(known) && is_of(known);
        // What the node served before.
        let is_former = own.and_then(|own| own.memory.passed("tls")).is_some_and(|passed| passed == seen);
        !is_former && all.iter().any(is_another)
    }

    /// Logs a failure: the first for a certificate, then each cause once an hour.
    pub(super) fn log(
        &self,
        watched: &Watched,
        HookFailure { failures, next_try, error }: &HookFailure,
        now: Timestamp,
    ) {
        let output = match error.items() {
            [] => String::new(),
            lines => format!("; its last output: {}", lines.join(" | ")),
        };
        let (id, message) = (&watched.id, error.message());
        let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
        let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
        let text = Shown(format!("{id}: {message}{cause}{output}; next try at {next_try}{help}")).to_string();
        let is_new = self.of(watched, |known| known.said.is_new(&format!("{message}{cause}"), now));
        if *failures == 1 || is_new.unwrap_or(true) {
            tracing::warn!("{text}");
        } else {
            tracing::debug!("{text}");
        }
    }
}
