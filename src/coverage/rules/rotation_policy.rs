//! A Certificate that lets cert-manager replace a key that others rely on.

use crate::audit::catalogue::ROTATION_POLICY;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::FabricKind;

pub(super) static CHECK: Check = Check { rule: &ROTATION_POLICY, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    for certificate in &network.certificates {
        if certificate.rotation_policy.as_ref().is_some_and(|policy| policy.text == "Never") {
            continue;
        }
        let orderer = network.nodes.iter().zip(&network.workloads).find(|(node, workload)| {
            node.as_ref().is_some_and(|n| n.kind == FabricKind::Orderer)
                && workload.meta.may_share_namespace(&certificate.meta)
                && workload.mounted(true).any(|name| name == certificate.secret_name)
        });
        let whose = match orderer {
            _ if certificate.is_ca => {
                "a CA's key: the certificates issued so far do not verify under the new key".to_owned()
            }
            Some((_, workload)) => {
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
