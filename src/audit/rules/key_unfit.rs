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
    use super::super::fixture::{NOW, ca, found, found_under, identity, msp_folder, rsa_spki, spki};
    use super::*;
    use crate::audit::model::expectation::Expectation;
    use crate::audit::model::subject::HeldCert;

    #[test]
    fn an_rsa_identity_is_found() {
        let root = ca("root").self_signed();
        let mut spec = identity("peer1");
        assert!(found(&CHECK, &msp_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.spki = Some(rsa_spki(2048));
        assert_eq!(found(&CHECK, &msp_folder(&spec.issued_by(&root), &root)).len(), 1);
    }

    #[test]
    fn ed25519_is_unfit_before_the_rules_of_fabric_3() {
        let root = ca("root").self_signed();
        let mut spec = identity("peer1");
        spec.spki = Some(spki(&[1, 3, 101, 112], None, &[7; 32]));
        let subject = msp_folder(&spec.issued_by(&root), &root);
        for (channel_rules, count) in [(ChannelRules::V3_0, 0), (ChannelRules::V1_4_3, 1)] {
            let context = Context { now: NOW, expectation: &Expectation::default(), channel_rules };
            assert_eq!(found_under(&CHECK, &subject, &context).len(), count, "{channel_rules:?}");
        }
    }

    #[test]
    fn only_the_identity_of_the_folder_is_judged() {
        let root = ca("root").self_signed();
        let mut spec = identity("admin");
        spec.spki = Some(rsa_spki(2048));
        let admin = spec.issued_by(&root);
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        subject.certificates.push(HeldCert { cert: admin.cert, at: subject.location(), place: Place::Admin });
        assert!(found(&CHECK, &subject).is_empty());
    }
}
