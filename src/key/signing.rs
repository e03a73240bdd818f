//! ECDSA with nonces by RFC 6979, over the curves of `p256` and `p384`.

use ecdsa::hazmat::sign_prehashed_rfc6979;
use ecdsa::signature::digest::Digest;
use sha2::{Sha256, Sha384};

use super::{KeyAlgorithm, KeyError, low_s};

/// The hash over the message.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    OfCurve,
    Sha256,
}

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

/// DER `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) with low S.
pub(super) fn sign(algorithm: KeyAlgorithm, scalar: &[u8], message: &[u8], hash: Hash) -> Result<Vec<u8>, KeyError> {
    let (r, s) = match algorithm {
        KeyAlgorithm::P256 => {
            let key = p256::SecretKey::from_slice(scalar).map_err(|_| KeyError::Signing)?;
            let z = Sha256::digest(message);
            let (signature, _) = sign_prehashed_rfc6979::<p256::NistP256, Sha256>(&key.to_nonzero_scalar(), &z, &[]);
            let (r, s) = signature.split_bytes();
            (r.to_vec(), s.to_vec())
        }
        KeyAlgorithm::P384 => {
            let key = p384::SecretKey::from_slice(scalar).map_err(|_| KeyError::Signing)?;
            let d = key.to_nonzero_scalar();
            let (signature, _) = match hash {
                Hash::OfCurve => sign_prehashed_rfc6979::<p384::NistP384, Sha384>(&d, &Sha384::digest(message), &[]),
                Hash::Sha256 => sign_prehashed_rfc6979::<p384::NistP384, Sha256>(&d, &Sha256::digest(message), &[]),
            };
            let (r, s) = signature.split_bytes();
            (r.to_vec(), s.to_vec())
        }
    };
    let s = low_s::to_low_s(algorithm, &s);
    Ok(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(&r, true);
            w.next().write_bigint_bytes(&s, true);
        });
    }))
}
