//! A Service whose selector fits no workload.

use crate::audit::coverage::{Covered, location};
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};

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
        let fits = |w: usize| {
            let labels = &network.workloads[w].labels;
            let values = service.selector.iter().filter(|(k, v)| labels.get(*k) == Some(*v)).count();
            let near = |(k, v): (&String, &String)| {
                labels.get(k).is_some_and(|held| strsim::damerau_levenshtein(held, v) <= 2)
            };
            let keys = service.selector.iter().filter(|pair| near(*pair)).count();
            (values + keys > 0).then_some((values + keys, w))
        };
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
