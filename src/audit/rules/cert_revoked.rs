//! A certificate is revoked by a list of the same MSP.

use super::check::{Check, Context};
use crate::audit::catalogue::CERT_REVOKED;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCrl, Place, Subject};
use crate::pki::x509::SignatureCheck;

pub(super) static CHECK: Check = Check {
    rule: &CERT_REVOKED,
    applies: |subject, _| !subject.crls.is_empty() && !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let signed = |held: &&HeldCrl| {
        let mut cas = subject.certificates.iter().filter(|c| c.is_authority() && held.crl.names(&c.cert));
        cas.any(|ca| held.crl.signature_by(&ca.cert) != SignatureCheck::Bad)
    };
    // Fabric reads the first list of a file, and does not check whether a root is revoked.
    let lists: Vec<_> = subject.crls.iter().filter(|c| c.at.block.is_none_or(|b| b == 1)).filter(signed).collect();
    for held in subject.certificates.iter().filter(|c| !matches!(c.place, Place::RootCa | Place::TlsRootCa)) {
        if let Some(by) = lists.iter().find(|list| list.crl.lists(&held.cert)) {
            let message = format!("it is revoked by {}", by.at.path.display());
            findings.report(&CERT_REVOKED, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::crl_ignored::tests::{list, with_crl};
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_certificate_on_the_list_of_its_own_ca_is_found() {
        let (root, other) = (ca("root").self_signed(), ca("root").self_signed());
        let peer = identity("peer1").issued_by(&root);
        let subject = |signer, serial| with_crl(msp_folder(&peer, &root), list("root", signer, serial, 12));
        assert_eq!(found(&CHECK, &subject(&root, 0x2a)).len(), 1);
        let mut second = subject(&root, 0x2a);
        second.crls[0].at.block = Some(2);
        assert!(found(&CHECK, &second).is_empty(), "Fabric reads the first list of a file");
        assert!(found(&CHECK, &subject(&root, 0x2b)).is_empty(), "another serial number");
        assert!(found(&CHECK, &subject(&other, 0x2a)).is_empty(), "another key");
    }
}
