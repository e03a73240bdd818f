//! The certificate has expired.

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
            .report(&EXPIRED, &held.at, format!("the certificate expired at {end}, {days} days ago{effect}"))
            .subject(held.cert.subject())
            .severity(severity)
            .remedy(renewal(subject, held, false))
            .add();
    }
}

/// The remedy; the certificate of a CA is renewed, not enrolled. `force`: the certificate may not be due yet.
pub(super) fn renewal(subject: &Subject, held: &HeldCert, force: bool) -> String {
    if held.is_authority() {
        "renew the CA with its present key, put its new certificate there, then enrol again the certificates that it issued"
            .to_owned()
    } else if held.place == Place::Admin {
        "enrol the administrator again, and replace this certificate with the new one".to_owned()
    } else {
        paste::enrol(subject, "", force)
    }
}

/// The severity, by the place of the certificate.
const fn effect(held: &HeldCert) -> (Severity, &'static str) {
    match held.place {
        Place::RootCa | Place::IntermediateCa => {
            (Severity::Warning, "; Fabric accepts identities that it issued before, but none that begin later")
        }
        Place::Admin => {
            (Severity::Warning, "; Fabric loads it without a warning and refuses the signatures of this administrator")
        }
        Place::SignCertExtra => (Severity::Note, "; Fabric does not read it"),
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
    fn an_expired_root_is_a_warning() {
        let mut spec = ca("ca");
        spec.not_after = Timestamp::from_unix(NOW.unix() - 1);
        let root = spec.self_signed();
        let findings = found(&CHECK, &msp_folder(&identity("peer0").issued_by(&root), &root));
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Warning));
        assert!(findings[0].remedy.starts_with("renew the CA"), "{}", findings[0].remedy);
    }
}
