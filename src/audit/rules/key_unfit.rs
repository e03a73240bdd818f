//! A kind of key that Fabric does not take for identities.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Place, Subject};
use crate::msp::ChannelRules;
use crate::pki::x509::PublicKeyKind;

pub(super) static RULE: Rule = Rule {
    id: "key-unfit",
    title: "the key is of a kind that Fabric does not take as an identity",
    rationale: "Fabric signs and verifies with ECDSA, and from capability V3_0 on with Ed25519. An identity \
                with an RSA key is invalid; one with Ed25519 is invalid on channels below V3_0.",
    remedy: "enrol with a P-256 or P-384 key: fabcert enroll --key-algorithm p256",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentity" }],
    refusals: &[45, 46],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.place == Place::SignCert) {
        let cert = &held.cert;
        let unfit = match cert.public_key() {
            PublicKeyKind::Ed25519 => context.channel_rules == ChannelRules::V1_4_3,
            kind => !kind.is_ecdsa(),
        };
        if unfit {
            findings
                .report(&RULE, &held.at, format!("Fabric takes no identity with a key of kind {}", cert.public_key()))
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
        assert!(found(&RULE, &msp_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.spki = Some(rsa_spki(2048));
        assert_eq!(found(&RULE, &msp_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
