//! A CA certificate does not say that it is one.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "ca-constraints",
    title: "a CA certificate is no CA",
    rationale: "Without CA:TRUE in basicConstraints nothing that it issued is trusted; Fabric refuses the \
                MSP.",
    remedy: "have the CA issued again as a CA, or put the right certificate there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.9" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCAs" },
    ],
    refusals: &[20, 25],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_authority() && c.place != Place::Loose) {
        let cert = &held.cert;

        if matches!(held.place, Place::RootCa | Place::IntermediateCa | Place::TlsRootCa | Place::TlsIntermediateCa)
            && !cert.is_ca()
        {
            findings.report(&RULE, &held.at, "its basicConstraints do not say CA:TRUE").subject(cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_leaf_among_the_roots_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        assert!(found(&RULE, &msp_folder(&peer, &root)).is_empty());
        assert_eq!(found(&RULE, &msp_folder(&peer, &peer)).len(), 1);
    }
}
