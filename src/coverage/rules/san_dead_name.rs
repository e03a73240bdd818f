//! A name in a node's TLS certificate leads nowhere, or somewhere else.

use crate::audit::catalogue::{INPUT_SKIPPED, SAN_DEAD_NAME, Severity};
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::{Lead, Need, Needed};
use crate::pki::name::{NameIndex, SanName};

pub(super) static CHECK: Check = Check { rule: &SAN_DEAD_NAME, check };

/// The most names that one run judges: nodes may share a certificate with very many names.
const MOST_NAMES: usize = 5_000_000;

/// The most names that one run compares to find the nearest one.
const MOST_COMPARISONS: usize = 500_000;

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let knows_outside = network.knows_outside();
    let (mut comparisons, mut judged) = (MOST_COMPARISONS, 0);
    for node in &covered.nodes {
        // Without a Service for the node in the manifests, its names cannot be judged.
        if network.selecting[node.workload].is_empty() || node.left_out.is_some() {
            continue;
        }
        let index = NameIndex::new(node.needed.iter().map(|n| &n.name));
        for held in &node.held {
            judged += held.names.len();
            if judged > MOST_NAMES {
                let meta = &network.workloads[node.workload].meta;
                let message = format!(
                    "too many nodes have certificates with too many names: those of {meta} and of later nodes were not \
                     searched for names that lead nowhere"
                );
                findings.report(&INPUT_SKIPPED, &location(&meta.at), message).severity(Severity::Error).add();
                return;
            }
            let common_name = held.certificate.and_then(|c| network.certificates[c].common_name.as_deref());
            for name in &held.names {
                let text = name.text.to_ascii_lowercase();
                let is_judged = matches!(name.name, SanName::Dns(_))
                    && text != "localhost"
                    && common_name.is_none_or(|cn| !cn.eq_ignore_ascii_case(&text))
                    && (knows_outside || network.is_in_cluster(&text));
                if !is_judged {
                    continue;
                }
                let leads = match network.lead(&text, node.workload, &index) {
                    Lead::Here => continue,
                    Lead::Elsewhere(what) => format!("{what} answers to it, and does not lead to"),
                    Lead::Nowhere => "no Service or route in the manifests answers to it for".to_owned(),
                };
                let meta = &network.workloads[node.workload].meta;
                let real = node.needed.iter().filter(|n| n.need == Need::Required || n.service.is_some());
                let nearest = nearest(&text, real, &mut comparisons);
                let hint = nearest.as_ref().map(|near| {
                    let lacks = if held.holds(near) { "held as well" } else { "which it lacks" };
                    format!("; the nearest real name is {near}, {lacks}")
                });
                let message = format!("{} holds {text}: {leads} {meta}{}", held.by, hint.unwrap_or_default());
                let remedy = match &nearest {
                    Some(near) if !held.holds(near) => format!("write {near} instead of {text}"),
                    _ => format!("remove {text}"),
                };
                let at = held.place(name);
                findings.report(&SAN_DEAD_NAME, &at, message).subject(&held.by).names([text]).remedy(remedy).add();
            }
        }
    }
}

/// The needed name with the smallest edit distance, if it is close enough; none once no comparisons are left.
fn nearest<'a>(text: &str, needed: impl Iterator<Item = &'a Needed>, comparisons: &mut usize) -> Option<SanName> {
    let most = text.len() / 3;
    let mut best: Option<(usize, &SanName)> = None;
    for one in needed {
        *comparisons = comparisons.checked_sub(1)?;
        let name = one.name.to_string();
        if name.len().abs_diff(text.len()) > most {
            continue;
        }
        let distance = strsim::damerau_levenshtein(text, &name);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, &one.name));
        }
    }
    best.map(|(_, name)| name.clone())
}
