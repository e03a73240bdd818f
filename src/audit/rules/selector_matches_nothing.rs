//! A Service whose selector fits no workload.

use crate::audit::coverage::{Covered, location};
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::k8s::Labels;

pub(super) static RULE: Rule = Rule {
    id: "selector-matches-nothing",
    title: "the selector of a Service fits no workload of the manifests",
    rationale: "A Service without members refuses every connection. One wrong letter in a label is enough.",
    remedy: "make selector and pod labels equal",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Kubernetes: a Service selects by equality of every pair, in its own namespace")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(in crate::audit) fn over(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    for (s, service) in network.services.iter().enumerate() {
        if service.selector.is_empty() || !network.selected[s].is_empty() {
            continue;
        }
        // Of Services for what is not in the manifests nothing can be said: only those that nearly fit a node are meant.
        let fits = |w: usize| nearly_fits(&service.selector, &network.workloads[w].labels).map(|fit| (fit, w));
        let nodes = (0..network.nodes.len()).filter(|w| network.nodes[*w].is_some());
        // The first of those that fit best.
        let Some((_, w)) = nodes.filter_map(fits).max_by_key(|(fit, w)| (*fit, std::cmp::Reverse(*w))) else {
            continue;
        };
        let workload = &network.workloads[w];
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
        findings.report(&RULE, &at, message).subject(&service.meta.to_string()).add();
    }
}

/// How well a selector fits labels, where it fits but for what a slip explains: a misspelt value, a label that was left out
/// beside others that fit.
fn nearly_fits(selector: &Labels, labels: &Labels) -> Option<usize> {
    let (mut same, mut missing) = (0, 0);
    for (key, wanted) in selector {
        match labels.get(key) {
            Some(held) if held == wanted => same += 1,
            Some(held) => {
                let distance = strsim::damerau_levenshtein(held, wanted);
                if distance > 2 || 3 * distance > held.len().max(wanted.len()) {
                    return None;
                }
            }
            None => missing += 1,
        }
    }
    (missing == 0 || same > missing).then_some(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_nearly_fits_and_another_service_does_not() {
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
        ] {
            assert_eq!(nearly_fits(&labels(selector), &labels(pod)), expected, "{selector} / {pod}");
        }
    }
}
