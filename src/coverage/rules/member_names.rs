//! The names that lead to a node and are missing from its TLS certificate: shared by the two rules about them.

use crate::text::shell_word;
use std::collections::HashSet;
use std::path::Path;

use crate::audit::catalogue::Rule;
use crate::audit::model::finding::Findings;
use crate::coverage::covered::{Covered, CoveredNode, HeldNames};
use crate::manifests::{Need, Needed};

/// Reports the names of one kind that certificates of nodes lack, one finding for each Service.
pub(super) fn report(rule: &Rule, need: Need, covered: &Covered, findings: &mut Findings) {
    for node in &covered.nodes {
        for held in &node.held {
            for (service, lacking) in held.lacking(&node.needed, need) {
                // Of the names that nothing dials, only the longer forms of Service names are reported.
                if need == Need::Advised && service.is_none() {
                    continue;
                }
                let names: Vec<String> = lacking.iter().map(|n| n.name.to_string()).collect();
                let message = message(covered, node, held, service, &lacking, need);
                let remedy = remedy(covered, node, held, &names);
                findings.report(rule, &held.at, message).subject(&held.by).names(names).remedy(remedy).add();
            }
        }
    }
}

fn message(
    covered: &Covered,
    node: &CoveredNode,
    held: &HeldNames,
    service: Option<usize>,
    lacking: &[&Needed],
    need: Need,
) -> String {
    let network = &covered.network;
    let workload = &network.workloads[node.workload].meta;
    let member = match service {
        None => format!("{workload}: "),
        Some(s) => {
            let members = network.members(s);
            let place = members.binary_search(&node.workload).map_or(1, |at| at + 1);
            match members.len() {
                0 | 1 => format!("{}, {workload}: ", network.services[s].meta),
                n => format!("{}, member {place} of {n} ({workload}): ", network.services[s].meta),
            }
        }
    };
    let verb = if held.certificate.is_some() { "does not request" } else { "lacks" };
    if need == Need::Advised {
        let names: Vec<String> = lacking.iter().map(|n| n.name.to_string()).collect();
        return format!("{member}{} {verb} {}: nothing in the manifests dials it", held.by, names.join(", "));
    }
    let names: Vec<String> = lacking
        .iter()
        .map(|n| match n.reasons.first() {
            Some(reason) => format!("{} ({}, {})", n.name, reason.words, reason.at),
            None => n.name.to_string(),
        })
        .collect();
    format!("{member}{} {verb} {}", held.by, names.join(", "))
}

fn remedy(covered: &Covered, node: &CoveredNode, held: &HeldNames, names: &[String]) -> String {
    match held.certificate {
        Some(c) => {
            let certificate = &covered.network.certificates[c].meta;
            format!("add to the dnsNames of {certificate}: {}; or let fabcert audit --fix do it", names.join(", "))
        }
        None if held.by.starts_with("Fabric") || held.by.starts_with("IBP") => {
            format!("add to its csr hosts: {}", names.join(", "))
        }
        None => {
            let is_folder = held.at.path.to_string_lossy() == held.by && !is_certificate(&held.at.path);
            // An enrolment keeps the names that the certificate in its folder holds; elsewhere they are given too.
            let held_names = held.names.iter().filter(|_| !is_folder);
            let mut all: Vec<String> = held_names.map(|n| n.text.clone()).collect();
            let mut known: HashSet<String> = all.iter().cloned().collect();
            let lacking = held.lacking(&node.needed, Need::Required);
            let required = lacking.values().flatten().map(|n| n.name.to_string());
            for name in required.chain(names.iter().cloned()) {
                if known.insert(name.clone()) {
                    all.push(name);
                }
            }
            let folder = if is_folder { format!(" --tls-dir {}", shell_word(&held.by)) } else { String::new() };
            let names = shell_word(&all.join(","));
            format!("fabcert enroll --san {names}{folder} # and the flags of the last enrolment")
        }
    }
}

/// Whether a path has the name of a certificate file.
fn is_certificate(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["pem", "crt", "cer", "der"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}
