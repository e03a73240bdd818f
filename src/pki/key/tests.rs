use super::*;

const GO_KEY: &str =
    include_str!("../../../testdata/keys/7c56d6f605ae3995325ef821b1b08c03c1d183d4d095384393c84f74c3e6a14d_sk");
const SEC1_P256: &[u8] = include_bytes!("../../../testdata/keys/p256-sec1-behind-parameters.pem");
const SEC1_P256_PUBLIC: &[u8] = include_bytes!("../../../testdata/keys/p256-sec1-behind-parameters.pub.pem");

fn verifies(key: &KeyPair, sha256: bool, message: &[u8], signature: &[u8]) -> bool {
    use ring::signature::*;
    let algorithm: &dyn VerificationAlgorithm = match (key.algorithm(), sha256) {
        (KeyAlgorithm::P256, _) => &ECDSA_P256_SHA256_ASN1,
        (KeyAlgorithm::P384, false) => &ECDSA_P384_SHA384_ASN1,
        (KeyAlgorithm::P384, true) => &ECDSA_P384_SHA256_ASN1,
        (KeyAlgorithm::Ed25519, false) => &ED25519,
        (KeyAlgorithm::Ed25519, true) => {
            let digest = ring::digest::digest(&ring::digest::SHA256, message);
            return UnparsedPublicKey::new(&ED25519, key.public_point()).verify(digest.as_ref(), signature).is_ok();
        }
    };
    UnparsedPublicKey::new(algorithm, key.public_point()).verify(message, signature).is_ok()
}

#[test]
fn a_go_client_key_keeps_its_bytes_and_file_name() {
    let key = KeyPair::from_pem(GO_KEY.as_bytes()).unwrap();
    assert_eq!(key.to_pkcs8_pem().as_str(), GO_KEY);
    assert_eq!(key.ski().key_file_name(), "7c56d6f605ae3995325ef821b1b08c03c1d183d4d095384393c84f74c3e6a14d_sk");
}

#[test]
fn sec1_is_read_after_ec_parameters_and_without_the_public_key() {
    let key = KeyPair::from_pem(SEC1_P256).unwrap();
    let openssl = crate::text::pem_blocks(SEC1_P256_PUBLIC).unwrap();
    assert_eq!(key.spki_der(), openssl[0].der);
    let bare = KeyPair::from_pem(include_bytes!("../../../testdata/keys/p256-sec1-no-public.pem")).unwrap();
    assert_eq!(bare.public_point(), key.public_point());
}

#[test]
fn p384_is_the_same_key_in_sec1_and_in_pkcs8() {
    let sec1 = KeyPair::from_pem(include_bytes!("../../../testdata/keys/p384-sec1.pem")).unwrap();
    let pkcs8 = KeyPair::from_pem(include_bytes!("../../../testdata/keys/p384-pkcs8.pem")).unwrap();
    assert_eq!(sec1.algorithm(), KeyAlgorithm::P384);
    assert_eq!(sec1.to_pkcs8_pem(), pkcs8.to_pkcs8_pem());
}

#[test]
fn keys_that_fabric_cannot_use_are_refused() {
    let refused = |pem: &[u8]| KeyPair::from_pem(pem).unwrap_err();
    assert_eq!(refused(include_bytes!("../../../testdata/keys/rsa1024.pem")), KeyError::Unfit("RSA"));
    assert!(matches!(refused(include_bytes!("../../../testdata/keys/p521-sec1.pem")), KeyError::Unfit(_)));
    assert_eq!(refused(include_bytes!("../../../testdata/keys/p384-pkcs8-encrypted.pem")), KeyError::Encrypted);
    assert_eq!(refused(include_bytes!("../../../testdata/keys/p256-sec1-encrypted.pem")), KeyError::Encrypted);
    assert_eq!(refused(SEC1_P256_PUBLIC), KeyError::NoKey);
}

#[test]
fn signatures_verify_and_have_low_s() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384] {
        let key = KeyPair::generate(algorithm).unwrap();
        for i in 0..32u8 {
            for (sha256, signature) in [(false, key.sign(&[i]).unwrap()), (true, key.sign_sha256(&[i]).unwrap())] {
                assert!(verifies(&key, sha256, &[i], &signature), "{algorithm} {i} {sha256}");
                let s = yasna::parse_der(&signature, |r| {
                    r.read_sequence(|r| {
                        r.next().read_bigint_bytes()?;
                        r.next().read_bigint_bytes()
                    })
                })
                .unwrap()
                .0;
                let s = s.strip_prefix(&[0]).unwrap_or(&s);
                let mut padded = vec![0u8; algorithm.field_len() - s.len()];
                padded.extend_from_slice(s);
                assert!(is_low_s(algorithm, &padded), "{algorithm} {i} {sha256}");
            }
        }
    }
}

#[test]
fn a_generated_key_survives_pkcs8_and_is_not_printed() {
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let again = KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).unwrap();
    assert_eq!(again.public_point(), key.public_point());
    assert_eq!(format!("{key:?}"), format!("KeyPair(P-256, ski {})", key.ski()));
}

/// The example of RFC 8410 section 10.3, without and with the public key.
const ED25519_V1: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const ED25519_V2: &str = "-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
";

#[test]
fn ed25519_is_read_with_and_without_its_public_key_and_written_as_go_does() {
    let (v1, v2) =
        (KeyPair::from_pem(ED25519_V1.as_bytes()).unwrap(), KeyPair::from_pem(ED25519_V2.as_bytes()).unwrap());
    assert_eq!((v1.algorithm(), v1.public_point()), (KeyAlgorithm::Ed25519, v2.public_point()));
    assert_eq!(v2.to_pkcs8_pem().as_str(), ED25519_V1);
    let other = ED25519_V2.replace("Z9w7lshQ", "Z9w7lshR");
    assert_eq!(KeyPair::from_pem(other.as_bytes()).unwrap_err(), KeyError::PublicMismatch);
    let openssl = KeyPair::from_pem(include_bytes!("../../../testdata/keys/ed25519.pem")).unwrap();
    assert_eq!(openssl.ski(), Ski::of_point(openssl.public_point()));
}

#[test]
fn ed25519_signs_the_message_and_for_tokens_its_digest() {
    let key = KeyPair::generate(KeyAlgorithm::Ed25519).unwrap();
    let again = KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).unwrap();
    assert_eq!(format!("{again:?}"), format!("KeyPair(Ed25519, ski {})", key.ski()));
    for (sha256, signature) in [(false, again.sign(b"m").unwrap()), (true, again.sign_sha256(b"m").unwrap())] {
        assert!(verifies(&key, sha256, b"m", &signature) && !verifies(&key, !sha256, b"m", &signature));
    }
    assert_ne!(key.public_point(), KeyPair::generate(KeyAlgorithm::Ed25519).unwrap().public_point());
}

#[test]
fn a_public_key_of_another_key_is_refused() {
    let (a, b) = (KeyPair::generate(KeyAlgorithm::P256).unwrap(), KeyPair::generate(KeyAlgorithm::P256).unwrap());
    let der = encoding::pkcs8_der(KeyAlgorithm::P256, &a.scalar, &b.point);
    let pem = crate::text::pem_encode("PRIVATE KEY", &der);
    assert_eq!(KeyPair::from_pem(pem.as_bytes()).unwrap_err(), KeyError::PublicMismatch);
}
