//! The certificate's time is over.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "expired",
    title: "certificate has expired",
    rationale: "A peer does not start with an expired signing certificate, and no client accepts an expired TLS \
                certificate. A running peer goes on without a word until its next restart.",
    remedy: "enrol again: fabcert enroll --force with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.5" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupSigningIdentity" },
    ],
    refusals: &[38],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let end = held.cert.not_after();
        if end < context.now {
            let days = context.now.seconds_since(end) / 86_400;
            findings
                .report(&RULE, &held.at, format!("the certificate ended at {end}, {days} days ago"))
                .subject(held.cert.subject())
                .add();
        }
    }
}
