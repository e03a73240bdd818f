//! Names stand on the signing certificate, where they do nothing.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Place;
use crate::audit::subject::Subject;
use crate::name;

pub(super) static RULE: Rule = Rule {
    id: "san-on-msp-only",
    title: "names stand on the signing certificate",
    rationale: "TLS uses the certificate of the TLS folder; names on the signing certificate of the MSP \
                reach no client. Whoever asked for them there may believe that the peer answers to them.",
    remedy: "ask for the names with --tls-dir: fabcert enroll --tls-dir DIR --san NAME",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("a peer serves CORE_PEER_TLS_CERT_FILE, never signcerts")],
    refusals: &[],
    applies: |subject, context| subject.msp.is_some() && context.expectation.required().next().is_some(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.at(Place::SignCert) {
        let names: Vec<String> = context
            .expectation
            .required()
            .filter(|n| name::holds(held.cert.sans(), &n.name))
            .map(|n| n.name.to_string())
            .collect();
        if !names.is_empty() {
            let message = format!("{} stands on the signing certificate, which TLS does not use", names.join(", "));
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).names(names).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, expecting, found_expecting, msp_folder, server};
    use super::*;

    #[test]
    fn an_expected_name_on_the_signing_certificate_is_found() {
        let root = ca("root").self_signed();
        let subject = msp_folder(&server("peer1", &["gateway"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&RULE, &subject, &expecting(&["gateway"], None)).len(), 1);
        assert!(found_expecting(&RULE, &subject, &expecting(&["other"], None)).is_empty());
    }
}
