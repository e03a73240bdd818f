//! A CA certificate has no subject key identifier.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "ca-ski-missing",
    title: "a CA certificate has no subject key identifier",
    rationale: "Fabric refuses an MSP with such a CA; revocation lists and chains find a CA by it.",
    remedy: "have the CA issued again with a subject key identifier (openssl: subjectKeyIdentifier=hash)",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.2" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCAs" },
    ],
    refusals: &[21],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_authority() && c.place != Place::Loose) {
        let cert = &held.cert;

        if matches!(held.place, Place::RootCa | Place::IntermediateCa | Place::TlsRootCa | Place::TlsIntermediateCa)
            && cert.is_ca()
            && cert.subject_key_id().is_none()
        {
            findings.report(&RULE, &held.at, "it has no subject key identifier").subject(cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_ca_without_the_identifier_is_found() {
        let mut spec = ca("root");
        let good = spec.self_signed();
        assert!(found(&RULE, &msp_folder(&identity("peer1").issued_by(&good), &good)).is_empty());
        spec.key_ids = false;
        let bad = spec.self_signed();
        assert_eq!(found(&RULE, &msp_folder(&identity("peer1").issued_by(&bad), &bad)).len(), 1);
    }
}
