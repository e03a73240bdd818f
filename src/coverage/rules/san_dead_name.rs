//! A name in a node's TLS certificate leads nowhere, or somewhere else.

use crate::audit::catalogue::SAN_DEAD_NAME;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::manifests::{Lead, Need};
use crate::pki::name::SanName;

pub(super) static CHECK: Check = Check { rule: &SAN_DEAD_NAME, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let knows_outside = network.knows_outside();
    for node in &covered.nodes {
        // Without a Service for the node in the manifests, its names cannot be judged.
        if network.selecting[node.workload].is_empty() {
            continue;
        }
        for held in &node.held {
            let common_name = held.certificate.and_then(|c| network.certificates[c].common_name.as_deref());
            for name in &held.names {
                let text = name.text.to_ascii_lowercase();
                let judged = matches!(name.name, SanName::Dns(_))
                    && text != "localhost"
                    && common_name.is_none_or(|cn| !cn.eq_ignore_ascii_case(&text))
                    && (knows_outside || network.is_in_cluster(&text));
                if !judged {
                    continue;
                }
                let leads = match network.lead(&text, node.workload, &node.needed) {
                    Lead::Here => continue,
                    Lead::Elsewhere(what) => format!("{what} answers to it, and does not lead to"),
                    Lead::Nowhere => "no Service or route in the manifests answers to it for".to_owned(),
                };
                let meta = &network.workloads[node.workload].meta;
                let nearest =
                    nearest(&text, node.needed.iter().filter(|n| n.need == Need::Required || n.service.is_some()));
                let hint = nearest.as_ref().map(|near| {
                    let lacks = if held.holds(near) { "held as well" } else { "which it lacks" };
                    format!("; the nearest real name is {near}, {lacks}")
                });
                let message = format!("{} holds {text}: {leads} {meta}{}", held.by, hint.unwrap_or_default());
                let remedy = match &nearest {
                    Some(near) if !held.holds(near) => format!("write {near} instead of {text}"),
                    _ => format!("remove {text}"),
                };
                findings.report(&SAN_DEAD_NAME, &name.at, message).subject(&held.by).names([text]).remedy(remedy).add();
            }
        }
    }
}

/// The needed name with the smallest edit distance, if it is close enough.
fn nearest<'a>(text: &str, needed: impl Iterator<Item = &'a crate::manifests::Needed>) -> Option<SanName> {
    let of = |n: &'a crate::manifests::Needed| (strsim::damerau_levenshtein(text, &n.name.to_string()), &n.name);
    let (distance, name) = needed.map(of).min_by_key(|(distance, _)| *distance)?;
    (distance <= text.len() / 3).then(|| name.clone())
}
