//! RSA signatures and the private keys that Go accepts (`crypto/rsa`, `crypto/internal/fips140/rsa`). ring verifies the
//! usual ones; the others are computed here.

use num_bigint::BigUint;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents};

use super::algorithm::Hash;
use super::der::significant;

/// A public key: the modulus without leading zeros, and the exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RsaPublicKey {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: u64,
}

impl RsaPublicKey {
    /// Length of the modulus in bits.
    pub(crate) fn bits(&self) -> usize {
        self.modulus.first().map_or(0, |first| self.modulus.len() * 8 - first.leading_zeros() as usize)
    }

    /// Whether Go verifies with it: at least 1024 bits, odd modulus, odd exponent below 2^31.
    pub(super) fn is_fit(&self) -> bool {
        self.bits() >= 1024
            && self.modulus.last().is_some_and(|last| last & 1 == 1)
            && (2..1 << 31).contains(&self.exponent)
            && self.exponent & 1 == 1
    }

    /// PKCS #1 1.5 (Go `rsa.VerifyPKCS1v15`).
    pub(super) fn verifies(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let fast: Option<&RsaParameters> = match hash {
            Hash::Sha1 => Some(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
            Hash::Sha256 => Some(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
            Hash::Sha384 => (self.bits() >= 2048).then_some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Hash::Sha512 => Some(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        };
        if let Some(parameters) = fast.filter(|_| self.ring_takes_it()) {
            return self.is_fit() && self.ring_verifies(parameters, message, signature);
        }
        let prefix: &[u8] = match hash {
            Hash::Sha1 => &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14],
            Hash::Sha256 => &[0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
            Hash::Sha384 => &[0x30, 0x41, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
            Hash::Sha512 => &[0x30, 0x51, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
        };
        let digest = [prefix, &hash.digest(message)].concat();
        let Some(padding) = self.modulus.len().checked_sub(digest.len() + 3).filter(|p| *p >= 8) else { return false };
        let expected = [&[0, 1][..], &vec![0xff; padding], &[0], &digest].concat();
        self.encrypt(signature).is_some_and(|found| found == expected)
    }

    /// RSASSA-PSS with a salt as long as the hash (Go `rsa.VerifyPSS`).
    pub(super) fn verifies_pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let fast: Option<&RsaParameters> = match hash {
            Hash::Sha1 => None,
            Hash::Sha256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Hash::Sha384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Hash::Sha512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        };
        match fast.filter(|_| self.ring_takes_it() && self.bits() >= 2048) {
            Some(parameters) => self.is_fit() && self.ring_verifies(parameters, message, signature),
            None => self.pss_holds(hash, &hash.digest(message), signature).unwrap_or(false),
        }
    }

    /// EMSA-PSS-VERIFY (RFC 8017 section 9.1.2).
    fn pss_holds(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Option<bool> {
        let bits = self.bits() - 1;
        let length = bits.div_ceil(8);
        let mut encoded = self.encrypt(signature)?;
        while encoded.len() > length {
            if encoded.remove(0) != 0 {
                return None;
            }
        }
        let size = digest.len();
        let masked = length.checked_sub(size + 1)?;
        let (salt_at, seed) = (masked.checked_sub(size)?, &encoded[masked..length - 1]);
        let unused = 8 * length - bits;
        if encoded[length - 1] != 0xbc || unused > 0 && encoded[0] >> (8 - unused) != 0 {
            return None;
        }
        let mask = (0u32..).flat_map(|n| hash.digest(&[seed, &n.to_be_bytes()].concat())).take(masked);
        let mut block: Vec<u8> = encoded[..masked].iter().zip(mask).map(|(b, m)| b ^ m).collect();
        block[0] &= 0xff >> unused;
        let (one, zeros) = block[..salt_at].split_last()?;
        let again = hash.digest(&[&[0; 8], digest, &block[salt_at..]].concat());
        Some(*one == 1 && zeros.iter().all(|b| *b == 0) && again == seed)
    }

    fn ring_takes_it(&self) -> bool {
        self.modulus.len() <= 1024 && self.exponent > 2
    }

    fn ring_verifies(&self, parameters: &RsaParameters, message: &[u8], signature: &[u8]) -> bool {
        let exponent = self.exponent.to_be_bytes();
        let key = RsaPublicKeyComponents { n: self.modulus.as_slice(), e: significant(&exponent) };
        key.verify(parameters, message, signature).is_ok()
    }

    /// `signature` to the public exponent, as long as the modulus.
    fn encrypt(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let (modulus, signature_number) = (BigUint::from_bytes_be(&self.modulus), BigUint::from_bytes_be(signature));
        if !self.is_fit() || signature.len() != self.modulus.len() || signature_number >= modulus {
            return None;
        }
        let plain = signature_number.modpow(&BigUint::from(self.exponent), &modulus).to_bytes_be();
        Some([vec![0; self.modulus.len() - plain.len()].as_slice(), &plain].concat())
    }
}

/// The numbers of a private key with two primes, big-endian.
pub(super) struct PrivateNumbers<'a> {
    pub(super) private: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
    /// `d mod p-1`, `d mod q-1`, `q^-1 mod p`, if stored.
    pub(super) precomputed: Option<[&'a [u8]; 3]>,
}

/// Whether Go accepts them as a private key of `public` (`checkPrivateKey`).
pub(super) fn is_private_key(public: &RsaPublicKey, numbers: &PrivateNumbers<'_>) -> bool {
    let number = BigUint::from_bytes_be;
    let (modulus, private) = (number(&public.modulus), number(numbers.private));
    let (p, q) = (number(numbers.p), number(numbers.q));
    let (one, exponent) = (BigUint::from(1u8), BigUint::from(public.exponent));
    let odd = public.modulus.last().is_some_and(|b| b & 1 == 1) && public.exponent & 1 == 1;
    if !odd || !(2..1 << 31).contains(&public.exponent) || p <= one || q <= one || private >= modulus {
        return false;
    }
    let inverts = |less: &BigUint| (&private % less) * &exponent % less == &one % less;
    let (p_less, q_less) = (&p - &one, &q - &one);
    if &p * &q != modulus || !inverts(&p_less) || !inverts(&q_less) {
        return false;
    }
    if let Some([given_p, given_q, inverse]) = numbers.precomputed {
        let inverse = number(inverse);
        let exponents_fit = number(given_p) == &private % &p_less && number(given_q) == &private % &q_less;
        if !exponents_fit || inverse >= p || (&q * inverse) % &p != one {
            return false;
        }
    } else if q.modinv(&p).is_none() {
        return false;
    }
    // Primes too close to each other and a small private exponent are refused.
    let difference = if p > q { &p - &q } else { &q - &p };
    let half = public.bits() as u64 / 2;
    p != q && (half < 100 || difference.bits() > half - 100) && private.bits() > half
}
