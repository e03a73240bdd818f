//! The certificate expires soon.

use super::check::{Check, Context};
use super::expired::renewal;
use crate::audit::catalogue::{EXPIRING, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &EXPIRING, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.place != Place::SignCertExtra) {
        let left = held.cert.not_after().seconds_since(context.now);
        let days = left / 86_400;
        if left < 0 || days >= context.expectation.warn_days_left {
            continue;
        }
        let severity = if days < context.expectation.min_days_left { Severity::Error } else { Severity::Warning };
        findings
            .report(
                &EXPIRING,
                &held.at,
                format!("the certificate expires at {}, in {days} days", held.cert.not_after()),
            )
            .subject(held.cert.subject())
            .severity(severity)
            .remedy(renewal(subject, held, true))
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{DAY, NOW, ca, found, identity, msp_folder, server, tls_folder};
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_month_is_a_warning_and_a_week_an_error() {
        let root = ca("root").self_signed();
        for (days, severity) in [
            (40, None),
            (30, None),
            (29, Some(Severity::Warning)),
            (7, Some(Severity::Warning)),
            (6, Some(Severity::Error)),
            (-1, None),
        ] {
            let mut spec = server("peer1", &["peer1"]);
            spec.not_after = Timestamp::from_unix(NOW.unix() + days * DAY + 60);
            let findings = found(&CHECK, &tls_folder(&spec.issued_by(&root), &root));
            assert_eq!(findings.first().map(|f| f.severity), severity, "{days}");
        }
    }

    #[test]
    fn a_certificate_that_fabric_does_not_read_may_expire() {
        let root = ca("root").self_signed();
        let mut spec = identity("peer1");
        spec.not_after = Timestamp::from_unix(NOW.unix() + DAY);
        let mut subject = msp_folder(&spec.issued_by(&root), &root);
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.certificates[0].place = Place::SignCertExtra;
        assert_eq!(found(&CHECK, &subject), []);
    }
}
