//! Authentication of requests: Basic with the enrolment secret, or a token signed with the current identity's key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Secret;
use crate::pki::key::{KeyError, KeyPair};

/// The current identity, as the credential of a request.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// PEM; the first block is the identity's certificate. Sent unchanged.
    pub cert_pem: &'a [u8],
    /// Its key.
    pub key: &'a KeyPair,
}

/// The value of the `Authorization` header for `enroll`: `Basic base64(id ":" secret)` in UTF-8 (RFC 7617).
pub(super) fn basic(id: &str, secret: &Secret) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{id}:{}", secret.expose()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", *encoded))
}

/// The payload that a token signs: `METHOD "." B64(request target) "." B64(body) "." B64(certificate PEM)`
/// (fabric-ca v1.5.21 `util/util.go`, `GenECDSAToken`; servers since 1.4).
pub(super) fn token_payload(method: &str, target: &str, body: &[u8], cert_pem: &[u8]) -> String {
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("{method}.{}.{}.{}", encode(target.as_bytes()), encode(body), encode(cert_pem))
}

/// The value of the `Authorization` header for other requests: `B64(certificate PEM) "." B64(signature)`, without a
/// scheme. The signature is over SHA-256 for every kind of key ([`KeyPair::sign_sha256`]).
///
/// `target` is path and query as on the request line; `body` the exact bytes that are sent.
pub(super) fn token(method: &str, target: &str, body: &[u8], credential: &Credential<'_>) -> Result<String, KeyError> {
    let payload = token_payload(method, target, body, credential.cert_pem);
    let signature = credential.key.sign_sha256(payload.as_bytes())?;
    Ok(format!("{}.{}", STANDARD.encode(credential.cert_pem), STANDARD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, UnparsedPublicKey, VerificationAlgorithm};
    use serde_json::Value;

    use super::*;
    use crate::pki::key::KeyAlgorithm;

    fn vectors() -> Vec<Value> {
        let file: Value = serde_json::from_str(include_str!("../../testdata/wire/token-kat.json")).expect("JSON");
        file["vectors"].as_array().expect("vectors").clone()
    }

    struct Vector {
        name: String,
        style: String,
        payload: String,
        token: String,
        key: KeyPair,
        cert_pem: Vec<u8>,
        method: String,
        target: String,
        body: Vec<u8>,
        low_s: bool,
        random_nonce: bool,
        accepted: bool,
    }

    fn read(v: &Value) -> Vector {
        let text = |k: &str| v[k].as_str().expect(k).to_owned();
        Vector {
            name: text("name"),
            style: text("style"),
            payload: text("signed_payload"),
            token: text("token"),
            key: KeyPair::from_pem(text("private_key_pem").as_bytes()).expect("a key"),
            cert_pem: text("certificate_pem").into_bytes(),
            method: text("method"),
            target: text("request_uri"),
            body: text("body").into_bytes(),
            low_s: v["low_s"].as_bool().expect("low_s"),
            random_nonce: text("name").starts_with("go-client"),
            accepted: text("server_result").starts_with("HTTP 2"),
        }
    }

    fn verifies(v: &Vector) -> bool {
        let algorithm: &dyn VerificationAlgorithm = match v.key.algorithm() {
            KeyAlgorithm::P256 => &ECDSA_P256_SHA256_ASN1,
            KeyAlgorithm::P384 => &ECDSA_P384_SHA256_ASN1,
            KeyAlgorithm::Ed25519 => unreachable!("no recorded token has such a key"),
        };
        let signature = STANDARD.decode(v.token.split_once('.').expect("two parts").1).expect("base64");
        UnparsedPublicKey::new(algorithm, v.key.public_point()).verify(v.payload.as_bytes(), &signature).is_ok()
    }

    fn token_of(v: &Vector) -> String {
        let credential = Credential { cert_pem: &v.cert_pem, key: &v.key };
        token(&v.method, &v.target, &v.body, &credential).expect("a token")
    }

    #[test]
    fn tokens_equal_those_that_the_real_server_accepted() {
        let mut seen = 0;
        for v in vectors().iter().map(read).filter(|v| v.style == "current") {
            assert_eq!(token_payload(&v.method, &v.target, &v.body, &v.cert_pem), v.payload, "{}", v.name);
            if v.accepted && !v.random_nonce {
                // The recorded nonces follow RFC 6979 and fabcert's do not, so that the tokens differ in the signature alone.
                let token = token_of(&v);
                let certificate = |token: &str| token.split_once('.').map(|(certificate, _)| certificate.to_owned());
                assert_eq!(certificate(&token), certificate(&v.token), "{}", v.name);
                assert!(verifies(&Vector { token, ..v }));
                seen += 1;
            }
        }
        assert_eq!(seen, 4);
    }

    #[test]
    fn tokens_of_the_real_client_verify_over_the_payload() {
        let all: Vec<_> = vectors().iter().map(read).collect();
        assert_eq!(all.len(), 9);
        for v in &all {
            assert!(verifies(v), "{}", v.name);
        }
        assert_eq!(all.iter().filter(|v| v.random_nonce).count(), 2);
    }

    #[test]
    fn tokens_that_the_real_server_refused_are_not_produced() {
        let refused: Vec<_> = vectors().iter().map(read).filter(|v| !v.accepted).collect();
        assert_eq!(refused.len(), 2);
        for v in refused {
            assert_ne!(token_of(&v), v.token, "{}", v.name);
            assert!(!v.low_s || v.style == "legacy", "{}", v.name);
        }
    }

    #[test]
    fn basic_splits_at_the_first_colon_only() {
        assert_eq!(*basic("admin", &Secret::new("adminpw")), "Basic YWRtaW46YWRtaW5wdw==");
        assert_eq!(*basic("a", &Secret::new("b:ü")), format!("Basic {}", STANDARD.encode("a:b:ü")));
    }
}
