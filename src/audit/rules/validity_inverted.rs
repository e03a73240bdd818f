//! The certificate ends before it begins.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "validity-inverted",
    title: "certificate ends before it begins",
    rationale: "Such a certificate is never valid.",
    remedy: "issue it again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.1.2.5" }],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;

        if cert.not_after() < cert.not_before() {
            findings
                .report(&RULE, &held.at, format!("it begins at {} and ends at {}", cert.not_before(), cert.not_after()))
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
    fn an_end_before_the_start_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        std::mem::swap(&mut spec.not_before, &mut spec.not_after);
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
