//! The certificate's time has not come.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "not-yet-valid",
    title: "certificate is not valid yet",
    rationale: "TLS clients refuse a certificate before its time. Fabric loads such a signing certificate without a \
                word, and others refuse what it signs. Mostly a clock is wrong, at the CA or here.",
    remedy: "compare the clocks of the CA and of this machine, then enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.5" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.place != Place::SignCertExtra) {
        let begin = held.cert.not_before();
        if begin > context.now && begin <= held.cert.not_after() {
            findings
                .report(&RULE, &held.at, format!("the certificate is valid from {begin}, and it is {}", context.now))
                .subject(held.cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::audit::rules::fixture::{NOW, ca, found, server, tls_folder};

    #[test]
    fn a_certificate_counts_from_its_first_second() {
        let root = ca("ca").self_signed();
        let beginning = |seconds: i64| {
            let mut spec = server("peer0", &["peer0"]);
            spec.not_before = Timestamp::from_unix(NOW.unix() + seconds);
            found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len()
        };
        assert_eq!((beginning(0), beginning(1)), (0, 1));
    }
}
