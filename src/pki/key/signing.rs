//! ECDSA and Ed25519 with ring, which is much faster, and ECDSA with `p256` and `p384` where ring cannot.

use p384::ecdsa::signature::hazmat::PrehashSigner as _;
use ring::digest::{SHA256, digest};
use ring::pkcs8::Document;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _,
};

use super::{KeyAlgorithm, KeyError, KeyPair, encoding, is_public_half, low_s};

/// ring's algorithm for a curve, with the curve's own hash and fixed-length signatures; `None` for Ed25519.
fn ecdsa(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::P256 => Some(&ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyAlgorithm::P384 => Some(&ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyAlgorithm::Ed25519 => None,
    }
}

/// A new EC key; `None` for Ed25519.
pub(super) fn generated(algorithm: KeyAlgorithm) -> Result<Option<Document>, KeyError> {
    let make = |curve| EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).map_err(|_| KeyError::NoRandomness);
    ecdsa(algorithm).map(make).transpose()
}

/// An EC key for ring, which computes the point again.
fn ecdsa_pair(key: &KeyPair, curve: &'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, KeyError> {
    EcdsaKeyPair::from_private_key_and_public_key(curve, &key.scalar, &key.point, &SystemRandom::new())
        .map_err(|_| KeyError::PublicMismatch)
}

fn ed25519_pair(seed: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| encoding::NOT_A_SEED)
}

/// Checks that the point is that of the secret.
pub(super) fn check_point(key: &KeyPair) -> Result<(), KeyError> {
    match ecdsa(key.algorithm) {
        Some(curve) if is_public_half(curve, &key.scalar, &key.point) => Ok(()),
        None if ed25519_pair(&key.scalar)?.public_key().as_ref() == key.point => Ok(()),
        _ => Err(KeyError::PublicMismatch),
    }
}

/// The public point of a scalar that is as long as the field, uncompressed, or of a seed.
pub(super) fn public_point(algorithm: KeyAlgorithm, scalar: &[u8]) -> Result<Vec<u8>, KeyError> {
    const OUT_OF_RANGE: KeyError = KeyError::Malformed("the scalar is zero or not below the curve's order");
    Ok(match algorithm {
        KeyAlgorithm::P256 => {
            let key = p256::SecretKey::from_slice(scalar).map_err(|_| OUT_OF_RANGE)?;
            p256::Sec1Point::from(key.public_key()).as_bytes().to_vec()
        }
        KeyAlgorithm::P384 => {
            let key = p384::SecretKey::from_slice(scalar).map_err(|_| OUT_OF_RANGE)?;
            p384::Sec1Point::from(key.public_key()).as_bytes().to_vec()
        }
        KeyAlgorithm::Ed25519 => ed25519_pair(scalar)?.public_key().as_ref().to_vec(),
    })
}

/// Signs `message`, with ECDSA hashed with the curve's own hash.
pub(super) fn sign(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let Some(curve) = ecdsa(key.algorithm) else {
        return Ok(ed25519_pair(&key.scalar)?.sign(message).as_ref().to_vec());
    };
    let signature = ecdsa_pair(key, curve)?.sign(&SystemRandom::new(), message).map_err(|_| KeyError::NoRandomness)?;
    let (r, s) = signature.as_ref().split_at(key.algorithm.field_len());
    with_low_s(key.algorithm, r, s)
}

/// A signature over `message`, hashed with SHA-256, which ring does not do for P-384: there the nonce follows RFC 6979 with
/// the curve's own hash.
pub(super) fn sign_sha256(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    match key.algorithm {
        KeyAlgorithm::P256 => sign(key, message),
        KeyAlgorithm::P384 => {
            let z = digest(&SHA256, message);
            let d = p384::ecdsa::SigningKey::from_slice(&key.scalar).map_err(|_| KeyError::Signing)?;
            let signature: p384::ecdsa::Signature = d.sign_prehash(z.as_ref()).map_err(|_| KeyError::Signing)?;
            let (r, s) = signature.split_bytes();
            with_low_s(key.algorithm, &r, &s)
        }
        KeyAlgorithm::Ed25519 => sign(key, digest(&SHA256, message).as_ref()),
    }
}

/// DER `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) with low S.
fn with_low_s(algorithm: KeyAlgorithm, r: &[u8], s: &[u8]) -> Result<Vec<u8>, KeyError> {
    let s = low_s::to_low_s(algorithm, s).ok_or(KeyError::Signing)?;
    Ok(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(r, true);
            w.next().write_bigint_bytes(&s, true);
        });
    }))
}
