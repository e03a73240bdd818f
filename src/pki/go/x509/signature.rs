//! Verifies signatures (`crypto/x509/x509.go`, `CheckSignatureFrom`, `checkSignature`).

use ring::signature::{ED25519, UnparsedPublicKey};

use super::algorithm::{Hash, SignatureAlgorithm};
use super::certificate::Certificate;
use super::public_key::PublicKey;

const KEY_CERT_SIGN: u16 = 1 << 5;

impl Certificate {
    /// Whether `parent` may sign certificates and signed this one. Names are not compared.
    pub(crate) fn is_signed_by(&self, parent: &Self) -> bool {
        let extensions = &parent.extensions;
        let no_ca = extensions.has_basic_constraints && !extensions.is_ca;
        if parent.version == 3 && !extensions.has_basic_constraints || no_ca {
            return false;
        }
        if extensions.key_usage != 0 && extensions.key_usage & KEY_CERT_SIGN == 0 {
            return false;
        }
        let known = self.tried.borrow().iter().find(|(key, _)| *key == parent.spki).map(|(_, verdict)| *verdict);
        known.unwrap_or_else(|| {
            let sha1 = matches!(
                self.signature_algorithm,
                SignatureAlgorithm::Rsa(Hash::Sha1) | SignatureAlgorithm::Ecdsa(Hash::Sha1)
            );
            let verdict = !sha1 && parent.public_key.verifies(self.signature_algorithm, &self.tbs, &self.signature);
            self.tried.borrow_mut().push((parent.spki.clone(), verdict));
            verdict
        })
    }

    /// The same certificate with a low S in its ECDSA signature by `parent`, as Fabric rewrites it; `None` when S is
    /// low already (fabric `msp/cert.go`, `sanitizeECDSASignedCert`).
    pub(crate) fn with_low_s(&self, parent: &Self) -> Option<Self> {
        let PublicKey::Ecdsa(curve, _) = &parent.public_key else { return None };
        let low = curve.to_low_s(&self.signature)?;
        let mut outer = super::der::Der(&self.raw).open(super::der::SEQUENCE)?;
        let (tbs, algorithm) = (outer.element()?.whole, outer.element()?.whole);
        let raw = yasna::construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_der(tbs);
                w.next().write_der(algorithm);
                w.next().write_bitvec_bytes(&low, low.len() * 8);
            });
        });
        Self::parse(&raw).ok()
    }
}

impl PublicKey {
    /// Whether this key made the signature; SHA-1 is accepted.
    pub(crate) fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Rsa(key), SignatureAlgorithm::Rsa(hash)) => key.verifies(hash, message, signature),
            (Self::Rsa(key), SignatureAlgorithm::RsaPss(hash)) => key.verifies_pss(hash, message, signature),
            (Self::Ecdsa(curve, point), SignatureAlgorithm::Ecdsa(hash)) => {
                curve.verifies(point, hash, message, signature)
            }
            (Self::Ed25519(key), SignatureAlgorithm::Ed25519) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}
