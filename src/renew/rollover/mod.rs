//! A root CA replaced by another, over many folders, in phases (Fabric's own order, `certs_management.md`, "Renew CA
//! Certificate"): every folder trusts both roots, the certificates are issued again, the old root goes. A phase is refused
//! while the one before is not complete on every folder.

mod queue;
mod roots;
mod step;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use self::queue::{reissue, turns};
use self::roots::{Roots, fingerprint, roots};
use self::step::{Change, change};
use self::table::{Seen, check, next};
use super::found::{Finds, Found, find};
use super::pass::Options;
use super::row::RowError;
use crate::identity::Environment;
use crate::identity::held::{Held, HeldForm};
use crate::{Error, Timestamp};

pub(crate) use self::roots::RootsGiven;
pub(crate) use self::table::{Phase, Row};

/// The table of a rollover after a run, or before it in a dry run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema_version: u32,
    pub(crate) dry_run: bool,
    /// The phase of this run.
    pub(crate) phase: Phase,
    /// The phase that is next.
    pub(crate) next: Phase,
    /// RFC 3339, UTC: when the next member of a gateway may be renewed, if all that are left wait for others.
    pub(crate) next_at: Option<String>,
    pub(crate) folders: Vec<Row>,
    /// The worst of all errors.
    #[serde(skip)]
    failed: Option<u8>,
}

impl Report {
    /// The worst of all folders; of a dry run 1 if something is to do and no folder failed.
    pub(crate) fn exit_code(&self) -> u8 {
        self.failed.unwrap_or_else(|| u8::from(self.dry_run && self.next != Phase::Done))
    }
}

/// Runs one phase over the folders in `paths`: the given one, or the next.
///
/// # Errors
/// When a root cannot be used, the phase before is not complete, or as [`find`].
pub(crate) fn rollover(
    paths: &[PathBuf],
    (given, phase): (&RootsGiven, Option<Phase>),
    options: &Options,
    env: &Environment<'_>,
) -> Result<Report, Error> {
    let mut finds = find(paths, env.disk)?;
    let roots = roots(given, &finds.identities, options, env)?;
    let rows = rows(&finds, &roots);
    let phase = phase.unwrap_or_else(|| next(&rows));
    check(&rows, phase)?;
    let mut errors = Errors::new();
    if !options.dry_run {
        let step = match phase {
            Phase::Trust => Some(Change::Trust),
            Phase::Drop => Some(Change::Drop),
            Phase::Reissue | Phase::Done => None,
        };
        if let Some(step) = step {
            for found in &finds.identities {
                let phases = phases(found, &roots);
                if phases.contains(&phase) {
                    errors.extend(change(found, &phases, &roots.pairs, step, options, env));
                }
            }
        } else if phase == Phase::Reissue {
            errors = reissue(std::mem::take(&mut finds.identities), &roots, options, env);
        }
        finds = find(paths, env.disk)?;
    }
    Ok(report(&finds, &roots, &errors, phase, options, env))
}

/// Errors by folder.
type Errors = BTreeMap<PathBuf, RowError>;

fn report(
    finds: &Finds,
    roots: &Roots,
    errors: &Errors,
    phase: Phase,
    options: &Options,
    env: &Environment<'_>,
) -> Report {
    let mut folders = rows(finds, roots);
    let now = (env.now)();
    let turns = turns(&finds.identities, roots, now);
    let times = finds.identities.iter().zip(&turns).flat_map(|(found, turn)| found.folders().map(move |_| *turn));
    for (row, turn) in folders.iter_mut().zip(times).filter(|(row, _)| row.phase == Phase::Reissue) {
        row.next_at = turn.filter(|at| *at > now).map(Timestamp::rfc3339);
    }
    for row in &mut folders {
        if let Some(e) = errors.get(&row.path) {
            row.error = Some(e.clone());
        }
    }
    let failed = folders.iter().filter_map(|row| Some(row.error.as_ref()?.exit_code)).max();
    // RFC 3339 in UTC sorts by time.
    let waiting = folders.iter().filter(|row| row.phase == Phase::Reissue);
    let times: Vec<Option<String>> = waiting.map(|row| row.next_at.clone()).collect();
    let next_at = if times.contains(&None) { None } else { times.into_iter().flatten().min() };
    Report { schema_version: 1, dry_run: options.dry_run, phase, next: next(&folders), next_at, folders, failed }
}

fn rows(finds: &Finds, roots: &Roots) -> Vec<Row> {
    let (replaced, new) = roots.named();
    let folders =
        finds.identities.iter().flat_map(Found::folders).map(|held| Row::of(&seen(held, roots), &replaced, &new));
    folders.chain(finds.unreadable.iter().map(Row::unreadable)).collect()
}

fn seen(held: &Held, roots: &Roots) -> Seen {
    Seen {
        id: held.id().to_owned(),
        role: if held.form == HeldForm::Msp { "sign" } else { "tls" },
        path: held.target.clone(),
        leaf: roots.root_of_leaf(held).as_ref().map(fingerprint),
        is_complete: held.root().is_some(),
        own: held.cas.iter().map(fingerprint).collect(),
        tls: held.tls_cas.iter().map(fingerprint).collect(),
        is_noted: !held.overlap.replaced.is_empty(),
    }
}

fn phases(found: &Found, roots: &Roots) -> Vec<Phase> {
    let (replaced, new) = roots.named();
    found.folders().map(|held| Row::of(&seen(held, roots), &replaced, &new).phase).collect()
}
