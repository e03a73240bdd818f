//! A Certificate that lets cert-manager replace a key that others rely on.

use std::collections::HashMap;

use crate::audit::catalogue::ROTATION_POLICY;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::{FabricKind, Workload};

pub(super) static CHECK: Check = Check { rule: &ROTATION_POLICY, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let mut orderers: HashMap<&str, Vec<&Workload>> = HashMap::new();
    for (node, workload) in network.nodes.iter().zip(&network.workloads) {
        if node.as_ref().is_some_and(|n| n.kind == FabricKind::Orderer) {
            workload.mounted(true).for_each(|name| orderers.entry(name).or_default().push(workload));
        }
    }
    for certificate in &network.certificates {
        if certificate.rotation_policy.as_ref().is_some_and(|policy| policy.text == "Never") {
            continue;
        }
        let mounting = orderers.get(certificate.secret_name.as_str()).into_iter().flatten();
        let orderer = mounting.into_iter().find(|workload| workload.meta.may_share_namespace(&certificate.meta));
        let whose = match orderer {
            _ if certificate.is_ca => {
                "a CA's key: the certificates issued so far do not verify under the new key".to_owned()
            }
            Some(workload) => {
                format!("the TLS key of the orderer {}: its channels know the old one", workload.meta.name)
            }
            None => continue,
        };
        let policy =
            certificate.rotation_policy.as_ref().map_or("no rotationPolicy", |_| "a rotationPolicy other than Never");
        let message = format!("{} has {policy}, and the next renewal replaces {whose}", certificate.meta);
        let line = certificate.rotation_policy.as_ref().map(|p| p.line).or(certificate.private_key_line);
        let at = location(&certificate.meta.at.line(line.unwrap_or(certificate.meta.at.line)));
        findings.report(&ROTATION_POLICY, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
