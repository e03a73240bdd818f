//! The facts about a private key that are kept: its kind and the hash of its public half. The key itself is not kept.
#![allow(clippy::redundant_closure_for_method_calls, reason = "the methods are not general enough in their lifetimes")]

use zeroize::Zeroizing;

use crate::audit::model::subject::{KeyKind, spki_hash};
use crate::pki::go::x509::{Curve, PrivateKey, PublicKey};
use crate::pki::key::{KeyError, KeyPair};
use crate::text::pem_encode;

/// The kind and the SHA-256 hex of the `SubjectPublicKeyInfo` of a key in PKCS#8, PKCS#1 or SEC 1 (DER). The label does
/// not select the format: Go tries all of them too.
pub(super) fn facts(label: &str, der: &[u8]) -> (Option<String>, KeyKind) {
    if label == "OPENSSH PRIVATE KEY" {
        return (None, KeyKind::Unreadable("it is an SSH key".to_owned()));
    }
    if let Some(key) = PrivateKey::parse(der) {
        return (spki(&key.public).map(|spki| spki_hash(&spki)), KeyKind::Plain(kind(&key.public)));
    }
    let pem = Zeroizing::new(pem_encode(label, der));
    match KeyPair::from_pem(pem.as_bytes()) {
        Ok(key) => (Some(spki_hash(&key.spki_der())), KeyKind::Plain(key.algorithm().to_string())),
        Err(KeyError::Unfit(kind)) => (None, KeyKind::Plain(kind.to_owned())),
        Err(KeyError::Encrypted) => (None, KeyKind::Encrypted),
        Err(e) => (None, KeyKind::Unreadable(e.to_string())),
    }
}

/// The label of DER that is a private key Go reads, or an encrypted one (PKCS#8 `EncryptedPrivateKeyInfo`, RFC 5208
/// section 6).
pub(super) fn is_key(der: &[u8]) -> Option<&'static str> {
    if PrivateKey::parse(der).is_some() {
        return Some("PRIVATE KEY");
    }
    let encrypted = yasna::parse_der(der, |r| {
        r.read_sequence(|r| {
            let algorithm = r.next().read_sequence(|r| {
                let algorithm = r.next().read_oid()?;
                r.read_optional(|r| r.read_der())?;
                Ok(algorithm)
            })?;
            r.next().read_bytes()?;
            Ok(algorithm)
        })
    });
    // pkcs-5 and pkcs-12PbeIds: the encryption schemes of keys.
    let schemes: [&[u64]; 2] = [&[1, 2, 840, 113_549, 1, 5], &[1, 2, 840, 113_549, 1, 12, 1]];
    let is_scheme = |oid: &[u64]| schemes.iter().any(|s| oid.starts_with(s));
    encrypted.is_ok_and(|oid| is_scheme(oid.components())).then_some("ENCRYPTED PRIVATE KEY")
}

/// The words of [`crate::pki::x509::PublicKeyKind`].
fn kind(key: &PublicKey) -> String {
    match key {
        PublicKey::Rsa(key) => format!("RSA {}", key.bits()),
        PublicKey::Ecdsa(Curve::P224, _) => "P-224".to_owned(),
        PublicKey::Ecdsa(Curve::P256, _) => "P-256".to_owned(),
        PublicKey::Ecdsa(Curve::P384, _) => "P-384".to_owned(),
        PublicKey::Ecdsa(Curve::P521, _) => "P-521".to_owned(),
        PublicKey::Ed25519(_) => "Ed25519".to_owned(),
        PublicKey::Dsa => "DSA".to_owned(),
        PublicKey::Unknown => "of an unknown kind".to_owned(),
    }
}

