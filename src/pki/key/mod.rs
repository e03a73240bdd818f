//! Keys: P-256, P-384 and Ed25519, written as PKCS#8, read as PKCS#8 and SEC 1, ECDSA signatures with low S, and Fabric's SKI.

mod encoding;
mod low_s;
mod signing;
mod ski;
#[cfg(test)]
mod tests;
mod verified;

use std::fmt;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

pub use encoding::is_private_key_label;
pub use low_s::is_low_s;
pub use ski::Ski;
pub(crate) use verified::{is_made_by, is_public_half};

/// The kind of a key. Fabric identities are ECDSA, in channels with the capability `V3_0` also Ed25519 (fabric
/// `msp/mspimplsetup.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// NIST P-256.
    #[default]
    P256,
    /// NIST P-384.
    P384,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl KeyAlgorithm {
    /// Length of the secret, and of a coordinate, in bytes.
    const fn field_len(self) -> usize {
        match self {
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Ed25519 => "Ed25519",
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

/// A private key with its public point. Wiped from memory when dropped; `Debug` shows only the kind and the SKI.
pub struct KeyPair {
    algorithm: KeyAlgorithm,
    /// Big-endian, as long as the field; of Ed25519 the seed.
    scalar: Zeroizing<Vec<u8>>,
    /// Uncompressed, `04 || X || Y`; of Ed25519 the 32 bytes of RFC 8032.
    point: Vec<u8>,
}

impl KeyPair {
    /// Generates a key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system provides no random bytes.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        if let Some(der) = signing::generated(algorithm)? {
            return encoding::from_pkcs8(der.as_ref());
        }
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *seed).map_err(|_| KeyError::NoRandomness)?;
        Self::from_scalar(algorithm, &*seed)
    }

    /// The key with this secret scalar (big-endian), or this seed.
    pub(crate) fn from_scalar(algorithm: KeyAlgorithm, scalar: &[u8]) -> Result<Self, KeyError> {
        let padded = Self::padded(algorithm, scalar)?;
        let point = signing::public_point(algorithm, &padded)?;
        Ok(Self { algorithm, scalar: padded, point })
    }

    /// The key with this scalar and the point stored beside it, which must match.
    fn from_parts(algorithm: KeyAlgorithm, scalar: &[u8], point: Vec<u8>) -> Result<Self, KeyError> {
        let key = Self { algorithm, scalar: Self::padded(algorithm, scalar)?, point };
        signing::check_point(&key)?;
        Ok(key)
    }

    /// The same key once more.
    pub(crate) fn copied(&self) -> Self {
        Self { algorithm: self.algorithm, scalar: self.scalar.clone(), point: self.point.clone() }
    }

    fn padded(algorithm: KeyAlgorithm, scalar: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let len = algorithm.field_len();
        if algorithm == KeyAlgorithm::Ed25519 {
            // A seed is bytes and not a number.
            let is_whole = scalar.len() == len;
            return if is_whole { Ok(Zeroizing::new(scalar.to_vec())) } else { Err(encoding::NOT_A_SEED) };
        }
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
    /// When there is no key, or it is encrypted, broken, or neither on P-256 or P-384 nor Ed25519.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        encoding::key_from_pem(pem)
    }

    /// PKCS#8 PEM, byte for byte as Go writes keys (`x509.MarshalPKCS8PrivateKey`): of an EC key inner version 1, the public
    /// key, no inner parameters; of Ed25519 the seed alone.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let der = encoding::pkcs8_der(self.algorithm, &self.scalar, &self.point);
        Zeroizing::new(crate::text::pem_encode("PRIVATE KEY", &der))
    }

    /// The kind.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The SKI in Fabric's name of the key file.
    pub fn ski(&self) -> Ski {
        Ski::of_point(&self.point)
    }

    /// The public key as an uncompressed point, `04 || X || Y`; of Ed25519 its 32 bytes.
    pub fn public_point(&self) -> &[u8] {
        &self.point
    }

    /// The public key as `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> Vec<u8> {
        encoding::spki_der(self.algorithm, &self.point)
    }

    /// Signs `message`, hashed with the curve's own hash (SHA-256 or SHA-384): a DER `ECDSA-Sig-Value` with low S.
    /// The nonce is derived from random bytes, the key and the message (ring), so a weak random number does not reveal
    /// the key. With Ed25519 the 64 bytes of RFC 8032.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system provides no random bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        signing::sign(self, message)
    }

    /// Like [`Self::sign`], hashed with SHA-256 on every curve, as a Fabric CA's authorization token requires. Ed25519 signs the
    /// digest as its message: the server gives its verifier a digest for every kind of key (fabric-ca v1.5.21 `util/util.go`,
    /// `VerifyToken`; fabric-lib-go `bccsp/sw/ed25519.go`).
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
            KeyAlgorithm::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }
}

impl rcgen::SigningKey for KeyPair {
    fn sign(&self, msg: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, msg).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
