//! The signature of a certificate: its algorithm, whether a key made it, whether S is low.

use std::fmt;

use ring::signature as ring_signature;
use x509_parser::der_parser::asn1_rs::Oid;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use super::PublicKeyKind;
use crate::pki::key::{KeyAlgorithm, is_low_s, is_made_by};

/// The algorithm of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA with a hash (RFC 5758 section 3.2).
    Ecdsa(Hash),
    /// RSA PKCS#1 v1.5 with a hash (RFC 4055 section 5).
    Rsa(Hash),
    /// RSASSA-PSS with a hash (RFC 4055 section 3.1).
    RsaPss(Hash),
    /// Ed25519 (RFC 8410 section 3).
    Ed25519,
    /// Another algorithm, by its OID.
    Other(String),
}

/// The hash in a signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// MD2 or MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Whether a key made a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureCheck {
    /// The key made it.
    Good,
    /// The key did not make it.
    Bad,
    /// fabcert does not verify this algorithm with this kind of key.
    Unknown,
}

impl SignatureAlgorithm {
    pub(super) fn of(identifier: &AlgorithmIdentifier<'_>) -> Self {
        // Most signatures, without the text of the OID.
        if identifier.algorithm == OID_SIG_ECDSA_WITH_SHA256 {
            return Self::Ecdsa(Hash::Sha256);
        }
        let oid = identifier.algorithm.to_id_string();
        match oid.as_str() {
            "1.2.840.10045.4.1" => Self::Ecdsa(Hash::Sha1),
            "1.2.840.10045.4.3.1" => Self::Ecdsa(Hash::Sha224),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            "1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.4" => Self::Rsa(Hash::Md5),
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::Rsa(Hash::Sha1),
            "1.2.840.113549.1.1.14" => Self::Rsa(Hash::Sha224),
            "1.2.840.113549.1.1.11" => Self::Rsa(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Rsa(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Rsa(Hash::Sha512),
            "1.2.840.113549.1.1.10" => Self::RsaPss(pss_hash(identifier)),
            "1.3.101.112" => Self::Ed25519,
            _ => Self::Other(oid),
        }
    }

    /// The hash, if the algorithm names one.
    pub const fn hash(&self) -> Option<Hash> {
        match self {
            Self::Ecdsa(hash) | Self::Rsa(hash) | Self::RsaPss(hash) => Some(*hash),
            Self::Ed25519 | Self::Other(_) => None,
        }
    }

    /// Whether the algorithm is ECDSA.
    pub const fn is_ecdsa(&self) -> bool {
        matches!(self, Self::Ecdsa(_))
    }

    /// ring's verifier for keys of that kind; RSA keys below 2048 bits have none.
    fn verifier(&self, key: &PublicKeyKind) -> Option<&'static dyn ring_signature::VerificationAlgorithm> {
        Some(match (self, key) {
            (Self::Ecdsa(Hash::Sha256), PublicKeyKind::P256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), PublicKeyKind::P256) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha256), PublicKeyKind::P384) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), PublicKeyKind::P384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            (Self::Rsa(Hash::Sha1), PublicKeyKind::Rsa(_)) => {
                &ring_signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
            }
            (Self::Rsa(Hash::Sha256), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rsa(Hash::Sha384), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rsa(Hash::Sha512), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::RsaPss(Hash::Sha256), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PSS_2048_8192_SHA256,
            (Self::RsaPss(Hash::Sha384), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PSS_2048_8192_SHA384,
            (Self::RsaPss(Hash::Sha512), PublicKeyKind::Rsa(2048..)) => &ring_signature::RSA_PSS_2048_8192_SHA512,
            (Self::Ed25519, PublicKeyKind::Ed25519) => &ring_signature::ED25519,
            _ => return None,
        })
    }

    /// Whether keys of that kind can make such signatures.
    const fn fits(&self, key: &PublicKeyKind) -> bool {
        match self {
            Self::Ecdsa(_) => key.is_ecdsa(),
            Self::Rsa(_) | Self::RsaPss(_) => matches!(key, PublicKeyKind::Rsa(_)),
            Self::Ed25519 => matches!(key, PublicKeyKind::Ed25519),
            Self::Other(_) => true,
        }
    }

    /// Whether the key `bits` of kind `key` made `signature` over `message`.
    pub(super) fn verify(&self, key: &PublicKeyKind, bits: &[u8], message: &[u8], signature: &[u8]) -> SignatureCheck {
        match self.verifier(key) {
            Some(verifier) => {
                if is_made_by(verifier, bits, message, signature) {
                    SignatureCheck::Good
                } else {
                    SignatureCheck::Bad
                }
            }
            None if self.fits(key) => SignatureCheck::Unknown,
            None => SignatureCheck::Bad,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(hash) => write!(f, "ECDSA with {hash}"),
            Self::Rsa(hash) => write!(f, "RSA with {hash}"),
            Self::RsaPss(hash) => write!(f, "RSA-PSS with {hash}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

/// The hash of RSASSA-PSS parameters; SHA-1 is the default (RFC 4055 section 3.1).
fn pss_hash(identifier: &AlgorithmIdentifier<'_>) -> Hash {
    let parameters = identifier.parameters.as_ref().and_then(|p| RsaSsaPssParams::try_from(p).ok());
    let oid: Option<String> = parameters.map(|p| Oid::to_id_string(p.hash_algorithm_oid()));
    match oid.as_deref() {
        Some("2.16.840.1.101.3.4.2.1") => Hash::Sha256,
        Some("2.16.840.1.101.3.4.2.2") => Hash::Sha384,
        Some("2.16.840.1.101.3.4.2.3") => Hash::Sha512,
        Some("2.16.840.1.101.3.4.2.4") => Hash::Sha224,
        _ => Hash::Sha1,
    }
}

/// Whether S of an `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) is above half the order of the curve; `None` for curves
/// other than P-256 and P-384, and for an invalid signature.
pub(super) fn has_high_s(signature: &[u8], curve: &PublicKeyKind) -> Option<bool> {
    let (algorithm, length) = match curve {
        PublicKeyKind::P256 => (KeyAlgorithm::P256, 32),
        PublicKeyKind::P384 => (KeyAlgorithm::P384, 48),
        _ => return None,
    };
    let (_, s) = yasna::parse_der(signature, |r| {
        r.read_sequence(|r| Ok((r.next().read_bigint_bytes()?, r.next().read_bigint_bytes()?)))
    })
    .ok()?;
    let (s, positive) = s;
    let s = &s[s.iter().position(|b| *b != 0)?..];
    if !positive || s.len() > length {
        return None;
    }
    let mut padded = vec![0u8; length];
    padded[length - s.len()..].copy_from_slice(s);
    Some(!is_low_s(algorithm, &padded))
}
