//! Private keys (`crypto/x509`: `ParsePKCS1PrivateKey`, `ParsePKCS8PrivateKey`, `ParseECPrivateKey`). Only the public
//! key is kept, computed from the private key as in Go.

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::asn1::{BIT_STRING, OID, Sequence};
use super::der::{significant, to_u64};
use super::ecdsa::Curve;
use super::public_key::PublicKey;
use super::rsa::{PrivateNumbers, RsaPublicKey, is_private_key};

/// A private key that Go can load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivateKey {
    /// Its public key.
    pub(crate) public: PublicKey,
    /// Whether it was in PKCS #8.
    pub(crate) is_pkcs8: bool,
}

impl PrivateKey {
    /// Tries PKCS #1, PKCS #8 and SEC 1 in turn, as `crypto/tls` and Fabric do. X25519 keys are not accepted.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let plain = |public| Self { public, is_pkcs8: false };
        pkcs1(der)
            .map(plain)
            .or_else(|| pkcs8(der).map(|public| Self { public, is_pkcs8: true }))
            .or_else(|| sec1(None, der).map(plain))
    }
}

/// `None` when bytes follow, too.
fn pkcs1(der: &[u8]) -> Option<PublicKey> {
    let mut outer = Sequence::one(der);
    let mut fields = outer.sequence().filter(|_| outer.rest().is_empty())?;
    let version = fields.small_integer()?;
    let modulus = positive(fields.integer()?)?;
    let exponent = to_u64(fields.integer()?)?;
    let (private, p, q) = (positive(fields.integer()?)?, positive(fields.integer()?)?, positive(fields.integer()?)?);
    let mut given = || match fields.optional_integer()? {
        Some(number) => positive(number).map(Some),
        None => Some(None),
    };
    let (d_p, d_q, inverse) = (given()?, given()?, given()?);
    let mut primes = 0;
    if let Some(mut others) = fields.optional_sequence()? {
        while !others.rest().is_empty() {
            let mut other = others.sequence()?;
            positive(other.integer()?)?;
            other.integer()?;
            other.integer()?;
            primes += 1;
        }
    }
    let public = RsaPublicKey { modulus: modulus.to_vec(), exponent };
    let precomputed = match (d_p, d_q, inverse) {
        (Some(d_p), Some(d_q), Some(inverse)) => Some([d_p, d_q, inverse]),
        _ => None,
    };
    let numbers = PrivateNumbers { private, p, q, precomputed };
    // Go checks little of keys with more than two primes.
    let fits = version <= 1 && if primes > 0 { public.is_fit() } else { is_private_key(&public, &numbers) };
    fits.then_some(PublicKey::Rsa(public))
}

fn pkcs8(der: &[u8]) -> Option<PublicKey> {
    let mut fields = Sequence::open(der)?;
    fields.small_integer()?;
    let (algorithm, parameters) = fields.algorithm()?;
    let key = fields.octet_string()?;
    match algorithm {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => pkcs1(key),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => sec1(Sequence::one(parameters).oid(), key),
        [0x2b, 0x65, 0x70] if parameters.is_empty() => {
            let seed = Sequence::one(key).octet_string()?;
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
            Some(PublicKey::Ed25519(pair.public_key().as_ref().to_vec()))
        }
        _ => None,
    }
}

/// The outer curve takes precedence over the inner one. A stored public key of another key is ignored.
fn sec1(curve: Option<&[u8]>, der: &[u8]) -> Option<PublicKey> {
    let mut fields = Sequence::open(der)?;
    let version = fields.small_integer()?;
    let scalar = significant(fields.octet_string()?);
    let named = match fields.explicit(0, OID)? {
        Some(mut field) => Some(field.oid()?),
        None => None,
    };
    let stored = match fields.explicit(1, BIT_STRING)? {
        Some(mut field) => Some(field.bit_string()?.bytes),
        None => None,
    };
    let curve = Curve::of_oid(curve.or(named)?).filter(|_| version == 1)?;
    let zeros = curve.size().checked_sub(scalar.len())?;
    let padded = Zeroizing::new([vec![0; zeros].as_slice(), scalar].concat());
    curve.point_of(&padded, stored).map(|point| PublicKey::Ecdsa(curve, point))
}

/// A number above zero, without leading zeros.
fn positive(number: &[u8]) -> Option<&[u8]> {
    (number[0] & 0x80 == 0).then(|| significant(number)).filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::go::x509::first_block;

    /// A P-384 key in SEC 1 with its public key.
    const P384_SEC1: &[u8] = include_bytes!("../../../../testdata/keys/p384-sec1.pem");

    #[test]
    fn a_stored_public_key_of_another_key_is_ignored() {
        let mut der = first_block(P384_SEC1).unwrap().der;
        let key = PrivateKey::parse(&der).unwrap();
        let PublicKey::Ecdsa(Curve::P384, point) = &key.public else { panic!("it is a P-384 key") };
        assert!(der.ends_with(point), "the public key is stored in it");
        *der.last_mut().unwrap() ^= 1;
        assert_eq!(PrivateKey::parse(&der), Some(key));
    }
}
