//! ECDSA with ring where it can, which is much faster, and with `p256` and `p384` where it cannot.

use p384::ecdsa::signature::hazmat::PrehashSigner as _;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;

use super::{KeyAlgorithm, KeyError, KeyPair, low_s};

/// The uncompressed public point of a scalar that is as long as the field.
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
    })
}

/// Signs `message`, hashed with the curve's own hash.
pub(super) fn sign(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature = key.ring()?.sign(&SystemRandom::new(), message).map_err(|_| KeyError::NoRandomness)?;
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
