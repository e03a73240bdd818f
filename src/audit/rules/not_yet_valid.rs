//! The certificate's time has not come.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "not-yet-valid",
    title: "certificate is not valid yet",
    rationale: "No TLS client accepts it before its start. A peer starts with a signing certificate of the \
                future, and others may refuse what it signs.",
    remedy: "check the clocks of this machine and of the CA; enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.1.2.5" }],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;

        if cert.not_before() > context.now {
            findings
                .report(&RULE, &held.at, format!("the certificate begins only at {}", cert.not_before()))
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{DAY, NOW, ca, found, server, tls_folder};
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_certificate_of_tomorrow_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.not_before = Timestamp::from_unix(NOW.unix() + DAY);
        assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
