//! An ECDSA signature with a high S.

use super::check::{Check, Context};
use crate::audit::catalogue::SIGNATURE_HIGH_S;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &SIGNATURE_HIGH_S, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject
        .certificates
        .iter()
        // The signature of a root is not hashed, and cryptogen does not normalise it.
        .filter(|c| matches!(c.place, Place::SignCert | Place::IntermediateCa | Place::Admin))
    {
        let cert = &held.cert;
        let high = subject
            .certificates
            .iter()
            .filter(|ca| ca.cert.subject_raw() == cert.issuer_raw())
            .find_map(|ca| cert.has_high_s(&ca.cert))
            .unwrap_or(false);
        if high {
            findings
                .report(&SIGNATURE_HIGH_S, &held.at, "the S of its signature is above half the order of the curve")
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, identity, msp_folder, with_high_s};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn the_other_s_of_a_signature_verifies_too_and_is_noted() {
        let root = ca("root").self_signed();
        let mut peer = identity("peer1").issued_by(&root);
        assert!(found(&CHECK, &msp_folder(&peer, &root)).is_empty());
        peer.cert = with_high_s(&peer.cert);
        assert!(peer.cert.is_issued_by(&root.cert));
        assert_eq!(found(&CHECK, &msp_folder(&peer, &root)).len(), 1);
    }

    #[test]
    fn intermediates_count_and_roots_do_not() {
        let root = ca("root").self_signed();
        let high = with_high_s(&ca("middle").issued_by(&root).cert);
        for (place, count) in [(Place::IntermediateCa, 1), (Place::Admin, 1), (Place::TlsRootCa, 0)] {
            let certs = [(place, &high), (Place::RootCa, &root.cert)];
            assert_eq!(found(&CHECK, &holding(SubjectKind::Msp, certs)).len(), count, "{place:?}");
        }
    }
}
