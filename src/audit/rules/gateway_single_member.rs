//! A gateway Service with one member.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "gateway-single-member",
    title: "a gateway Service has one member only",
    rationale: "A Service in front of several peers is there so that clients outlive the loss of one. With one member there is nothing to fail over to.",
    remedy: "give a second peer the labels of the selector",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Fabric: run two or more peers of an organisation behind one Service")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    for (s, service) in network.services.iter().enumerate() {
        let [member] = network.members(s)[..] else { continue };
        let workload = &network.workloads[member];
        if workload.replicas > 1 || !is_shared(covered, s, member) {
            continue;
        }
        let selector: Vec<String> = service.selector.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let message = format!("{} leads to {} alone: nothing takes over from it", service.meta, workload.meta);
        let remedy = format!("give the pods of a second peer the labels {}", selector.join(", "));
        let at = location(&service.meta.at.line(service.selector_line));
        findings.report(&RULE, &at, message).subject(&service.meta.to_string()).remedy(remedy).add();
    }
}

/// Whether a Service is meant for several nodes: it selects its member by something else than the Service of its own, and
/// not by its name; or it says so by its own name.
fn is_shared(covered: &Covered, s: usize, member: usize) -> bool {
    let network = &covered.network;
    let (service, workload) = (&network.services[s], &network.workloads[member]);
    let own_name = &workload.meta.name;
    if service.meta.name == *own_name || service.selector.values().any(|value| value == own_name) {
        return false;
    }
    let named = service.meta.name.split('-').any(|word| matches!(word, "gateway" | "gw"));
    let others = network.selecting[member].iter().map(|other| &network.services[*other]);
    let has_own = others.into_iter().any(|o| o.meta.name == *own_name || o.selector.values().any(|v| v == own_name));
    named || has_own
}
