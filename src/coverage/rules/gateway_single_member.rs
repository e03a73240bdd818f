//! A gateway Service with one member.

use std::collections::HashMap;

use crate::audit::catalogue::GATEWAY_SINGLE_MEMBER;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &GATEWAY_SINGLE_MEMBER, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let mut has_own: HashMap<usize, bool> = HashMap::new();
    for (s, service) in network.services.iter().enumerate() {
        let [member] = *network.members(s) else { continue };
        let workload = &network.workloads[member];
        if workload.replicas > 1 || !is_shared(covered, s, member, &mut has_own) {
            continue;
        }
        let selector: Vec<String> = service.selector.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let message = format!("{} leads only to {}: no other member takes over from it", service.meta, workload.meta);
        let remedy = format!("give the pods of a second peer the labels {}", selector.join(", "));
        let at = location(&service.meta.at.line(service.selector_line));
        findings.report(&GATEWAY_SINGLE_MEMBER, &at, message).subject(&service.meta.to_string()).remedy(remedy).add();
    }
}

/// Whether a Service is meant for several nodes: its name says so, or its member has a separate Service of its own; not
/// if it selects the member by name.
fn is_shared(covered: &Covered, s: usize, member: usize, has_own: &mut HashMap<usize, bool>) -> bool {
    let network = &covered.network;
    let (service, workload) = (&network.services[s], &network.workloads[member]);
    let own_name = &workload.meta.name;
    if service.meta.name == *own_name || service.selector.values().any(|value| value == own_name) {
        return false;
    }
    let named = service.meta.name.split('-').any(|word| matches!(word, "gateway" | "gw"));
    let is_own = |o: &usize| {
        let other = &network.services[*o];
        other.meta.name == *own_name || other.selector.values().any(|v| v == own_name)
    };
    named || *has_own.entry(member).or_insert_with(|| network.selecting[member].iter().any(is_own))
}
