//! The certificate holds the short name of a Service only.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::HeldCert;
use crate::audit::subject::Subject;
use crate::name;

pub(super) static RULE: Rule = Rule {
    id: "san-short-only",
    title: "certificate works inside its own namespace only",
    rationale: "A Service is also dialled as S.NS, S.NS.svc and S.NS.svc.DOMAIN. TLS compares what the \
                client typed: the longer forms fail where only the short one is held.",
    remedy: "enrol with --namespace, which adds the longer forms",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" }],
    refusals: &[],
    applies: |subject, context| {
        context.expectation.names.iter().any(|n| n.advised) && subject.certificates.iter().any(HeldCert::is_tls_leaf)
    },
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let missing: Vec<String> = context
            .expectation
            .names
            .iter()
            .filter(|n| n.advised && !name::matches_as_go(held.cert.sans(), &n.name.to_string()))
            .map(|n| n.name.to_string())
            .collect();
        if !missing.is_empty() {
            let message = format!("clients of other namespaces would dial {}, which it lacks", missing.join(", "));
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).names(missing).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, expecting, found_expecting, server, tls_folder};
    use super::*;

    #[test]
    fn advised_names_that_are_missing_are_a_note() {
        let root = ca("root").self_signed();
        let subject = tls_folder(&server("peer1", &["s"]).issued_by(&root), &root);
        let mut expectation = expecting(&["s", "s.ns"], None);
        expectation.names[1].advised = true;
        let findings = found_expecting(&RULE, &subject, &expectation);
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Note));
        let whole = tls_folder(&server("peer1", &["s", "s.ns"]).issued_by(&root), &root);
        assert!(found_expecting(&RULE, &whole, &expectation).is_empty());
    }
}
