//! A critical extension that Go does not know.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "ext-critical-unknown",
    title: "a critical extension is not understood",
    rationale: "Go refuses a certificate with a critical extension that it does not handle, as RFC 5280 \
                wants it.",
    remedy: "have it issued without that extension, or not critical",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[41],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;

        if !cert.unhandled_critical().is_empty() {
            findings
                .report(
                    &RULE,
                    &held.at,
                    format!("Go does not handle its critical extension {}", cert.unhandled_critical().join(", ")),
                )
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
    fn an_unknown_critical_extension_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        spec.extra.push((&[1, 2, 3, 4, 5], false, vec![5, 0]));
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.extra.push((&[1, 2, 3, 4, 6], true, vec![5, 0]));
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
