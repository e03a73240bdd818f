//! Signatures that were verified before. One CA certificate stands in hundreds of folders, and several rules ask for the
//! same signature; verifying costs far more than remembering.

use std::cell::RefCell;
use std::collections::HashMap;

use ring::digest::{Context, SHA256};
use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};

/// How many outcomes one generation holds; there are two, so that memory is bounded and what is in use stays.
const GENERATION: usize = 1024;

type Digest = [u8; 32];

#[derive(Default)]
struct Memory {
    young: HashMap<Digest, bool>,
    old: HashMap<Digest, bool>,
}

thread_local! {
    /// Each thread's own. A signature does not change, so that nothing shows of this but the time it saves.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Whether the public key `key` made `signature` over `message`, each in the form that `algorithm` takes.
pub(crate) fn is_made_by(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let asked = digest(algorithm, &[key, message, signature]);
    if let Some(known) = MEMORY.with_borrow_mut(|memory| memory.recall(&asked)) {
        return known;
    }
    let outcome = UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok();
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

/// One digest for the algorithm and all parts, none of which can pass for a piece of its neighbour.
fn digest(algorithm: &dyn VerificationAlgorithm, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in [&[format!("{algorithm:?}").as_bytes()], parts].concat() {
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    let mut out = Digest::default();
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, EcdsaKeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_found() {
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
    fn no_part_passes_for_a_piece_of_its_neighbour() {
        let one = |parts: &[&[u8]]| digest(&ECDSA_P256_SHA256_ASN1, parts);
        assert_ne!(one(&[b"ab", b"c"]), one(&[b"a", b"bc"]));
        assert_ne!(one(&[b"ab"]), digest(&ECDSA_P256_SHA384_ASN1, &[b"ab"]));
    }

    #[test]
    fn what_is_in_use_stays_and_memory_is_bounded() {
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
