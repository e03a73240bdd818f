//! Fabric ignores further certificates of a file.

use super::check::{Check, Context};
use crate::audit::catalogue::MSP_EXTRA_BLOCK;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Place, Subject};

pub(super) static CHECK: Check = Check { rule: &MSP_EXTRA_BLOCK, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let watched = |c: &&HeldCert| {
        matches!(
            c.place,
            Place::RootCa | Place::IntermediateCa | Place::Admin | Place::TlsRootCa | Place::TlsIntermediateCa
        )
    };
    for held in subject.certificates.iter().filter(watched).filter(|c| c.at.block.is_some_and(|b| b > 1)) {
        let message = "Fabric ignores this certificate: it reads only the first of a file";
        findings.report(&MSP_EXTRA_BLOCK, &held.at, message).subject(held.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn the_second_block_of_a_ca_file_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        assert!(found(&CHECK, &subject).is_empty());
        let mut second = subject.at(Place::RootCa).next().unwrap().clone();
        second.at.block = Some(2);
        subject.certificates.push(second);
        assert_eq!(found(&CHECK, &subject).len(), 1);
    }
}
