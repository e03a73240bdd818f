//! The certificate's time is over.

use super::check::{Check, Context};
use super::paste;
use crate::audit::catalogue::{EXPIRED, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &EXPIRED, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let end = held.cert.not_after();
        if end >= context.now || end < held.cert.not_before() {
            continue;
        }
        let days = context.now.seconds_since(end) / 86_400;
        let (severity, effect) = effect(held);
        findings
            .report(&EXPIRED, &held.at, format!("the certificate ended at {end}, {days} days ago{effect}"))
            .subject(held.cert.subject())
            .severity(severity)
            .remedy(renewal(subject, held))
            .add();
    }
}

/// How to come by a new one: a CA's own certificate is not enrolled.
pub(super) fn renewal(subject: &Subject, held: &HeldCert) -> String {
    if held.is_authority() {
        "renew the CA with the key that it has, put its new certificate there, then enrol again what it issued"
            .to_owned()
    } else if held.place == Place::Admin {
        "enrol the administrator again, and put the new certificate in the place of this one".to_owned()
    } else {
        paste::enrol(subject, "")
    }
}

/// How bad it is, by what the certificate is there for.
const fn effect(held: &HeldCert) -> (Severity, &'static str) {
    match held.place {
        Place::RootCa | Place::IntermediateCa => {
            (Severity::Warning, "; Fabric takes the identities that it issued before and none that begin later")
        }
        Place::Admin => (Severity::Warning, "; Fabric loads it in silence and refuses what this administrator signs"),
        Place::SignCertExtra => (Severity::Note, "; Fabric does not look at it"),
        _ => (Severity::Error, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::audit::rules::fixture::{DAY, NOW, ca, found, identity, msp_folder};

    #[test]
    fn the_last_second_still_counts_and_the_next_does_not() {
        let root = ca("ca").self_signed();
        let ending = |end: i64| {
            let mut spec = identity("peer0");
            spec.not_after = Timestamp::from_unix(NOW.unix() + end);
            found(&CHECK, &msp_folder(&spec.issued_by(&root), &root))
        };
        assert_eq!(ending(0), []);
        assert_eq!(ending(-1)[0].severity, Severity::Error);
        assert!(ending(-3 * DAY)[0].message.contains("3 days ago"));
    }

    #[test]
    fn a_root_that_ended_is_a_warning_since_fabric_goes_on_with_it() {
        let mut spec = ca("ca");
        spec.not_after = Timestamp::from_unix(NOW.unix() - 1);
        let root = spec.self_signed();
        let findings = found(&CHECK, &msp_folder(&identity("peer0").issued_by(&root), &root));
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Warning));
        assert!(findings[0].remedy.starts_with("renew the CA"), "{}", findings[0].remedy);
    }
}
