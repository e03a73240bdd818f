//! The order in which certificates of the old root are issued again: members of one gateway take turns, and so do all orderers,
//! whose channels need most of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::roots::{Issuers, Roots};
use super::step::{Change, change};
use super::table::Phase;
use super::{Errors, phases};
use crate::Timestamp;
use crate::identity::Environment;
use crate::identity::held::Held;
use crate::pki::x509::NodeOu;
use crate::renew::found::{Finds, Found};
use crate::renew::pass::{Options, gateways, pass};
use crate::renew::row::{RowAction, RowError};
use crate::renew::schedule::{self, GAP};

/// Identities that take turns.
struct Group {
    /// The positions of those that wait, in their order.
    waiting: Vec<usize>,
    /// When the last one of all got a certificate of the new root.
    last: Option<Timestamp>,
}

/// The noted turn of each identity that waits.
type Noted = BTreeMap<usize, Timestamp>;

impl Group {
    /// When each of those that wait may be renewed.
    fn turns(&self, noted: &Noted, now: Timestamp) -> Vec<(usize, Timestamp)> {
        let of_all: Vec<Option<Timestamp>> = self.waiting.iter().map(|at| noted.get(at).copied()).collect();
        self.waiting.iter().copied().zip(schedule::turns(self.last, &of_all, GAP, now)).collect()
    }

    /// Sends the first of those that wait to the end, or takes it out.
    fn is_over_for_first(&mut self, waits_again: bool) {
        let first = self.waiting.remove(0);
        self.waiting.extend(Some(first).filter(|_| waits_again));
    }
}

/// The identities with a certificate of the old root, by group. Those whose turn is noted come first, in the order of the turns.
fn groups(all: &[Found], roots: &Roots) -> (Vec<Group>, Noted) {
    let is_orderer = |held: &Held| NodeOu::among(held.leaf.organizational_units()).contains(&NodeOu::Orderer);
    let is_reissued = |held: &&Held| held.root().is_some_and(|root| roots.new.contains(root));
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (at, (gateway, found)) in gateways(all).into_iter().zip(all).enumerate() {
        match if found.folders().any(is_orderer) { Some(" orderers".to_owned()) } else { gateway } {
            Some(name) => named.entry(name).or_default().push(at),
            None => members.push(vec![at]),
        }
    }
    let of_found = |found: &Found| found.folders().filter_map(Held::reissue_at).max();
    let noted: Noted = all.iter().enumerate().filter_map(|(at, found)| Some((at, of_found(found)?))).collect();
    let group = |members: Vec<usize>| {
        let issued = members.iter().flat_map(|at| all[*at].folders()).filter(is_reissued);
        let last = issued.filter_map(|held| held.record.as_ref().map(|record| record.issued_at)).max();
        let waits = |at: &usize| phases(&all[*at], roots).contains(&Phase::Reissue);
        let mut waiting: Vec<usize> = members.into_iter().filter(waits).collect();
        waiting.sort_by_key(|at| (!noted.contains_key(at), noted.get(at).copied(), *at));
        Group { waiting, last }
    };
    members.extend(named.into_values());
    let groups = members.into_iter().map(group).filter(|group| !group.waiting.is_empty()).collect();
    (groups, noted)
}

/// When each identity with a certificate of the old root may be renewed; `None` for the others.
pub(super) fn turns(all: &[Found], roots: &Roots, now: Timestamp) -> Vec<Option<Timestamp>> {
    let (groups, noted) = groups(all, roots);
    let mut times = vec![None; all.len()];
    for (at, turn) in groups.iter().flat_map(|group| group.turns(&noted, now)) {
        times[at] = Some(turn);
    }
    times
}

