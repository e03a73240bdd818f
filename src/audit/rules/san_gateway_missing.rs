//! A gateway Service's name is not in the TLS certificate of a peer behind it.

use crate::audit::expectation::NameSource;
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::{HeldCert, Subject};
use crate::name;

pub(super) static RULE: Rule = Rule {
    id: "san-gateway-missing",
    title: "TLS certificate of a member lacks the gateway Service's name",
    rationale: "Clients dial the Service's name and reach any of its members. Each member that lacks the name refuses its \
                share of the connections, at random, and all of them after a failover to it.",
    remedy: "enrol again with every name: fabcert enroll --gateway-service SERVICE with the flags of the last enrolment",
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
            .filter(|n| matches!(n.source, NameSource::GatewayService(_)))
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
