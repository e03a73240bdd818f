//! A key that is too weak or cannot be used for TLS.

use super::check::{Check, Context};
use crate::audit::catalogue::KEY_WEAK;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{KeyKind, Place, Subject};
use crate::pki::x509::PublicKeyKind;

pub(super) static CHECK: Check = Check { rule: &KEY_WEAK, applies: |_, _| true, check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;
        let weak = match cert.public_key() {
            PublicKeyKind::Rsa(bits) => *bits < 2048,
            PublicKeyKind::P224 => matches!(held.place, Place::Server | Place::Served),
            PublicKeyKind::Dsa | PublicKeyKind::OtherCurve(_) => true,
            _ => false,
        };
        if weak {
            findings
                .report(&KEY_WEAK, &held.at, format!("its key is {}", cert.public_key()))
                .subject(cert.subject())
                .add();
        } else if *cert.public_key() == PublicKeyKind::P224 && cert.is_ca() {
            let message = "its key is P-224: fabcert does not verify its signatures and treats them as invalid";
            findings.report(&KEY_WEAK, &held.at, message).subject(cert.subject()).add();
        }
    }
    for csr in subject.csrs.iter().filter(|c| is_short_rsa(&c.key)) {
        findings.report(&KEY_WEAK, &csr.at, format!("its key is {}", csr.key)).subject(&csr.subject).add();
    }
    // A key beside its certificate is reported once, with the certificate.
    for key in subject.keys.iter().filter(|_| subject.certificates.is_empty()) {
        if let KeyKind::Plain(kind) = &key.kind
            && is_short_rsa(kind)
        {
            findings.report(&KEY_WEAK, &key.at, format!("it is {kind}")).add();
        }
    }
}

/// Whether a description such as `RSA 1024` is of a short key.
fn is_short_rsa(kind: &str) -> bool {
    kind.strip_prefix("RSA ").and_then(|bits| bits.parse::<usize>().ok()).is_some_and(|bits| bits < 2048)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder, rsa_spki, server, spki, tls_folder};
    use super::*;
    use crate::audit::model::subject::{HeldCsr, Location, SubjectKind};
    use crate::pki::x509::SignatureCheck;

    #[test]
    fn short_rsa_keys_are_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        for (bits, count) in [(2048, 0), (1024, 1)] {
            spec.spki = Some(rsa_spki(bits));
            assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), count, "{bits}");
        }
    }

    #[test]
    fn authorities_on_p224_are_found_and_identities_are_not() {
        let on_p224 = Some(spki(&[1, 2, 840, 10045, 2, 1], Some(&[1, 3, 132, 0, 33]), &[4; 57]));
        let root = ca("root").self_signed();
        let mut peer = identity("peer1");
        peer.spki.clone_from(&on_p224);
        assert!(found(&CHECK, &msp_folder(&peer.issued_by(&root), &root)).is_empty(), "Fabric accepts it");
        let mut authority = ca("root");
        authority.spki = on_p224;
        let authority = authority.self_signed();
        let found = found(&CHECK, &msp_folder(&identity("peer1").issued_by(&root), &authority));
        assert!(found.len() == 1 && found[0].message.contains("does not verify"), "{found:?}");
    }

    #[test]
    fn a_short_key_on_its_own_is_found_too() {
        let root = ca("root").self_signed();
        let mut subject = tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root);
        subject.keys[0].kind = KeyKind::Plain("RSA 1024".to_owned());
        assert!(found(&CHECK, &subject).is_empty(), "its certificate is looked at");
        subject.certificates.clear();
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.keys[0].kind = KeyKind::Plain("RSA 2048".to_owned());
        assert!(found(&CHECK, &subject).is_empty());
    }

    #[test]
    fn keys_that_tls_cannot_use_are_found() {
        let root = ca("root").self_signed();
        let curve = |oid: &[u64], length| spki(&[1, 2, 840, 10045, 2, 1], Some(oid), &vec![4; length]);
        let keys = [
            ("P-224", curve(&[1, 3, 132, 0, 33], 57)),
            ("secp256k1", curve(&[1, 3, 132, 0, 10], 65)),
            ("DSA", spki(&[1, 2, 840, 10040, 4, 1], None, &[2, 1, 5])),
        ];
        for (kind, key) in keys {
            let mut spec = server("peer1", &["peer1"]);
            spec.spki = Some(key);
            assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1, "{kind}");
        }
    }

    #[test]
    fn a_csr_for_a_short_key_is_found() {
        let mut subject = Subject::new(SubjectKind::Csr, "x.csr");
        for (key, count) in [("RSA 2048", 0), ("P-256", 0), ("RSA 1024", 1)] {
            subject.csrs = vec![HeldCsr {
                at: Location::whole("x.csr"),
                subject: "CN=p".to_owned(),
                sans: Vec::new(),
                signature: SignatureCheck::Good,
                key: key.to_owned(),
            }];
            assert_eq!(found(&CHECK, &subject).len(), count, "{key}");
        }
    }
}
