//! What is remembered of the hooks of one identity, in the state folder of its first target.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::restarted::Restarted;
use crate::Timestamp;
use crate::disk::Disk;
use crate::install::{InstallError, Place};

/// The file in the state folder.
const FILE: &str = "hooks.json";

const SCHEMA_VERSION: u32 = 1;

/// SHA-256 of the DER of each certificate in hex, by the role of its folder (`sign`, `tls`).
pub(crate) type Fingerprints = BTreeMap<String, String>;

/// What is remembered of the hooks of one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    schema_version: u32,
    /// The certificates for which the hooks passed last, or that were there before the agent; `null` where there was none.
    passed: BTreeMap<String, Option<String>>,
    /// The certificates whose hooks have not passed yet.
    pub(super) waiting: Option<Waiting>,
    /// The last restarts of the node by the cluster, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) restarts: Vec<Restarted>,
}

/// Hooks that have not passed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) certificates: Fingerprints,
    /// Why they were issued, if known.
    pub(super) reason: Option<String>,
    /// The number of tries that began.
    pub(super) tries: u32,
    /// When the last one began or failed.
    pub(super) last_try: Timestamp,
    pub(super) next_try: Timestamp,
    /// SHA-256 of each hook that is done for these certificates.
    pub(super) done: BTreeSet<String>,
    /// When each signal was sent whose effect is still to be proven.
    pub(super) signalled: BTreeMap<String, Timestamp>,
}

impl Waiting {
    pub(super) fn new(certificates: Fingerprints, now: Timestamp) -> Self {
        Self {
            certificates,
            reason: None,
            tries: 0,
            last_try: now,
            next_try: now,
            done: BTreeSet::new(),
            signalled: BTreeMap::new(),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Nothing has passed.
    pub(super) const fn new() -> Self {
        Self { schema_version: SCHEMA_VERSION, passed: BTreeMap::new(), waiting: None, restarts: Vec::new() }
    }

    /// Reads the file in `place`; `None` if it does not exist. After a damaged file, the hooks count as not passed for what is on
    /// disk.
    ///
    /// # Errors
    /// When it cannot be read, or must not be used.
    pub(super) fn read(place: &Place, disk: &Disk) -> Result<Option<Self>, InstallError> {
        let Some(bytes) = place.read_state_file(disk, FILE)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&bytes).ok().filter(|read: &Self| read.schema_version == SCHEMA_VERSION);
        Ok(Some(parsed.unwrap_or_else(|| {
            tracing::warn!("{} is damaged: the hooks run again", place.state_dir().join(FILE).display());
            let none = ["sign", "tls"].map(|role| (role.to_owned(), None));
            Self { passed: none.into(), ..Self::new() }
        })))
    }

    /// Writes the file and syncs it.
    ///
    /// # Errors
    /// When it cannot be written; the old one then stays.
    pub(super) fn write(&self, place: &Place, disk: &Disk) -> Result<(), InstallError> {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        let write = || place.write_state_file(disk, FILE, &bytes, 0o600);
        match write() {
            // Another fabcert that takes the lock removes files that are not finished.
            Err(InstallError::Fs(e)) if e.is(rustix::io::Errno::NOENT) => write(),
            done => done,
        }
    }

    /// Whether nothing is known about this role.
    pub(super) fn lacks(&self, role: &str) -> bool {
        !self.passed.contains_key(role)
            && self.waiting.as_ref().is_none_or(|waiting| !waiting.certificates.contains_key(role))
    }

    /// Takes what is in a folder as if the hooks had passed for it; `None`: no certificate.
    pub(super) fn take(&mut self, role: &str, fingerprint: Option<String>) {
        self.passed.insert(role.to_owned(), fingerprint);
    }

    /// Whether the hooks passed for each of these certificates.
    pub(super) fn has_passed(&self, certificates: &Fingerprints) -> bool {
        certificates.iter().all(|(role, fingerprint)| self.passed(role) == Some(fingerprint))
    }

    /// The certificate of a role for which the hooks passed last.
    pub(super) fn passed(&self, role: &str) -> Option<&String> {
        self.passed.get(role)?.as_ref()
    }

    /// Whether hooks have passed for no certificate yet, and there was none before the agent.
    pub(super) fn is_first(&self) -> bool {
        self.passed.values().all(Option::is_none)
    }

    /// What waits, if it is for these certificates.
    pub(super) fn waiting_for(&self, certificates: &Fingerprints) -> Option<&Waiting> {
        self.waiting.as_ref().filter(|waiting| waiting.certificates == *certificates)
    }

    /// Notes that the hooks passed for what waits.
    pub(super) fn pass(&mut self) {
        let passed = self.waiting.take().map(|waiting| waiting.certificates).unwrap_or_default();
        self.passed.extend(passed.into_iter().map(|(role, fingerprint)| (role, Some(fingerprint))));
    }
}
