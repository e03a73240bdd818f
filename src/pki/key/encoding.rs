//! Encodes and decodes private keys: PKCS#8 (RFC 5208, RFC 8410), SEC 1 (RFC 5915), `SubjectPublicKeyInfo` (RFC 5480).
#![allow(clippy::redundant_closure_for_method_calls, reason = "the methods are not general enough in their lifetimes")]

use yasna::models::ObjectIdentifier;
use yasna::{ASN1Error, ASN1ErrorKind, Tag};
use zeroize::Zeroizing;

use super::{KeyAlgorithm, KeyError, KeyPair};
use crate::text::pem_blocks;

const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const PRIME256V1: &[u64] = &[1, 2, 840, 10045, 3, 1, 7];
const SECP384R1: &[u64] = &[1, 3, 132, 0, 34];
const RSA: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
const ED25519: &[u64] = &[1, 3, 101, 112];

pub(super) const NOT_A_SEED: KeyError = KeyError::Malformed("the Ed25519 key is not 32 bytes long");

/// The OID of the algorithm, and of the curve.
const fn oids(algorithm: KeyAlgorithm) -> (&'static [u64], Option<&'static [u64]>) {
    match algorithm {
        KeyAlgorithm::P256 => (EC_PUBLIC_KEY, Some(PRIME256V1)),
        KeyAlgorithm::P384 => (EC_PUBLIC_KEY, Some(SECP384R1)),
        KeyAlgorithm::Ed25519 => (ED25519, None),
    }
}

fn oid(components: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(components)
}

fn curve_of(found: &ObjectIdentifier) -> Result<KeyAlgorithm, KeyError> {
    [KeyAlgorithm::P256, KeyAlgorithm::P384]
        .into_iter()
        .find(|a| oids(*a).1.is_some_and(|curve| *found == oid(curve)))
        .ok_or(KeyError::Unfit("on a curve other than P-256 and P-384"))
}

/// Whether a PEM block with this label holds a private key of any kind.
pub fn is_private_key_label(label: &str) -> bool {
    label.ends_with("PRIVATE KEY")
}

pub(super) fn key_from_pem(pem: &[u8]) -> Result<KeyPair, KeyError> {
    let mut blocks = pem_blocks(pem)?;
    let found = blocks.iter_mut().find(|b| is_private_key_label(&b.label)).ok_or(KeyError::NoKey)?;
    let der = Zeroizing::new(std::mem::take(&mut found.der));
    match found.label.as_str() {
        "PRIVATE KEY" => from_pkcs8(&der),
        "EC PRIVATE KEY" if found.headers.iter().any(|h| h.contains("ENCRYPTED")) => Err(KeyError::Encrypted),
        "EC PRIVATE KEY" => from_sec1(&der, None),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        "RSA PRIVATE KEY" => Err(KeyError::Unfit("RSA")),
        _ => Err(KeyError::Unfit("of an unknown type")),
    }
}

/// `PrivateKeyInfo ::= SEQUENCE { version, algorithm { OID, parameters }, privateKey OCTET STRING, [0] attributes }`
pub(super) fn from_pkcs8(der: &[u8]) -> Result<KeyPair, KeyError> {
    let (algorithm, parameters, inner, rest) = yasna::parse_der(der, |r| {
        r.read_sequence(|r| {
            r.next().read_u8()?;
            let (algorithm, parameters) = r.next().read_sequence(|r| {
                let algorithm = r.next().read_oid()?;
                let parameters = r.read_optional(|r| r.read_der())?;
                Ok((algorithm, parameters))
            })?;
            let inner = Zeroizing::new(r.next().read_bytes()?);
            let mut rest = Vec::new();
            while let Some(other) = r.read_optional(|r| r.read_der())? {
                rest.push(other);
            }
            Ok((algorithm, parameters, inner, rest))
        })
    })
    .map_err(|_| KeyError::Malformed("it is not a PKCS#8 structure"))?;
    if algorithm == oid(RSA) {
        return Err(KeyError::Unfit("RSA"));
    }
    if algorithm == oid(ED25519) {
        return from_ed25519(&inner, &rest);
    }
    if algorithm != oid(EC_PUBLIC_KEY) {
        return Err(KeyError::Unfit("of an unknown type"));
    }
    let curve = parameters
        .and_then(|p| yasna::parse_der(&p, |r| r.read_oid()).ok())
        .ok_or(KeyError::Malformed("it does not name its curve"))?;
    from_sec1(&inner, Some(curve_of(&curve)?))
}

