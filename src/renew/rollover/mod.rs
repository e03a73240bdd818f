//! A root CA replaced by another, over many folders, in phases (Fabric's own order, `certs_management.md`, "Renew CA
//! Certificate"): every folder trusts both roots, the certificates are issued again, the old root goes. A phase is refused
//! while the one before is not complete on every folder.

mod roots;
mod step;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use self::roots::{Issuers, Roots, fingerprint, roots};
use self::step::{Change, change};
use self::table::{Seen, check, next};
use super::found::{Finds, Found, find};
use super::pass::{Options, RowError, gateways, pass};
use super::schedule::{GAP, turns};
use crate::identity::Environment;
use crate::identity::held::{Held, HeldForm};
use crate::pki::x509::NodeOu;
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
    let turns = all_turns(&finds.identities, roots, now);
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
        is_complete: held.root.is_some(),
        own: held.cas.iter().map(fingerprint).collect(),
        tls: held.tls_cas.iter().map(fingerprint).collect(),
        is_noted: !held.overlap.replaced.is_empty(),
    }
}

fn phases(found: &Found, roots: &Roots) -> Vec<Phase> {
    let (replaced, new) = roots.named();
    found.folders().map(|held| Row::of(&seen(held, roots), &replaced, &new).phase).collect()
}

/// When each identity with a certificate of the old root may be renewed; `None` for the others. Members of one gateway take
/// turns, and so do all orderers, whose channels need most of them.
fn all_turns(all: &[Found], roots: &Roots, now: Timestamp) -> Vec<Option<Timestamp>> {
    let is_orderer = |held: &Held| NodeOu::among(held.leaf.organizational_units()).contains(&NodeOu::Orderer);
    let groups = gateways(all)
        .into_iter()
        .zip(all)
        .map(|(gateway, found)| if found.folders().any(is_orderer) { Some(" orderers".to_owned()) } else { gateway });
    let mut groups_of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut times: Vec<Option<Timestamp>> = vec![None; all.len()];
    let waits: Vec<bool> = all.iter().map(|found| phases(found, roots).contains(&Phase::Reissue)).collect();
    for (at, group) in groups.enumerate() {
        match group {
            Some(group) => groups_of.entry(group).or_default().push(at),
            None => times[at] = waits[at].then_some(now),
        }
    }
    let is_reissued = |held: &&Held| held.root.as_ref().is_some_and(|root| roots.new.contains(root));
    for members in groups_of.values() {
        let issued = members.iter().flat_map(|at| all[*at].folders()).filter(is_reissued);
        let last = issued.filter_map(|held| held.record.as_ref().map(|record| record.issued_at)).max();
        let waiting: Vec<usize> = members.iter().copied().filter(|at| waits[*at]).collect();
        for (at, time) in waiting.iter().zip(turns(last, waiting.len(), GAP, now)) {
            times[*at] = Some(time);
        }
    }
    times
}

/// Issues the certificates again that may be issued now, and notes for the others when they may: then `renew` does it too.
fn reissue(all: Vec<Found>, roots: &Roots, options: &Options, env: &Environment<'_>) -> Errors {
    let now = (env.now)();
    let turns = all_turns(&all, roots, now);
    let (mut due, mut errors, mut issuers) = (Vec::new(), Errors::new(), Issuers::default());
    for (mut found, time) in all.into_iter().zip(turns).filter_map(|(found, turn)| Some((found, turn?))) {
        if options.ca.is_some() {
            // The new CA is given: it takes the place of the recorded one.
            found.folders_mut().filter_map(|held| held.record.as_mut()).for_each(|record| record.ca = None);
        }
        let phases = phases(&found, roots);
        let waiting = || found.folders().zip(&phases).filter(|(_, phase)| **phase == Phase::Reissue);
        let checked = waiting().filter_map(|(held, _)| {
            let e = issuers.check(held, &roots.pairs, options, env).err()?;
            Some((held.target.clone(), RowError::of(&e)))
        });
        let mut failed: Vec<(PathBuf, RowError)> = checked.collect();
        if failed.is_empty() {
            failed = change(&found, &phases, &roots.pairs, Change::Reissue(time), options, env);
        }
        if failed.is_empty() && time <= now {
            due.push(found);
        }
        errors.extend(failed);
    }
    let renewed = pass(&Finds { identities: due, unreadable: Vec::new() }, options, &|_| (), env);
    for row in renewed.identities {
        // The error is of the identity: it is shown at the folder that was due.
        let folder = row.folders.iter().find(|folder| folder.reason.is_some()).or_else(|| row.folders.first());
        if let (Some(folder), Some(e)) = (folder, row.error) {
            errors.insert(folder.path.clone(), e);
        }
    }
    errors
}
