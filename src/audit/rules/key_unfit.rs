//! A type of key that Fabric does not accept for identities.

use super::check::{Check, Context};
use crate::audit::catalogue::KEY_UNFIT;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};
use crate::msp::ChannelRules;
use crate::pki::x509::PublicKeyKind;

pub(super) static CHECK: Check =
    Check { rule: &KEY_UNFIT, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.place == Place::SignCert) {
        let cert = &held.cert;
        let unfit = match cert.public_key() {
            PublicKeyKind::Ed25519 => context.channel_rules == ChannelRules::V1_4_3,
            kind => !kind.is_ecdsa(),
        };
        if unfit {
            findings
                .report(
                    &KEY_UNFIT,
                    &held.at,
                    format!("Fabric does not accept an identity with a key of type {}", cert.public_key()),
                )
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder, rsa_spki};
    use super::*;

    #[test]
    fn an_rsa_identity_is_found() {
        let root = ca("root").self_signed();
        let mut spec = identity("peer1");
        assert!(found(&CHECK, &msp_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.spki = Some(rsa_spki(2048));
        assert_eq!(found(&CHECK, &msp_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
