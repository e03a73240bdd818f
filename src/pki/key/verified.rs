//! A cache of verified signatures and key pairs. A CA certificate appears in hundreds of folders, several rules check
//! the same signature, and a folder's key is checked more than once; verifying costs far more than a look-up. Of a key
//! only a digest is kept.

use std::cell::RefCell;
use std::collections::HashMap;

use ring::digest::{Context, SHA256};
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, UnparsedPublicKey, VerificationAlgorithm};

/// The capacity of one generation; there are two, so that memory is bounded and entries in use stay.
const GENERATION: usize = 1024;

type Digest = [u8; 32];

#[derive(Default)]
struct Memory {
    young: HashMap<Digest, bool>,
    old: HashMap<Digest, bool>,
}

thread_local! {
    /// One cache per thread. A signature's verdict never changes, so only the time differs.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Whether the public key `key` made `signature` over `message`, each in the form that `algorithm` expects.
pub(crate) fn is_made_by(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let name = format!("{algorithm:?}");
    remembered(&[b"signature", name.as_bytes(), key, message, signature], || {
        UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
    })
}

/// Whether `point` is the public key of the private key `scalar`, each in the form that `algorithm` expects.
pub(crate) fn is_public_half(algorithm: &'static EcdsaSigningAlgorithm, scalar: &[u8], point: &[u8]) -> bool {
    let name = format!("{algorithm:?}");
    remembered(&[b"pair", name.as_bytes(), scalar, point], || {
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &SystemRandom::new()).is_ok()
    })
}

fn remembered(asked: &[&[u8]], verify: impl FnOnce() -> bool) -> bool {
    let asked = digest(asked);
    if let Some(known) = MEMORY.with_borrow_mut(|memory| memory.recall(&asked)) {
        return known;
    }
    let outcome = verify();
    MEMORY.with_borrow_mut(|memory| memory.note(asked, outcome));
    outcome
}

impl Memory {
    fn recall(&mut self, asked: &Digest) -> Option<bool> {
        if let Some(known) = self.young.get(asked) {
            return Some(*known);
        }
        let known = self.old.remove(asked)?;
        self.note(*asked, known);
        Some(known)
    }

    fn note(&mut self, asked: Digest, outcome: bool) {
        if self.young.len() == GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(asked, outcome);
    }
}

/// One digest of all parts, with their lengths, so that no part can be confused with its neighbour.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    let mut out = Digest::default();
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, KeyPair as _};

    use super::*;
    use crate::pki::key::{KeyAlgorithm, KeyPair};

    #[test]
    fn the_cached_verdict_equals_the_first() {
        let random = SystemRandom::new();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        let key = pair.public_key().as_ref();
        let signature = pair.sign(&random, b"message").unwrap();
        for _ in 0..3 {
            assert!(is_made_by(&ECDSA_P256_SHA256_ASN1, key, b"message", signature.as_ref()));
            assert!(!is_made_by(&ECDSA_P256_SHA384_ASN1, key, b"message", signature.as_ref()));
            assert!(!is_made_by(&ECDSA_P256_SHA256_ASN1, key, b"massage", signature.as_ref()));
            assert!(!is_made_by(&ECDSA_P256_SHA256_ASN1, &key[1..], b"message", signature.as_ref()));
        }
    }

    #[test]
    fn a_pair_has_the_same_verdict_every_time() {
        let make = || KeyPair::generate(KeyAlgorithm::P256).unwrap();
        let (one, other) = (make(), make());
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        for _ in 0..3 {
            assert!(is_public_half(algorithm, &one.scalar, &one.point));
            assert!(!is_public_half(algorithm, &one.scalar, &other.point));
        }
    }

    #[test]
    fn the_boundaries_of_parts_change_the_digest() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }

    #[test]
    fn entries_in_use_stay_and_memory_is_bounded() {
        let mut memory = Memory::default();
        let name = |n: usize| {
            let mut name = Digest::default();
            name[..8].copy_from_slice(&n.to_le_bytes());
            name
        };
        memory.note(name(0), true);
        for n in 1..20 * GENERATION {
            memory.note(name(n), false);
            assert_eq!(memory.recall(&name(0)), Some(true), "{n}");
            assert!(memory.young.len() + memory.old.len() <= 2 * GENERATION);
        }
        assert_eq!(memory.recall(&name(1)), None);
    }
}
