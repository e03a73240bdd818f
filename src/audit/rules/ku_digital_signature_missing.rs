//! A key usage leaves digital signature out.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "ku-digital-signature-missing",
    title: "key usage lacks digital signature",
    rationale: "Java clients refuse an ECDSA server certificate whose key usage lacks digital signature; Go \
                and Node accept it.",
    remedy: "enrol with the profile tls",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.2.1.3" }],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_evident_server()) {
        let cert = &held.cert;

        if cert.key_usage().is_some_and(|u| !u.digital_signature) {
            findings
                .report(&RULE, &held.at, "its key usage lacks digital signature: Java clients refuse it")
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn a_server_that_may_not_sign_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.key_usage = Some(vec![2]);
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
