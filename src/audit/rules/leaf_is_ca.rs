//! A CA certificate stands where a node's own belongs.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "leaf-is-ca",
    title: "a CA certificate is used as an identity or as a server's",
    rationale: "Fabric takes no CA as an identity. A key that signs certificates should serve no traffic.",
    remedy: "enrol an identity and use its certificate",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertificationChainForBCCSPIdentity" }],
    refusals: &[44],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.cert.is_ca()) {
        let severity = match held.place {
            Place::SignCert | Place::Admin => Severity::Error,
            // It works, and its key can issue more than anyone meant.
            Place::Server | Place::Served => Severity::Warning,
            _ => continue,
        };
        findings
            .report(&RULE, &held.at, "it is a CA certificate (CA:TRUE)")
            .subject(held.cert.subject())
            .severity(severity)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder, tls_folder};
    use super::*;

    #[test]
    fn a_root_as_identity_is_found() {
        let root = ca("root").self_signed();
        assert!(found(&RULE, &msp_folder(&identity("peer1").issued_by(&root), &root)).is_empty());
        assert_eq!(found(&RULE, &msp_folder(&root, &root)).len(), 1);
    }

    #[test]
    fn a_server_that_is_its_own_ca_is_a_warning() {
        let root = ca("root").self_signed();
        assert_eq!(found(&RULE, &tls_folder(&root, &root))[0].severity, Severity::Warning);
    }
}
