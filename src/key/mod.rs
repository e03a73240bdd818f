//! Keys: P-256 and P-384, PKCS#8 out, PKCS#8 and SEC 1 in, signatures with low S, the SKI as Fabric computes it.

use std::fmt;

use zeroize::Zeroizing;

/// The curve of a key. Fabric identities are ECDSA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// NIST P-256.
    #[default]
    P256,
    /// NIST P-384.
    P384,
}

/// The key identifier that Fabric names key files by: SHA-256 over the uncompressed point `04 || X || Y`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ski([u8; 32]);

impl Ski {
    /// The SKI of an uncompressed point.
    pub fn of_point(_point: &[u8]) -> Self {
        unimplemented!()
    }
    /// Lower-case hex, 64 characters.
    pub fn hex(&self) -> String {
        unimplemented!()
    }
    /// `<hex>_sk`, the name of the key file in a keystore.
    pub fn key_file_name(&self) -> String {
        unimplemented!()
    }
}
impl fmt::Debug for Ski {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {}

/// A private key with its public point.
pub struct KeyPair {}
impl KeyPair {
    /// Makes a new key.
    pub fn generate(_algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// First private key in PEM: PKCS#8 or SEC 1, also behind an `EC PARAMETERS` block.
    pub fn from_pem(_pem: &[u8]) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// PKCS#8 PEM as the Go client writes it.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        unimplemented!()
    }
    /// The curve.
    pub fn algorithm(&self) -> KeyAlgorithm {
        unimplemented!()
    }
    /// The SKI.
    pub fn ski(&self) -> Ski {
        unimplemented!()
    }
    /// Uncompressed point, `04 || X || Y`.
    pub fn public_point(&self) -> &[u8] {
        unimplemented!()
    }
    /// `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> Vec<u8> {
        unimplemented!()
    }
    /// DER ECDSA-Sig-Value with low S over `message`, hashed with the curve's own hash (SHA-256 or SHA-384).
    pub fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        unimplemented!()
    }
    /// The same with SHA-256 whatever the curve, nonce by RFC 6979: what a Fabric CA token wants.
    pub fn sign_sha256(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        unimplemented!()
    }
}
