//! A serial number outside what RFC 5280 allows.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "serial-odd",
    title: "the serial number is negative, zero or too long",
    rationale: "Go refuses a negative serial number; RFC 5280 wants a positive one of 20 bytes at most.",
    remedy: "issue it again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.2" },
        Source::Go { package: "crypto/x509", item: "ParseCertificate" },
    ],
    refusals: &[18],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;

        if cert.serial().first().is_some_and(|b| b & 0x80 != 0) {
            findings
                .report(&RULE, &held.at, "its serial number is negative: Go refuses it")
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
    fn a_negative_serial_number_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.serial = vec![0x80, 1];
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
