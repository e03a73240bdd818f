//! ECDSA on the curves that Go knows (`crypto/ecdsa`), with any hash. P-224 is read and not verified: no Fabric CA issues
//! it, Go's TLS refuses it, and the curve's only crate has no release.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::signature::{self, VerificationAlgorithm};

use super::algorithm::Hash;
use super::der::{Der, SEQUENCE, significant};
use super::p224;
use crate::pki::key::{is_made_by, is_public_half};

/// A curve that Go knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

/// Evaluates an expression with `$module` as the curve's crate; `$p224` for the curve without one.
macro_rules! on_curve {
    ($curve:expr, $module:ident => $body:expr, P224 => $p224:expr) => {
        match $curve {
            Curve::P224 => $p224,
            Curve::P256 => {
                use p256 as $module;
                $body
            }
            Curve::P384 => {
                use p384 as $module;
                $body
            }
            Curve::P521 => {
                use p521 as $module;
                $body
            }
        }
    };
}

impl Curve {
    /// The curve with this object identifier (its content octets).
    pub(super) const fn of_oid(oid: &[u8]) -> Option<Self> {
        Some(match oid {
            [0x2b, 0x81, 4, 0, 33] => Self::P224,
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Self::P256,
            [0x2b, 0x81, 4, 0, 34] => Self::P384,
            [0x2b, 0x81, 4, 0, 35] => Self::P521,
            _ => return None,
        })
    }

    /// Octets of a coordinate.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Whether this is an uncompressed point of the curve.
    pub(super) fn holds(self, point: &[u8]) -> bool {
        point.first() == Some(&4)
            && point.len() == 1 + 2 * self.size()
            && on_curve!(self, curve => curve::PublicKey::from_sec1_bytes(point).is_ok(), P224 => p224::holds(point))
    }

    /// The point of a private key, `size` octets long; `None` if it is zero or not below the order. `stored` is the
    /// point stored beside the key: if ring confirms it, which is much faster, it is not computed again. On P-224 it is
    /// accepted as it is, if it is a point of the curve.
    pub(super) fn point_of(self, scalar: &[u8], stored: Option<&[u8]>) -> Option<Vec<u8>> {
        // The form of signatures is without meaning here; it is that of `pki::key`, whose verdicts are remembered by it.
        let algorithm = match self {
            Self::P256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::P384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::P224 | Self::P521 => None,
        };
        if let (Some(algorithm), Some(point)) = (algorithm, stored)
            && is_public_half(algorithm, scalar, point)
        {
            return Some(point.to_vec());
        }
        on_curve!(self, curve => {
            let key = curve::SecretKey::from_slice(scalar).ok()?;
            Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
        }, P224 => stored.filter(|point| self.holds(point)).map(<[u8]>::to_vec))
    }

    /// Whether the key `point` made the DER signature over `message` (Go `ecdsa.VerifyASN1`). Never on P-224.
    pub(super) fn verifies(self, point: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let fast: Option<&'static dyn VerificationAlgorithm> = match (self, hash) {
            (Self::P256, Hash::Sha256) => Some(&signature::ECDSA_P256_SHA256_ASN1),
            (Self::P256, Hash::Sha384) => Some(&signature::ECDSA_P256_SHA384_ASN1),
            (Self::P384, Hash::Sha256) => Some(&signature::ECDSA_P384_SHA256_ASN1),
            (Self::P384, Hash::Sha384) => Some(&signature::ECDSA_P384_SHA384_ASN1),
            _ => None,
        };
        if let Some(algorithm) = fast {
            return is_made_by(algorithm, point, message, signature);
        }
        self.verifies_slowly(point, &hash.digest(message), signature).is_some()
    }

    fn verifies_slowly(self, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
        let (r, s) = split(signature)?;
        let size = self.size();
        // The curve crates refuse digests shorter than half the curve; zero-padded, they are the same numbers.
        let digest = if digest.len() < size { padded(digest, size)? } else { digest.to_vec() };
        let fixed = [padded(r, size)?, padded(s, size)?].concat();
        on_curve!(self, curve => {
            let key = curve::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            key.verify_prehash(&digest, &curve::ecdsa::Signature::from_slice(&fixed).ok()?).ok()
        }, P224 => None)
    }

    /// The same signature with a low S, as Fabric rewrites it; `None` when S is low already or the signature is invalid
    /// (fabric-lib-go `bccsp/utils/ecdsa.go`, `SignatureToLowS`).
    pub(super) fn to_low_s(self, signature: &[u8]) -> Option<Vec<u8>> {
        let (r, s) = split(signature)?;
        let fixed = [padded(r, self.size())?, padded(s, self.size())?].concat();
        on_curve!(self, curve => {
            let whole = curve::ecdsa::Signature::from_slice(&fixed).ok()?;
            let low = whole.normalize_s();
            (low.to_bytes() != whole.to_bytes()).then(|| {
                let bytes = low.to_bytes();
                let (r, s) = bytes.split_at(self.size());
                joined(r, s)
            })
        }, P224 => None)
    }
}

/// R and S, strictly decoded, without leading zeros.
fn split(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Der(signature);
    let mut inner = outer.open(SEQUENCE)?;
    let (r, s) = (inner.integer()?, inner.integer()?);
    let positive = |n: &[u8]| n[0] & 0x80 == 0;
    (outer.is_empty() && inner.is_empty() && positive(r) && positive(s)).then(|| (significant(r), significant(s)))
}

/// R and S as Go writes them.
pub(super) fn joined(r: &[u8], s: &[u8]) -> Vec<u8> {
    yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(r, true);
            w.next().write_bigint_bytes(s, true);
        });
    })
}

fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let zeros = size.checked_sub(number.len())?;
    Some([vec![0; zeros].as_slice(), number].concat())
}
