//! Public keys (`crypto/x509/parser.go`, `parsePublicKey`).

use super::algorithm::parse_identifier;
use super::der::{Der, SEQUENCE, significant, to_i64};
pub(crate) use super::ecdsa::Curve;
pub(crate) use super::rsa::RsaPublicKey;

/// A public key, by the kinds that Go distinguishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey),
    /// A curve and an uncompressed point of it.
    Ecdsa(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
    /// Go reads it and never verifies with it.
    Dsa,
    /// Go does not parse it.
    Unknown,
}

/// Why Go refuses a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRefusal {
    /// A curve that Go does not know.
    Curve,
    Malformed(&'static str),
}

impl PublicKey {
    /// Reads the content of a `SubjectPublicKeyInfo`.
    pub(super) fn parse(mut spki: Der<'_>) -> Result<Self, KeyRefusal> {
        use KeyRefusal::Malformed;
        let identifier = spki.open(SEQUENCE).ok_or(Malformed("the public key has no algorithm identifier"))?;
        let (oid, parameters) = parse_identifier(identifier).map_err(Malformed)?;
        let bits = spki.bit_string().ok_or(Malformed("the public key is not a valid bit string"))?;
        let data = bits.right_aligned();
        match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => rsa(parameters, &data).map_err(Malformed),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
                let curve = Der(parameters).oid().ok_or(Malformed("the EC key does not name its curve"))?;
                let curve = Curve::of_oid(curve).ok_or(KeyRefusal::Curve)?;
                if !curve.holds(&data) {
                    return Err(Malformed("the EC key is not an uncompressed point of its curve"));
                }
                Ok(Self::Ecdsa(curve, data))
            }
            [0x2b, 0x65, 0x70] if !parameters.is_empty() => Err(Malformed("the Ed25519 key has parameters")),
            [0x2b, 0x65, 0x70] if data.len() != 32 => Err(Malformed("the Ed25519 key is not 32 bytes long")),
            [0x2b, 0x65, 0x70] => Ok(Self::Ed25519(data)),
            [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => {
                dsa(parameters, &data).ok_or(Malformed("the DSA key is malformed")).map(|()| Self::Dsa)
            }
            _ => Ok(Self::Unknown),
        }
    }

    /// The input of Fabric's SKI (SHA-256): the point of an EC key, the PKCS #1 structure of an RSA key.
    pub(crate) fn ski_input(&self) -> Option<Vec<u8>> {
        match self {
            Self::Ecdsa(_, point) | Self::Ed25519(point) => Some(point.clone()),
            Self::Rsa(key) => Some(yasna::construct_der(|w| {
                w.write_sequence(|w| {
                    w.next().write_bigint_bytes(&key.modulus, true);
                    w.next().write_u64(key.exponent);
                });
            })),
            Self::Dsa | Self::Unknown => None,
        }
    }
}

/// Reads a `SubjectPublicKeyInfo` (Go `x509.ParsePKIXPublicKey`, which reads the outer layers with `encoding/asn1`).
pub(crate) fn parse_spki(der: &[u8]) -> Option<PublicKey> {
    let mut outer = Der(der);
    let inner = outer.open(SEQUENCE).filter(|_| outer.is_empty())?;
    PublicKey::parse(inner).ok().filter(|key| *key != PublicKey::Unknown)
}

fn rsa(parameters: &[u8], data: &[u8]) -> Result<PublicKey, &'static str> {
    if parameters != [5, 0] {
        return Err("the RSA key lacks the NULL parameters");
    }
    let mut fields = Der(data).open(SEQUENCE).ok_or("the RSA key is not a sequence")?;
    let modulus = fields.integer().ok_or("the RSA modulus is not a number")?;
    let exponent = fields.integer().and_then(to_i64).ok_or("the RSA exponent is not a 64-bit number")?;
    if modulus[0] & 0x80 != 0 || significant(modulus).is_empty() {
        return Err("the RSA modulus is not positive");
    }
    match u64::try_from(exponent) {
        Ok(exponent @ 1..) => Ok(PublicKey::Rsa(RsaPublicKey { modulus: significant(modulus).to_vec(), exponent })),
        _ => Err("the RSA exponent is not positive"),
    }
}

fn dsa(parameters: &[u8], data: &[u8]) -> Option<()> {
    let positive = |n: &[u8]| n[0] & 0x80 == 0 && !significant(n).is_empty();
    let mut fields = Der(parameters).open(SEQUENCE)?;
    let numbers = [Der(data).integer()?, fields.integer()?, fields.integer()?, fields.integer()?];
    numbers.into_iter().all(positive).then_some(())
}
