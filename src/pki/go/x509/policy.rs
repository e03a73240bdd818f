//! Certificate policies of a path (`crypto/x509/verify.go`, `policiesValid`; RFC 9618). They matter only when a CA
//! requires an explicit policy.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::Certificate;

type Policy = Vec<u8>;

const ANY: &[u8] = &[0x55, 29, 32, 0];

/// A policy of one level of the graph.
#[derive(Clone, Debug)]
struct Node {
    expected: Vec<Policy>,
    /// Its policies in the level above.
    parents: BTreeSet<Policy>,
}

/// The levels from the root down; `None` when no policy is left.
type Graph = Option<Vec<BTreeMap<Policy, Node>>>;

/// Whether the policies of a path, the leaf first, are consistent for a verifier that accepts any policy.
pub(super) fn policies_hold(path: &[&Certificate]) -> bool {
    let Some(length) = path.len().checked_sub(1).filter(|n| *n > 0) else { return true };
    let plain = |c: &&Certificate| {
        let p = &c.extensions.policies;
        p.mappings.is_empty() && p.require_explicit.is_none()
    };
    // No CA requires a policy.
    if path.iter().all(plain) {
        return true;
    }
    let start = i64::try_from(length + 1).unwrap_or(i64::MAX);
    let (mut inhibit_any, mut explicit, mut mapping) = (start, start, start);
    let root = Node { expected: vec![ANY.to_vec()], parents: BTreeSet::new() };
    let mut graph: Graph = Some(vec![BTreeMap::from([(ANY.to_vec(), root)])]);
    for at in (0..length).rev() {
        let certificate = path[at];
        let policies = &certificate.extensions.policies;
        let self_issued = certificate.issuer == certificate.subject;
        if policies.identifiers.is_empty() {
            graph = None;
        }
        if explicit == 0 && graph.is_none() {
            return false;
        }
        if let Some(levels) = &mut graph {
            let any_counts = inhibit_any > 0 || (at > 0 && self_issued);
            add_level(levels, &policies.identifiers, any_counts);
            if at > 0 && !map(levels, &policies.mappings, mapping > 0) {
                return false;
            }
        }
        if at > 0 {
            if !self_issued {
                for counter in [&mut explicit, &mut mapping, &mut inhibit_any] {
                    *counter = (*counter - 1).max(0);
                }
            }
            let lower = |counter: &mut i64, given: Option<i64>| {
                *counter = given.filter(|n| *n >= 0).map_or(*counter, |n| n.min(*counter));
            };
            lower(&mut explicit, policies.require_explicit);
            lower(&mut mapping, policies.inhibit_mapping);
            lower(&mut inhibit_any, policies.inhibit_any);
        }
    }
    explicit = (explicit - 1).max(0);
    if path[0].extensions.policies.require_explicit == Some(0) {
        explicit = 0;
    }
    explicit > 0 || graph.is_some_and(|levels| has_valid_policy(&levels))
}

fn add_level(levels: &mut Vec<BTreeMap<Policy, Node>>, identifiers: &[Policy], any_counts: bool) {
    let above = levels.last().cloned().unwrap_or_default();
    let expecting = |policy: &Policy| -> BTreeSet<Policy> {
        above.iter().filter(|(_, node)| node.expected.contains(policy)).map(|(name, _)| name.clone()).collect()
    };
    let mut level = BTreeMap::new();
    for policy in identifiers.iter().filter(|p| *p != ANY) {
        let mut parents = expecting(policy);
        if parents.is_empty() && above.contains_key(ANY) {
            parents.insert(ANY.to_vec());
        }
        if !parents.is_empty() {
            level.insert(policy.clone(), Node { expected: vec![policy.clone()], parents });
        }
    }
    if any_counts && identifiers.iter().any(|p| p == ANY) {
        let missing: BTreeSet<Policy> =
            above.values().flat_map(|node| &node.expected).filter(|p| !level.contains_key(*p)).cloned().collect();
        for policy in missing {
            let parents = expecting(&policy);
            level.insert(policy.clone(), Node { expected: vec![policy], parents });
        }
    }
    levels.push(level);
    prune(levels);
}

/// Removes policies without a policy below; the first and the last level stay.
fn prune(levels: &mut [BTreeMap<Policy, Node>]) {
    for at in (1..levels.len().saturating_sub(1)).rev() {
        let used: BTreeSet<Policy> = levels[at + 1].values().flat_map(|node| node.parents.clone()).collect();
        levels[at].retain(|policy, _| used.contains(policy));
    }
}

/// Applies policy mappings; `false` when one is invalid.
fn map(levels: &mut [BTreeMap<Policy, Node>], mappings: &[(Policy, Policy)], allowed: bool) -> bool {
    if mappings.is_empty() {
        return true;
    }
    let mut expected: BTreeMap<Policy, Vec<Policy>> = BTreeMap::new();
    for (issuer, subject) in mappings {
        if !allowed {
            levels.last_mut().map(|level| level.remove(issuer));
        } else if issuer == ANY || subject == ANY {
            return false;
        } else {
            expected.entry(issuer.clone()).or_default().push(subject.clone());
        }
    }
    prune(levels);
    let Some(level) = levels.last_mut() else { return true };
    for (issuer, subjects) in expected {
        if let Some(node) = level.get_mut(&issuer) {
            node.expected = subjects;
        } else if level.contains_key(ANY) {
            level.insert(issuer, Node { expected: subjects, parents: BTreeSet::from([ANY.to_vec()]) });
        }
    }
    true
}

/// Whether a valid policy is left: one whose only parent is "any", or "any" itself at the end.
fn has_valid_policy(levels: &[BTreeMap<Policy, Node>]) -> bool {
    let only_any = |node: &Node| node.parents.len() == 1 && node.parents.contains(ANY);
    let named = levels.iter().flatten().any(|(policy, node)| policy != ANY && only_any(node));
    named || levels.last().is_some_and(|level| level.contains_key(ANY))
}
