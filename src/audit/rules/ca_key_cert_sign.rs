//! A CA may not sign certificates.

use super::check::{Check, Context};
use crate::audit::catalogue::CA_KEY_CERT_SIGN;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &CA_KEY_CERT_SIGN, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    // For the other CAs of a folder, the verdicts of Fabric and Go report it.
    for held in subject.certificates.iter().filter(|c| matches!(c.place, Place::TlsRootCa | Place::Loose)) {
        if held.cert.is_ca() && held.cert.key_usage().is_some_and(|usage| !usage.key_cert_sign) {
            findings
                .report(
                    &CA_KEY_CERT_SIGN,
                    &held.at,
                    "it is a CA, and its key usage lacks keyCertSign: Go accepts no certificate that it issued",
                )
                .subject(held.cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn a_restricted_usage_without_key_cert_sign_is_found_and_no_restriction_is_not() {
        let with = |usage: Option<Vec<usize>>| {
            let mut spec = ca("tlsca");
            spec.key_usage = usage;
            found(&CHECK, &holding(SubjectKind::Msp, [(Place::TlsRootCa, &spec.self_signed().cert)])).len()
        };
        assert_eq!((with(Some(vec![0, 6])), with(Some(vec![5])), with(None)), (1, 0, 0));
    }
}
