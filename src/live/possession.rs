//! Whether a server holds the key of the certificate that it sends: the signature in its handshake, verified as Go does,
//! so that every key counts that a client of Fabric accepts (`crypto/tls/auth.go`).

use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::pki::go::x509::{Certificate, Curve, Hash, PublicKey, SignatureAlgorithm, parse_spki};
use crate::pki::x509::Cert;

/// The message if another key made the signature.
const OTHER_KEY: &str =
    "the server does not hold the key of the certificate it serves: another key signed the handshake";

/// The version of the protocol, which decides on the permitted signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// The signatures that a server may choose, the preferred first.
pub(super) const SCHEMES: [SignatureScheme; 10] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Checks that the key of `certificate` (DER) made the signature of a handshake over `message`.
///
/// # Errors
/// Returns the reason if it did not, or if that cannot be determined.
pub(super) fn check(
    certificate: &[u8],
    message: &[u8],
    signed: &DigitallySignedStruct,
    version: Version,
) -> Result<(), String> {
    let key = public_key(certificate)?;
    let (algorithm, curve) = algorithm(signed.scheme).ok_or_else(|| unasked(signed.scheme))?;
    if version == Version::Tls13 {
        // RFC 8446 section 4.2.3: no PKCS #1 v1.5, and the scheme names the curve.
        if matches!(algorithm, SignatureAlgorithm::Rsa(_)) {
            return Err(unasked(signed.scheme));
        }
        if let (PublicKey::Ecdsa(of_key, _), Some(curve)) = (&key, curve)
            && *of_key != curve
        {
            return Err(OTHER_KEY.to_owned());
        }
    }
    if key.verifies(algorithm, message, signed.signature()) { Ok(()) } else { Err(OTHER_KEY.to_owned()) }
}

fn unasked(scheme: SignatureScheme) -> String {
    format!("the server signed the handshake with {scheme:?}, which was not offered")
}

/// The public key of a certificate, also of one that Go refuses for other reasons: the audit reports those.
fn public_key(certificate: &[u8]) -> Result<PublicKey, String> {
    let key = match Certificate::parse(certificate) {
        Ok(certificate) => certificate.public_key,
        Err(refusal) => Cert::from_der(certificate.to_vec())
            .ok()
            .and_then(|certificate| parse_spki(certificate.spki_der()))
            .ok_or_else(|| format!("the certificate of the server cannot be read: {refusal}"))?,
    };
    match key {
        PublicKey::Dsa | PublicKey::Unknown => {
            Err("the certificate of the server has a key of a type that TLS in Go does not accept".to_owned())
        }
        PublicKey::Rsa(key) if key.bits() > 8192 => {
            Err("the certificate of the server has an RSA key above 8192 bits, which TLS in Go refuses".to_owned())
        }
        key => Ok(key),
    }
}

/// The algorithm of a scheme, and its curve under TLS 1.3.
fn algorithm(scheme: SignatureScheme) -> Option<(SignatureAlgorithm, Option<Curve>)> {
    use SignatureAlgorithm::{Ecdsa, Ed25519, Rsa, RsaPss};
    Some(match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => (Ecdsa(Hash::Sha256), Some(Curve::P256)),
        SignatureScheme::ECDSA_NISTP384_SHA384 => (Ecdsa(Hash::Sha384), Some(Curve::P384)),
        SignatureScheme::ECDSA_NISTP521_SHA512 => (Ecdsa(Hash::Sha512), Some(Curve::P521)),
        SignatureScheme::ED25519 => (Ed25519, None),
        SignatureScheme::RSA_PSS_SHA256 => (RsaPss(Hash::Sha256), None),
        SignatureScheme::RSA_PSS_SHA384 => (RsaPss(Hash::Sha384), None),
        SignatureScheme::RSA_PSS_SHA512 => (RsaPss(Hash::Sha512), None),
        SignatureScheme::RSA_PKCS1_SHA256 => (Rsa(Hash::Sha256), None),
        SignatureScheme::RSA_PKCS1_SHA384 => (Rsa(Hash::Sha384), None),
        SignatureScheme::RSA_PKCS1_SHA512 => (Rsa(Hash::Sha512), None),
        _ => return None,
    })
}
