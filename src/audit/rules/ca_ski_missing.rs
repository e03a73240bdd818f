//! A CA certificate has no subject key identifier.

use super::check::{Check, Context};
use crate::audit::catalogue::CA_SKI_MISSING;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &CA_SKI_MISSING, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_authority() && c.place != Place::Loose) {
        let cert = &held.cert;

        if matches!(held.place, Place::RootCa | Place::IntermediateCa | Place::TlsRootCa | Place::TlsIntermediateCa)
            && cert.is_ca()
            && cert.subject_key_id().is_none()
        {
            findings
                .report(&CA_SKI_MISSING, &held.at, "it has no subject key identifier")
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_ca_without_the_identifier_is_found() {
        let mut spec = ca("root");
        let good = spec.self_signed();
        assert!(found(&CHECK, &msp_folder(&identity("peer1").issued_by(&good), &good)).is_empty());
        spec.key_ids = false;
        let bad = spec.self_signed();
        assert_eq!(found(&CHECK, &msp_folder(&identity("peer1").issued_by(&bad), &bad)).len(), 1);
    }
}