/// `CurvePrivateKey ::= OCTET STRING`, the seed. Version 2 of the structure has the public key too: `[1] IMPLICIT BIT STRING`
/// (RFC 8410 section 7).
fn from_ed25519(inner: &[u8], rest: &[Vec<u8>]) -> Result<KeyPair, KeyError> {
    let seed = yasna::parse_der(inner, |r| r.read_bytes()).map(Zeroizing::new).map_err(|_| NOT_A_SEED)?;
    match rest.iter().find_map(|der| der.strip_prefix(&[0x81, 33, 0])) {
        Some(point) => KeyPair::from_parts(KeyAlgorithm::Ed25519, &seed, point.to_vec()),
        None => KeyPair::from_scalar(KeyAlgorithm::Ed25519, &seed),
    }
}

/// `ECPrivateKey ::= SEQUENCE { version 1, privateKey OCTET STRING, [0] parameters, [1] publicKey }`; both tagged
/// members are optional, and the curve may come from the surrounding PKCS#8 structure.
fn from_sec1(der: &[u8], outer: Option<KeyAlgorithm>) -> Result<KeyPair, KeyError> {
    let (scalar, curve, public) = yasna::parse_der(der, |r| {
        r.read_sequence(|r| {
            if r.next().read_u8()? != 1 {
                return Err(ASN1Error::new(ASN1ErrorKind::Invalid));
            }
            let scalar = Zeroizing::new(r.next().read_bytes()?);
            let curve = r.read_optional(|r| r.read_tagged(Tag::context(0), |r| r.read_oid()))?;
            let public = r.read_optional(|r| r.read_tagged(Tag::context(1), |r| r.read_bitvec_bytes()))?;
            Ok((scalar, curve, public))
        })
    })
    .map_err(|_| KeyError::Malformed("it is not a SEC 1 structure"))?;
    let inner = curve.as_ref().map(curve_of).transpose()?;
    let algorithm = match (outer, inner) {
        (Some(a), Some(b)) if a != b => return Err(KeyError::Malformed("it names two different curves")),
        (Some(a), _) | (None, Some(a)) => a,
        (None, None) => return Err(KeyError::Malformed("it does not name its curve")),
    };
    match public {
        // A compressed point is legal; the point is computed from the scalar.
        Some((point, _)) if point.first() == Some(&4) => KeyPair::from_parts(algorithm, &scalar, point),
        _ => KeyPair::from_scalar(algorithm, &scalar),
    }
}

pub(super) fn pkcs8_der(algorithm: KeyAlgorithm, scalar: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => yasna::construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_u8(1);
                w.next().write_bytes(scalar);
                w.next().write_tagged(Tag::context(1), |w| w.write_bitvec_bytes(point, point.len() * 8));
            });
        }),
        KeyAlgorithm::Ed25519 => yasna::construct_der(|w| w.write_bytes(scalar)),
    });
    Zeroizing::new(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_u8(0);
            write_algorithm(w.next(), algorithm);
            w.next().write_bytes(&inner);
        });
    }))
}

/// `AlgorithmIdentifier`: with the curve of an EC key, without parameters for Ed25519 (RFC 8410 section 3).
fn write_algorithm(w: yasna::DERWriter<'_>, algorithm: KeyAlgorithm) {
    let (kind, curve) = oids(algorithm);
    w.write_sequence(|w| {
        w.next().write_oid(&oid(kind));
        if let Some(curve) = curve {
            w.next().write_oid(&oid(curve));
        }
    });
}

pub(super) fn spki_der(algorithm: KeyAlgorithm, point: &[u8]) -> Vec<u8> {
    yasna::construct_der(|w| {
        w.write_sequence(|w| {
            write_algorithm(w.next(), algorithm);
            w.next().write_bitvec_bytes(point, point.len() * 8);
        });
    })
}
