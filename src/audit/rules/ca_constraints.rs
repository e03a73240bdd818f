//! A CA certificate is not marked as a CA.

use super::check::{Check, Context};
use crate::audit::catalogue::CA_CONSTRAINTS;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &CA_CONSTRAINTS, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_authority() && c.place != Place::Loose) {
        let cert = &held.cert;

        if matches!(held.place, Place::RootCa | Place::IntermediateCa | Place::TlsRootCa | Place::TlsIntermediateCa)
            && !cert.is_ca()
        {
            findings
                .report(&CA_CONSTRAINTS, &held.at, "its basicConstraints lack CA:TRUE")
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
    fn a_leaf_among_the_roots_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        assert!(found(&CHECK, &msp_folder(&peer, &root)).is_empty());
        assert_eq!(found(&CHECK, &msp_folder(&peer, &peer)).len(), 1);
    }
}
