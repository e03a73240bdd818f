//! The TLS certificate holds no name.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;
use crate::audit::subject::{HeldCert, Place};

pub(super) static RULE: Rule = Rule {
    id: "san-none",
    title: "TLS certificate holds no name at all",
    rationale: "Go looks at SANs only and never at the CN, so no Go client accepts this certificate under \
                any name; Node and Java still take the CN.",
    remedy: "enrol with names: fabcert enroll --san NAME --gateway-service SERVICE",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| matches!(c.place, Place::Server | Place::Served)) {
        let cert = &held.cert;

        if cert.sans().is_empty() {
            findings
                .report(
                    &RULE,
                    &held.at,
                    match cert.common_name() {
                        Some(cn) => format!("it holds no name; its CN \"{cn}\" counts for Node and Java clients only"),
                        None => "it holds no name".to_owned(),
                    },
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
    fn a_server_without_names_is_found() {
        let root = ca("root").self_signed();
        assert!(found(&RULE, &tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root)).is_empty());
        let findings = found(&RULE, &tls_folder(&server("peer1", &[]).issued_by(&root), &root));
        assert!(findings.len() == 1 && findings[0].message.contains("peer1"), "{findings:?}");
    }
}
