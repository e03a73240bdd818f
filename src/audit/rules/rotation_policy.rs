//! cert-manager may replace a key that others rely on.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};
use crate::manifests::FabricKind;

pub(super) static RULE: Rule = Rule {
    id: "rotation-policy",
    title: "cert-manager may replace the key of an orderer or of a CA",
    rationale: "Channel configurations name the TLS certificates of consenters, and a CA's key is what everybody trusts. cert-manager 1.18 and later make a new key at each renewal unless told otherwise: the orderer is then a stranger to its channel, and every certificate of the CA is of a CA that is gone.",
    remedy: "add below spec.privateKey: rotationPolicy: Never",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager 1.18 release notes: privateKey.rotationPolicy is Always by default")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
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
            _ if certificate.is_ca => "a CA's key: what it issued is of a CA that is gone".to_owned(),
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
        findings.report(&RULE, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
