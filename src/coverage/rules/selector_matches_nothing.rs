//! A Service whose selector matches no workload.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::audit::catalogue::SELECTOR_MATCHES_NOTHING;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::{Labels, Network};

pub(super) static CHECK: Check = Check { rule: &SELECTOR_MATCHES_NOTHING, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let nodes = Nodes::of(network);
    let mut known: HashMap<&Labels, Option<usize>> = HashMap::new();
    for (s, service) in network.services.iter().enumerate() {
        if service.selector.is_empty() || !network.selected[s].is_empty() {
            continue;
        }
        // A Service may select pods outside the manifests: it is reported only if its selector nearly matches a node.
        let Some(w) = *known.entry(&service.selector).or_insert_with(|| nodes.nearest(&service.selector)) else {
            continue;
        };
        let workload = &network.workloads[w];
        let fits = service.selector.iter().all(|(k, v)| workload.labels.get(k) == Some(v));
        if fits && service.meta.may_share_namespace(&workload.meta) {
            // A Service with the same name in a nearer namespace selects the pods.
            continue;
        }
        let message = match &service.meta.namespace {
            _ if !service.meta.may_share_namespace(&workload.meta) => format!(
                "{} selects in its own namespace {}, and the nearest node, {}, is in {}",
                service.meta,
                service.meta.namespace.as_deref().unwrap_or("(unknown)"),
                workload.meta,
                workload.meta.namespace.as_deref().unwrap_or("another")
            ),
            _ => {
                let differs = service.selector.iter().filter(|(k, v)| workload.labels.get(*k) != Some(*v));
                let words = differs.map(|(k, v)| match workload.labels.get(k) {
                    Some(held) => format!("{k}: {v}, and its pods have {k}: {held}"),
                    None => format!("{k}: {v}, and its pods have no {k}"),
                });
                let words: Vec<String> = words.collect();
                format!("{} selects nothing; the nearest node is {}: {}", service.meta, workload.meta, words.join("; "))
            }
        };
        let at = location(&service.meta.at.line(service.selector_line));
        findings.report(&SELECTOR_MATCHES_NOTHING, &at, message).subject(&service.meta.to_string()).add();
    }
}

/// The nodes by the labels of their pods.
struct Nodes<'a> {
    /// Different labels, each with its first node, in the order of the nodes.
    labels: Vec<(&'a Labels, usize)>,
    /// The indices in `labels` by one pair.
    by_pair: HashMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Nodes<'a> {
    /// The most labels that one selector is compared with.
    const COMPARED: usize = 1000;

    fn of(network: &'a Network) -> Self {
        let (mut labels, mut by_pair): (Vec<(&Labels, usize)>, HashMap<_, Vec<usize>>) = Default::default();
        let mut known: HashSet<&Labels> = HashSet::new();
        for (w, _) in network.nodes.iter().enumerate().filter(|(_, node)| node.is_some()) {
            let own = &network.workloads[w].labels;
            if known.insert(own) {
                for (key, value) in own {
                    by_pair.entry((key.as_str(), value.as_str())).or_default().push(labels.len());
                }
                labels.push((own, w));
            }
        }
        Self { labels, by_pair }
    }

    /// The first of the nodes that a selector matches best. Among very many nodes, those that it shares a pair with are
    /// compared before others.
    fn nearest(&self, selector: &Labels) -> Option<usize> {
        let pairs = selector.iter().filter_map(|(key, value)| self.by_pair.get(&(key.as_str(), value.as_str())));
        let sharing: BTreeSet<usize> = pairs.flat_map(|found| found.iter().take(Self::COMPARED)).copied().collect();
        let compared = sharing.iter().copied().chain(0..self.labels.len()).take(Self::COMPARED);
        let fits = |index: usize| {
            let (labels, w) = self.labels[index];
            nearly_fits(selector, labels).map(|fit| (fit, w))
        };
        let best = compared.filter_map(fits).max_by_key(|(fit, w)| (*fit, std::cmp::Reverse(*w)));
        best.map(|(_, w)| w)
    }
}

/// How well a selector matches labels, apart from differences that a slip explains: a misspelt value, or a missing
/// label beside others that match.
fn nearly_fits(selector: &Labels, labels: &Labels) -> Option<usize> {
    let (mut same, mut missing) = (0, 0);
    for (key, wanted) in selector {
        match labels.get(key) {
            Some(held) if held == wanted => same += 1,
            Some(held) => {
                let edits = (1..=2).find(|edits| is_within(held.as_bytes(), wanted.as_bytes(), *edits))?;
                if 3 * edits > held.len().max(wanted.len()) {
                    return None;
                }
            }
            None => missing += 1,
        }
    }
    (missing == 0 || same > missing).then_some(same)
}

/// Whether at most `edits` insertions, deletions, replacements or swaps of adjacent letters turn one text into the
/// other. Every Service is compared with every node, so the search ends as soon as more are needed.
fn is_within(a: &[u8], b: &[u8], edits: usize) -> bool {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    let (Some((first, a_rest)), Some((second, b_rest))) = (a.split_first(), b.split_first()) else {
        return a.len().max(b.len()) <= edits;
    };
    let is_swapped = || a_rest.first() == Some(second) && b_rest.first() == Some(first);
    a.len().abs_diff(b.len()) <= edits
        && edits > 0
        && (is_within(a_rest, b, edits - 1)
            || is_within(a, b_rest, edits - 1)
            || is_within(a_rest, b_rest, edits - 1)
            || (is_swapped() && is_within(&a_rest[1..], &b_rest[1..], edits - 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn misspelt_selector_nearly_matches_and_another_does_not() {
        let labels = |text: &str| -> Labels {
            text.split_whitespace().filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
        };
        for (selector, pod, expected) in [
            ("org=acmee", "org=acme", Some(0)),
            ("org=acme role=peer", "org=acme role=peer", Some(2)),
            ("org=acme role=pere", "org=acme role=peer", Some(1)),
            ("org=acme role=peer tier=x", "org=acme role=peer", Some(2)),
            ("org=acme tier=x", "org=acme role=peer", None),
            ("app=ca", "app=cli", None),
            ("app=x0", "app=a", None),
            ("app=hlf-ca release=r", "app=hlf-peer release=r", None),
            ("app=api", "role=peer", None),
            ("org=amce", "org=acme", Some(0)),
        ] {
            assert_eq!(nearly_fits(&labels(selector), &labels(pod)), expected, "{selector} / {pod}");
        }
    }

    proptest! {
        #[test]
        fn edits_are_counted_as_a_library_counts_them(a in "[ab]{0,6}", b in "[ab]{0,6}") {
            let distance = strsim::osa_distance(&a, &b);
            for edits in 0..=2 {
                prop_assert_eq!(is_within(a.as_bytes(), b.as_bytes(), edits), distance <= edits, "{} {}", a, b);
            }
        }
    }
}
