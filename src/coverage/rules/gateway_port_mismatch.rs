//! A port of a Service that leads to no port of a member.

use std::collections::HashMap;
use std::rc::Rc;

use crate::audit::catalogue::GATEWAY_PORT_MISMATCH;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::{ServicePort, Target};

pub(super) static CHECK: Check = Check { rule: &GATEWAY_PORT_MISMATCH, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    // Services with the same pods and an equal port have the same answer.
    let mut known: HashMap<(*const usize, u16, &Target), Rc<Misses>> = HashMap::new();
    for (s, service) in network.services.iter().enumerate() {
        if network.members(s).is_empty() {
            continue;
        }
        for port in service.ports.iter().filter(|p| p.is_tcp) {
            let key = (network.selected[s].as_ptr(), port.port, &port.target);
            let found = known.entry(key).or_insert_with(|| Rc::new(misses(covered, port, &network.selected[s])));
            let at = location(&service.meta.at.line(port.line));
            for (w, why) in &found.first {
                let meta = &network.workloads[*w].meta;
                let message = format!("port {} of {} leads {meta} {why}", port.port, service.meta);
                let subject = format!("{}, {meta}", service.meta);
                findings.report(&GATEWAY_PORT_MISMATCH, &at, message).subject(&subject).add();
            }
            if found.more > 0 {
                let message = format!(
                    "port {} of {} also leads nowhere in {} more workloads",
                    port.port, service.meta, found.more
                );
                findings.report(&GATEWAY_PORT_MISMATCH, &at, message).subject(&service.meta.to_string()).add();
            }
        }
    }
}

/// The workloads of a Service in which a port leads nowhere.
struct Misses {
    /// The first ones, each with the reason.
    first: Vec<(usize, String)>,
    /// The number of others.
    more: usize,
}

/// The most workloads that are named for one port.
const NAMED: usize = 50;

fn misses(covered: &Covered, port: &ServicePort, workloads: &[usize]) -> Misses {
    let mut found = Misses { first: Vec::new(), more: 0 };
    for w in workloads {
        let workload = &covered.network.workloads[*w];
        // Pods of Jobs end, and the manifests do not contain the resources that an operator creates.
        if matches!(workload.meta.kind.as_str(), "Job" | "CronJob") || workload.operated.is_some() {
            continue;
        }
        if let Some(why) = missed(covered, port, *w) {
            if found.first.len() < NAMED {
                found.first.push((*w, why));
            } else {
                found.more += 1;
            }
        }
    }
    found
}

/// The reason why a port leads nowhere in a pod. Containers need not declare ports, so a number counts only if others
/// are declared, the node's environment does not contain it, and no container without ports can have it.
fn missed(covered: &Covered, port: &ServicePort, w: usize) -> Option<String> {
    let network = &covered.network;
    let workload = &network.workloads[w];
    let declared: Vec<u16> = workload.containers.iter().flat_map(|c| &c.ports).map(|p| p.number).collect();
    match (&port.target, network.target(port, w)) {
        (Target::Name(name), None) => Some(format!("by the name \"{name}\", which none of its containers declares")),
        (_, Some(number)) if !declared.is_empty() && !declared.contains(&number) => {
            let answers = network.nodes[w].as_ref().is_some_and(|node| {
                let beside = !node.listens_at(port.port) && network.may_be_beside(w, node);
                node.listens_at(number) || node.operations_port == Some(number) || beside
            });
            let list: Vec<String> = declared.iter().map(ToString::to_string).collect();
            (!answers).then(|| format!("to port {number}, and its containers have {}", list.join(", ")))
        }
        (_, Some(number)) => {
            let node = network.nodes[w].as_ref().filter(|node| node.has_left(number))?;
            let others = workload.containers.iter().enumerate().filter(|(index, _)| *index != node.container);
            let is_anothers = others.into_iter().any(|(_, c)| c.ports.iter().any(|p| p.number == number));
            let list: Vec<String> = node.ports.iter().flatten().map(ToString::to_string).collect();
            let is_beside = declared.is_empty() && network.may_be_beside(w, node);
            (!is_anothers && !is_beside)
                .then(|| format!("to port {number}, and the node listens at {}", list.join(", ")))
        }
        _ => None,
    }
}
