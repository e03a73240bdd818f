//! The last installs in a folder: what each wrote and owned, and which run it belongs to. A rollback follows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::sha256;
use crate::Timestamp;
use crate::disk::FolderReader;
use crate::install::FolderPlan;

/// The file in the state folder.
pub(crate) const FILE: &str = "installs.json";

/// The number of installs that are kept: the current set, the previous one, and those that a rollback skipped.
const KEPT: usize = 6;

/// One install in a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Install {
    /// A random number; the same for the folders that one run replaced.
    pub(crate) run: String,
    /// The time of the install by the local clock, and later than that of every earlier install that is known: the clock may
    /// have been set back.
    pub(crate) at: Timestamp,
    /// The other targets of the run.
    #[serde(default)]
    pub(crate) beside: Vec<PathBuf>,
    /// The files and folders that were replaced or removed as a whole.
    pub(crate) owned: Vec<PathBuf>,
    /// SHA-256 of each file written, by its path in the target.
    files: BTreeMap<PathBuf, String>,
}

impl Install {
    /// The install of `plan` in the run `run`, later than `latest`.
    pub(crate) fn of(
        run: String,
        plan: &FolderPlan,
        beside: Vec<PathBuf>,
        latest: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let files: BTreeMap<PathBuf, String> = plan.files.iter().map(|f| (f.path.clone(), sha256(&f.bytes))).collect();
        let mut owned = plan.owned.clone();
        owned.extend(files.keys().cloned());
        owned.sort_unstable();
        owned.dedup();
        let at = latest.map_or(now, |latest| now.max(latest.plus(Duration::from_secs(1))));
        Self { run, at, beside, owned, files }
    }

    /// Whether this install wrote the set in `folder`. `config.yaml` is left out: the operator may change it.
    fn wrote(&self, folder: &dyn FolderReader) -> bool {
        let mut files = self.files.iter().filter(|(path, _)| *path != Path::new("config.yaml"));
        files.all(|(path, digest)| folder.read(path).is_ok_and(|bytes| sha256(&bytes) == *digest))
    }
}

/// The last installs, the newest last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct History {
    schema_version: u32,
    installs: Vec<Install>,
    /// The rollback of several folders that is under way, or was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rollback: Option<Rollback>,
}

/// A rollback of several folders, noted in each before the first goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rollback {
    /// A random number; the same in every folder that goes back.
    pub(crate) id: String,
    /// The digest of the set that comes back.
    #[serde(default)]
    pub(crate) digest: String,
}

impl History {
    /// Reads the file. A broken one, or one of another schema, counts as empty: a rollback then goes by the usual names.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).ok().filter(|h: &Self| h.schema_version == 1).unwrap_or_default()
    }

    /// The bytes of the file with `install` added.
    pub(crate) fn with(mut self, install: Install) -> Vec<u8> {
        self.rollback = None;
        self.installs.push(install);
        let excess = self.installs.len().saturating_sub(KEPT);
        self.installs.drain(..excess);
        self.into_bytes()
    }

    /// The bytes of the file with this rollback under way.
    pub(crate) fn during(mut self, rollback: Option<Rollback>) -> Vec<u8> {
        self.rollback = rollback;
        self.into_bytes()
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.schema_version = 1;
        serde_json::to_vec_pretty(&self).unwrap_or_default()
    }

    /// The time of the last install by another run than `run`.
    pub(crate) fn latest_but(&self, run: &str) -> Option<Timestamp> {
        self.installs.iter().filter(|install| install.run != run).map(|install| install.at).max()
    }

    /// The times of the installs that are kept.
    pub(crate) fn times(&self) -> impl Iterator<Item = Timestamp> {
        self.installs.iter().map(|install| install.at)
    }

    /// The folders that were installed together with this one.
    pub(crate) fn beside(&self) -> impl Iterator<Item = &PathBuf> {
        self.installs.iter().flat_map(|install| &install.beside)
    }

    /// When this set was installed first.
    pub(crate) fn time_of(&self, set: &dyn FolderReader) -> Option<Timestamp> {
        self.installs.iter().find(|install| install.wrote(set)).map(|install| install.at)
    }

    /// The later of the installs that wrote these sets.
    pub(crate) fn later(&self, sets: &[&dyn FolderReader]) -> Option<&Install> {
        self.installs.iter().rev().find(|install| sets.iter().any(|set| install.wrote(*set)))
    }
}
