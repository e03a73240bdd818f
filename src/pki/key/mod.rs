//! Keys: P-256 and P-384, written as PKCS#8, read as PKCS#8 and SEC 1, signatures with low S, and Fabric's SKI.

mod encoding;
mod low_s;
mod signing;
mod ski;
#[cfg(test)]
mod tests;
mod verified;

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use zeroize::Zeroizing;

pub use encoding::is_private_key_label;
pub use low_s::is_low_s;
pub use ski::Ski;
pub(crate) use verified::{is_made_by, is_public_half};

/// The curve of a key. Fabric identities are ECDSA (fabric `msp/mspimplsetup.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// NIST P-256.
    #[default]
    P256,
    /// NIST P-384.
    P384,
}

impl KeyAlgorithm {
    /// Length of a scalar or coordinate in bytes.
    const fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// ring's algorithm for it, with the curve's own hash and fixed-length signatures.
    fn ring(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        })
    }
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No PEM block with a private key.
    #[error("no private key in PEM form")]
    NoKey,
    /// The PEM around the key is broken.
    #[error("the key's PEM is broken: {0}")]
    Pem(#[from] crate::text::PemError),
    /// The key is encrypted; Fabric cannot read it either.
    #[error("the private key is encrypted")]
    Encrypted,
    /// An algorithm that a Fabric identity cannot have.
    #[error("the key is {0}, which Fabric does not accept as an identity")]
    Unfit(&'static str),
    /// The encoding is broken.
    #[error("the private key cannot be decoded: {0}")]
    Malformed(&'static str),
    /// The public key inside the file is another key's.
    #[error("the public key stored with the private key belongs to another key")]
    PublicMismatch,
    /// The operating system provided no random bytes.
    #[error("the operating system provided no random bytes")]
    NoRandomness,
    /// The signature could not be computed.
    #[error("signing failed")]
    Signing,
}

impl From<KeyError> for crate::Error {
    fn from(e: KeyError) -> Self {
        let help = match e {
            KeyError::Encrypted => "decrypt it first: openssl pkey -in KEY -out PLAIN (Fabric reads only plain keys)",
            KeyError::Unfit(_) => "use a P-256 or P-384 key, or let fabcert generate one",
            KeyError::NoRandomness | KeyError::Signing => "try again; if it fails again, report it",
            _ => "give a PKCS#8 or SEC 1 key in PEM form: openssl pkcs8 -topk8 -nocrypt -in KEY",
        };
        Self::new(crate::ErrorKind::Input, e.to_string()).with_help(help)
    }
}

/// A private key with its public point. Wiped from memory when dropped; `Debug` shows only the curve and the SKI.
pub struct KeyPair {
    algorithm: KeyAlgorithm,
    /// Big-endian, as long as the field.
    scalar: Zeroizing<Vec<u8>>,
    /// Uncompressed, `04 || X || Y`.
    point: Vec<u8>,
}

impl KeyPair {
    /// Generates a key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system provides no random bytes.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let der =
            EcdsaKeyPair::generate_pkcs8(algorithm.ring(), &SystemRandom::new()).map_err(|_| KeyError::NoRandomness)?;
        encoding::from_pkcs8(der.as_ref())
    }

    /// The key with this secret scalar (big-endian).
    pub(crate) fn from_scalar(algorithm: KeyAlgorithm, scalar: &[u8]) -> Result<Self, KeyError> {
        let padded = Self::padded(algorithm, scalar)?;
        let point = signing::public_point(algorithm, &padded)?;
        Ok(Self { algorithm, scalar: padded, point })
    }

    /// The key with this scalar and the point stored beside it, which must match.
    fn from_parts(algorithm: KeyAlgorithm, scalar: &[u8], point: Vec<u8>) -> Result<Self, KeyError> {
        let key = Self { algorithm, scalar: Self::padded(algorithm, scalar)?, point };
        key.ring()?;
        Ok(key)
    }

    /// The key for ring, which computes the point again.
    fn ring(&self) -> Result<EcdsaKeyPair, KeyError> {
        let (algorithm, random) = (self.algorithm.ring(), SystemRandom::new());
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &self.scalar, &self.point, &random)
            .map_err(|_| KeyError::PublicMismatch)
    }

    fn padded(algorithm: KeyAlgorithm, scalar: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let len = algorithm.field_len();
        let mut padded = Zeroizing::new(vec![0u8; len]);
        let significant = scalar.iter().position(|b| *b != 0).map_or_else(|| &scalar[scalar.len()..], |i| &scalar[i..]);
        if significant.len() > len {
            return Err(KeyError::Malformed("the scalar is longer than the curve allows"));
        }
        padded[len - significant.len()..].copy_from_slice(significant);
        Ok(padded)
    }

    /// Reads the first private key in `pem`: PKCS#8 (`PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`), also after an `EC
    /// PARAMETERS` block.
    ///
    /// # Errors
    /// When there is no key, or it is encrypted, broken, or not on P-256 or P-384.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        encoding::key_from_pem(pem)
    }

    /// PKCS#8 PEM, byte for byte as the Go client writes keys: inner version 1, the public key, no inner parameters.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let der = encoding::pkcs8_der(self.algorithm, &self.scalar, &self.point);
        Zeroizing::new(crate::text::pem_encode("PRIVATE KEY", &der))
    }

    /// The curve.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The SKI in Fabric's name of the key file.
    pub fn ski(&self) -> Ski {
        Ski::of_point(&self.point)
    }

    /// The public key as an uncompressed point, `04 || X || Y`.
    pub fn public_point(&self) -> &[u8] {
        &self.point
    }

    /// The public key as `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> Vec<u8> {
        encoding::spki_der(self.algorithm, &self.point)
    }

    /// Signs `message`, hashed with the curve's own hash (SHA-256 or SHA-384): a DER `ECDSA-Sig-Value` with low S.
    /// The nonce is derived from random bytes, the key and the message (ring), so a weak random number does not reveal
    /// the key.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system provides no random bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        signing::sign(self, message)
    }

    /// Like [`Self::sign`], hashed with SHA-256 on every curve, as a Fabric CA's authorization token requires.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system provides no random bytes.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        signing::sign_sha256(self, message)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, ski {:?})", self.algorithm, self.ski())
    }
}

impl rcgen::PublicKeyData for KeyPair {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }
}

impl rcgen::SigningKey for KeyPair {
    fn sign(&self, msg: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, msg).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