/// Issues the certificates again that may be issued now, and notes for the others when they may: then `renew` does it too. A
/// member of a group that fails goes to the end, and the next one takes its turn.
pub(super) fn reissue(mut all: Vec<Found>, roots: &Roots, options: &Options, env: &Environment<'_>) -> Errors {
    let now = (env.now)();
    let (mut errors, mut issuers) = (Errors::new(), Issuers::default());
    // What an earlier run noted counts; what this run notes may change in it.
    let (mut groups, mut noted) = groups(&all, roots);
    let mut written = noted.clone();
    if options.ca.is_some() {
        // The new CA is given: it takes the place of the recorded one.
        let held = all.iter_mut().flat_map(Found::folders_mut);
        held.filter_map(|held| held.record.as_mut()).for_each(|record| record.ca = None);
    }
    let mut all: BTreeMap<usize, Found> = all.into_iter().enumerate().collect();
    let mut is_refused = |found: &Found| {
        let phases = phases(found, roots);
        let waiting = found.folders().zip(&phases).filter(|(_, phase)| **phase == Phase::Reissue);
        let failed = waiting.filter_map(|(held, _)| {
            let e = issuers.check(held, &roots.pairs, options, env).err()?;
            Some((held.target.clone(), RowError::of(&e)))
        });
        let before = errors.len();
        errors.extend(failed);
        errors.len() > before
    };
    for group in &mut groups {
        group.waiting.retain(|at| all.get(at).is_some_and(|found| !is_refused(found)));
    }
    let mut tried: BTreeSet<usize> = BTreeSet::new();
    loop {
        for group in &mut groups {
            let note = |found: &Found, turn| {
                change(found, &phases(found, roots), &roots.pairs, Change::Reissue(turn), options, env)
            };
            take_notes(group, (&noted, &mut written), (&all, &note), &mut errors, now);
        }
        let is_due = |at: &usize| written.get(at).is_some_and(|turn| *turn <= now) && !tried.contains(at);
        let first = |group: &mut Group| group.waiting.first().copied().filter(is_due);
        let due: BTreeMap<usize, &mut Group> =
            groups.iter_mut().filter_map(|group| Some((first(group)?, group))).collect();
        if due.is_empty() {
            return errors;
        }
        tried.extend(due.keys());
        let identities = due.keys().filter_map(|at| all.remove(at)).collect();
        let finds = Finds { identities, unreadable: Vec::new() };
        let renewed = pass(&finds, options, &|_| (), env);
        for (((at, group), found), row) in due.into_iter().zip(finds.identities).zip(renewed.identities) {
            let is_done = row.action == RowAction::Reenrolled;
            if is_done || found.folders().any(|held| is_replaced(held, env)) {
                group.last = Some((env.now)());
            }
            group.is_over_for_first(!is_done);
            noted.remove(&at);
            // The error is of the identity: it is shown at the folder that was due.
            let folder = row.folders.iter().find(|folder| folder.reason.is_some()).or_else(|| row.folders.first());
            if let (Some(folder), Some(e)) = (folder, row.error) {
                errors.insert(folder.path.clone(), e);
            }
            all.insert(at, found);
        }
    }
}

/// Writes the note of one identity.
type Note<'a> = dyn Fn(&Found, Timestamp) -> Vec<(PathBuf, RowError)> + 'a;

/// Notes the turn of each identity of a group, unless it is written already. One for which that fails waits for the next run.
fn take_notes(
    group: &mut Group,
    (noted, written): (&Noted, &mut Noted),
    (all, note): (&BTreeMap<usize, Found>, &Note<'_>),
    errors: &mut Errors,
    now: Timestamp,
) {
    loop {
        let new = group.turns(noted, now).into_iter().find(|(at, turn)| written.get(at) != Some(turn));
        let Some(((at, turn), found)) = new.and_then(|new| Some((new, all.get(&new.0)?))) else { return };
        let failed = note(found, turn);
        if failed.is_empty() {
            written.insert(at, turn);
        } else {
            group.waiting.retain(|other| *other != at);
            errors.extend(failed);
        }
    }
}

/// Whether the folder holds another certificate than before: one of two may have been installed before a failure.
fn is_replaced(held: &Held, env: &Environment<'_>) -> bool {
    let read = Held::read(&held.target, env.disk).ok().flatten();
    read.is_some_and(|now| now.leaf.der() != held.leaf.der())
}
