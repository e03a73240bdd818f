//! The kind of a certificate's public key.

use std::fmt;

use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::pki::key::Ski;

/// Fabric's SKI of a public key, `SubjectPublicKeyInfo` in DER; of other bytes, the SKI of the bytes.
pub(crate) fn ski_of(spki_der: &[u8]) -> Ski {
    match SubjectPublicKeyInfo::from_der(spki_der) {
        Ok((_, spki)) => Ski::of_point(&spki.subject_public_key.data),
        Err(_) => Ski::of_point(spki_der),
    }
}

/// The kind of a public key, with its curve or its length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKeyKind {
    /// ECDSA on NIST P-224.
    P224,
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// ECDSA on a curve that Go does not know: its OID, or a description if the curve is not named.
    OtherCurve(String),
    /// RSA with a modulus of this many bits.
    Rsa(usize),
    /// Ed25519.
    Ed25519,
    /// DSA.
    Dsa,
    /// Another algorithm, by its OID.
    Other(String),
}

impl PublicKeyKind {
    /// Reads it from `SubjectPublicKeyInfo` (RFC 5480 section 2.1, RFC 3279 section 2.3, RFC 8410 section 4).
    pub(super) fn of(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        let curve = || spki.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        // Most keys, without the text of their OIDs.
        if spki.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve().is_some_and(|curve| curve == OID_EC_P256) {
            return Self::P256;
        }
        let algorithm = spki.algorithm.algorithm.to_id_string();
        match algorithm.as_str() {
            "1.2.840.10045.2.1" => match curve().map(|oid| oid.to_id_string()).as_deref() {
                Some("1.3.132.0.33") => Self::P224,
                Some("1.2.840.10045.3.1.7") => Self::P256,
                Some("1.3.132.0.34") => Self::P384,
                Some("1.3.132.0.35") => Self::P521,
                Some(other) => Self::OtherCurve(other.to_owned()),
                None => Self::OtherCurve("that is not named".to_owned()),
            },
            "1.2.840.113549.1.1.1" => match spki.parsed() {
                Ok(PublicKey::RSA(key)) => Self::Rsa(significant_bits(key.modulus)),
                _ => Self::Rsa(0),
            },
            "1.3.101.112" => Self::Ed25519,
            "1.2.840.10040.4.1" => Self::Dsa,
            _ => Self::Other(algorithm),
        }
    }

    /// Whether it is an ECDSA key.
    pub const fn is_ecdsa(&self) -> bool {
        matches!(self, Self::P224 | Self::P256 | Self::P384 | Self::P521 | Self::OtherCurve(_))
    }
}

impl fmt::Display for PublicKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P224 => f.write_str("P-224"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::OtherCurve(curve) => write!(f, "EC on curve {curve}"),
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Dsa => f.write_str("DSA"),
            Self::Other(oid) => write!(f, "algorithm {oid}"),
        }
    }
}

/// Length in bits of a big-endian number.
fn significant_bits(number: &[u8]) -> usize {
    let Some(at) = number.iter().position(|b| *b != 0) else { return 0 };
    (number.len() - at) * 8 - number[at].leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_count_as_bits() {
        assert_eq!(significant_bits(&[0, 0x80, 0]), 16);
        assert_eq!(significant_bits(&[0, 1, 0]), 9);
        assert_eq!(significant_bits(&[0, 0]), 0);
    }
}