/// `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
fn spki(key: &PublicKey) -> Option<Vec<u8>> {
    let (algorithm, curve): (&[u64], Option<&[u64]>) = match key {
        PublicKey::Rsa(_) => (&[1, 2, 840, 113_549, 1, 1, 1], None),
        PublicKey::Ecdsa(Curve::P224, _) => (EC, Some(&[1, 3, 132, 0, 33])),
        PublicKey::Ecdsa(Curve::P256, _) => (EC, Some(&[1, 2, 840, 10045, 3, 1, 7])),
        PublicKey::Ecdsa(Curve::P384, _) => (EC, Some(&[1, 3, 132, 0, 34])),
        PublicKey::Ecdsa(Curve::P521, _) => (EC, Some(&[1, 3, 132, 0, 35])),
        PublicKey::Ed25519(_) => (&[1, 3, 101, 112], None),
        PublicKey::Dsa | PublicKey::Unknown => return None,
    };
    let bits = key.ski_input()?;
    let oid = yasna::models::ObjectIdentifier::from_slice;
    Some(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_sequence(|w| {
                w.next().write_oid(&oid(algorithm));
                match (key, curve) {
                    (PublicKey::Rsa(_), _) => w.next().write_null(),
                    (_, Some(curve)) => w.next().write_oid(&oid(curve)),
                    _ => {}
                }
            });
            w.next().write_bitvec_bytes(&bits, bits.len() * 8);
        });
    }))
}

const EC: &[u64] = &[1, 2, 840, 10045, 2, 1];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::x509::{Csr, CsrSpec, SubjectFields};
    use crate::text::pem_blocks;

    fn of(pem: &[u8]) -> (Option<String>, KeyKind) {
        let block = pem_blocks(pem).unwrap().pop().unwrap();
        facts(&block.label, &block.der)
    }

    #[test]
    fn each_key_kind_has_a_name_and_a_public_hash() {
        let plain = |pem: &[u8], kind: &str, length: Option<usize>| {
            let (hash, found) = of(pem);
            assert_eq!((found, hash.map(|h| h.len())), (KeyKind::Plain(kind.to_owned()), length));
        };
        plain(include_bytes!("../../../testdata/keys/p256-sec1-no-public.pem"), "P-256", Some(64));
        plain(include_bytes!("../../../testdata/keys/p384-pkcs8.pem"), "P-384", Some(64));
        plain(include_bytes!("../../../testdata/keys/p521-sec1.pem"), "P-521", Some(64));
        plain(include_bytes!("../../../testdata/keys/ed25519.pem"), "Ed25519", Some(64));
        plain(include_bytes!("../../../testdata/keys/rsa1024.pem"), "RSA 1024", Some(64));
        assert!(matches!(facts("PRIVATE KEY", b"x"), (None, KeyKind::Unreadable(_))));
        assert!(matches!(facts("ENCRYPTED PRIVATE KEY", b"x"), (None, KeyKind::Encrypted)));
    }

    #[test]
    fn public_half_is_encoded_as_in_certificates() {
        for algorithm in [crate::pki::key::KeyAlgorithm::P256, crate::pki::key::KeyAlgorithm::P384] {
            let key = KeyPair::generate(algorithm).unwrap();
            let csr = Csr::build(&CsrSpec { enrollment_id: "x", sans: &[], subject: &SubjectFields::default() }, &key);
            assert_eq!(of(key.to_pkcs8_pem().as_bytes()).0, Some(spki_hash(csr.unwrap().spki_der())));
        }
        for (pem, public) in [
            // openssl pkey -in FILE -pubout -outform der | sha256sum
            (
                &include_bytes!("../../../testdata/keys/rsa1024.pem")[..],
                "6dba60be4923f641593e7ddb26bfb3ca9e3af0afa0ed04fbf7e43e40af3bc3f0",
            ),
            (
                &include_bytes!("../../../testdata/keys/ed25519.pem")[..],
                "d984e91abf4e056ae07adee6750cc21311d6ea2b30a234881fcf94e3dc20861b",
            ),
            (
                &include_bytes!("../../../testdata/keys/p521-sec1.pem")[..],
                "1429292ef4bf119157ec090256cb980b32641689b61cbde290b7271aa4cea741",
            ),
        ] {
            assert_eq!(of(pem).0.as_deref(), Some(public));
        }
    }

    #[test]
    fn der_key_is_recognised() {
        let der = |pem: &[u8]| pem_blocks(pem).unwrap().remove(0).der;
        assert_eq!(is_key(&der(include_bytes!("../../../testdata/keys/p384-pkcs8.pem"))), Some("PRIVATE KEY"));
        let encrypted = der(include_bytes!("../../../testdata/keys/p384-pkcs8-encrypted.pem"));
        assert_eq!(is_key(&encrypted), Some("ENCRYPTED PRIVATE KEY"));
        assert_eq!(is_key(&der(include_bytes!("../../../testdata/certs/go-client-tls.pem"))), None);
    }
}
