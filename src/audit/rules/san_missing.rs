//! A name that clients dial is not in the TLS certificate.

use crate::audit::expectation::NameSource;
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::{HeldCert, Subject};
use crate::name;

pub(super) static RULE: Rule = Rule {
    id: "san-missing",
    title: "TLS certificate lacks a name that clients dial",
    rationale: "TLS clients compare the name they dial with the certificate's SANs and nothing else. A connection by a \
                name that is not there fails, in Go, Node and Java alike.",
    remedy: "enrol again with every name: fabcert enroll --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    applies: |subject, context| {
        context.expectation.required().next().is_some() && subject.certificates.iter().any(HeldCert::is_tls_leaf)
    },
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let missing: Vec<_> = context
            .expectation
            .required()
            .filter(|n| !matches!(n.source, NameSource::GatewayService(_)))
            .filter(|n| {
                !name::holds(held.cert.sans(), &n.name) && !name::matches_as_go(held.cert.sans(), &n.name.to_string())
            })
            .collect();
        if missing.is_empty() {
            continue;
        }
        let list: Vec<String> = missing.iter().map(|n| format!("{} ({})", n.name, n.source.words())).collect();
        let names: Vec<String> = missing.iter().map(|n| n.name.to_string()).collect();
        findings
            .report(&RULE, &held.at, format!("the certificate lacks {}", list.join(", ")))
            .subject(held.cert.subject())
            .remedy(format!("fabcert enroll --force --san {} ...", names.join(",")))
            .names(names)
            .add();
    }
}
