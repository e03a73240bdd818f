//! Authorization tokens: `B64(certificate PEM) "." B64(signature)` over method, request target, body and certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::text::pem_blocks;

/// The request that a token must sign.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Path and query exactly as on the request line.
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
}

/// Returns the DER of the certificate in `token` if its signature over `request` is valid; the caller must check the
/// certificate. Accepts only the layout of fabric-ca 1.4 and later, like a server with default settings.
pub(super) fn verify(token: &str, request: &Signed<'_>) -> Option<Vec<u8>> {
    let (certificate, signature) = token.split_once('.')?;
    if signature.contains('.') {
        return None;
    }
    let pem = STANDARD.decode(certificate).ok()?;
    let signature = STANDARD.decode(signature).ok()?;
    let der = pem_blocks(&pem).ok()?.into_iter().next()?.der;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    let payload = format!(
        "{}.{}.{}.{certificate}",
        request.method,
        STANDARD.encode(request.target),
        STANDARD.encode(request.body)
    );
    let key = &parsed.public_key().subject_public_key.data;
    let good = match Curve::of(&parsed) {
        Curve::P256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1, &HALF_P256, key, &payload, &signature),
        Curve::P384 => ecdsa(&signature::ECDSA_P384_SHA256_ASN1, &HALF_P384, key, &payload, &signature),
        Curve::Ed25519 => {
            // The server gives its verifiers a digest for every key type.
            let digest = ring::digest::digest(&ring::digest::SHA256, payload.as_bytes());
            UnparsedPublicKey::new(&signature::ED25519, key).verify(digest.as_ref(), &signature).is_ok()
        }
        Curve::Other => false,
    };
    good.then_some(der)
}

enum Curve {
    P256,
    P384,
    Ed25519,
    Other,
}

impl Curve {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let algorithm = &certificate.public_key().algorithm;
        let named = algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
        match (algorithm.algorithm.to_id_string().as_str(), named.as_deref()) {
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Self::P256,
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Self::P384,
            ("1.3.101.112", _) => Self::Ed25519,
            _ => Self::Other,
        }
    }
}

/// Half the group order of P-256, rounded down (FIPS 186-4, D.1.2.3).
const HALF_P256: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d,
    0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Half the group order of P-384, rounded down (FIPS 186-4, D.1.2.4).
const HALF_P384: [u8; 48] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xe3, 0xb1, 0xa6, 0xc0, 0xfa, 0x1b, 0x96, 0xef, 0xac, 0x0d, 0x06, 0xd9, 0x24, 0x58,
    0x53, 0xbd, 0x76, 0x76, 0x0c, 0xb5, 0x66, 0x62, 0x94, 0xb9,
];

/// Verifies an ECDSA signature with low S; ignores bytes after the SEQUENCE, like Go's `asn1.Unmarshal`.
fn ecdsa(
    algorithm: &'static dyn VerificationAlgorithm,
    half: &[u8],
    key: &[u8],
    payload: &str,
    signature: &[u8],
) -> bool {
    let Some(sequence) = first_sequence(signature) else { return false };
    let s = yasna::parse_der(sequence, |r| {
        r.read_sequence(|r| {
            r.next().read_bigint_bytes()?;
            r.next().read_bigint_bytes()
        })
    });
    let Ok((s, true)) = s else { return false };
    let s = s.iter().position(|b| *b != 0).map_or(&[][..], |i| &s[i..]);
    let low = s.len() < half.len() || (s.len() == half.len() && s <= half);
    low && UnparsedPublicKey::new(algorithm, key).verify(payload.as_bytes(), sequence).is_ok()
}

/// Returns the SEQUENCE at the start of `der`. An ECDSA signature up to P-384 is shorter than 128 bytes.
fn first_sequence(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, len @ 0..=0x7f, ..] => der.get(..2 + usize::from(*len)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_half_the_group_orders() {
        use num_bigint::BigUint;
        let half = |hex: &[u8]| BigUint::parse_bytes(hex, 16).unwrap() / 2u32;
        let p256 = half(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        let p384 =
            half(b"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");
        assert_eq!(BigUint::from_bytes_be(&HALF_P256), p256);
        assert_eq!(BigUint::from_bytes_be(&HALF_P384), p384);
    }
}
