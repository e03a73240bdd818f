//! Signature algorithms (`crypto/x509/x509.go`, `getSignatureAlgorithmFromAI`).

use ring::digest;

use super::asn1::{INTEGER, SEQUENCE, Sequence};
use super::der::Der;

/// A hash of a signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message).as_ref().to_vec()
    }
}

/// The signature algorithm of a certificate or a revocation list, as far as Go distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    Rsa(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
    /// Known to Go or not, never verified: MD5, DSA and all others.
    Other,
}

const PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];

impl SignatureAlgorithm {
    /// The algorithm of an `AlgorithmIdentifier`: the content of its OID and its parameters, including tag and length.
    pub(super) fn of(oid: &[u8], parameters: &[u8]) -> Self {
        match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5] | [0x2b, 0x0e, 3, 2, 29] => Self::Rsa(Hash::Sha1),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11] => Self::Rsa(Hash::Sha256),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] => Self::Rsa(Hash::Sha384),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] => Self::Rsa(Hash::Sha512),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => Self::Ecdsa(Hash::Sha1),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => Self::Ecdsa(Hash::Sha256),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => Self::Ecdsa(Hash::Sha384),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => Self::Ecdsa(Hash::Sha512),
            [0x2b, 0x65, 0x70] if parameters.is_empty() => Self::Ed25519,
            PSS => pss(parameters).map_or(Self::Other, Self::RsaPss),
            _ => Self::Other,
        }
    }
}

/// The hash of RSASSA-PSS parameters: the same for message and mask, the salt as long as the hash.
fn pss(parameters: &[u8]) -> Option<Hash> {
    let mut fields = Sequence::open(parameters)?;
    let (hash, hash_parameters) = fields.explicit(0, SEQUENCE)??.algorithm()?;
    let (mask, mask_parameters) = fields.explicit(1, SEQUENCE)??.algorithm()?;
    let salt = fields.explicit(2, INTEGER)??.small_integer()?;
    let trailer = match fields.explicit(3, INTEGER)? {
        Some(mut field) => field.small_integer()?,
        None => 1,
    };
    let (mask_hash, mask_hash_parameters) = Sequence::one(mask_parameters).algorithm()?;
    let absent = |p: &[u8]| matches!(p, [] | [5, 0]);
    if !absent(hash_parameters) || mask != MGF1 || mask_hash != hash || !absent(mask_hash_parameters) || trailer != 1 {
        return None;
    }
    match (hash, salt) {
        ([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], 32) => Some(Hash::Sha256),
        ([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2], 48) => Some(Hash::Sha384),
        ([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3], 64) => Some(Hash::Sha512),
        _ => None,
    }
}

/// The content of an `AlgorithmIdentifier`: its OID and its parameters (`crypto/x509/parser.go`, `parseAI`).
pub(super) fn parse_identifier(mut der: Der<'_>) -> Result<(&[u8], &[u8]), &'static str> {
    let oid = der.oid().ok_or("an algorithm identifier has a broken OID")?;
    if der.is_empty() {
        return Ok((oid, &[]));
    }
    let parameters = der.element().ok_or("an algorithm identifier has broken parameters")?;
    Ok((oid, parameters.whole))
}
