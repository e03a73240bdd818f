//! Certificates, CSRs, chains and PEM, without input or output.

use crate::Timestamp;
use crate::key::{KeyPair, Ski};
use crate::name::SanName;

/// One PEM block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemBlock {
    /// The label, for example `CERTIFICATE`.
    pub label: String,
    /// The decoded content.
    pub der: Vec<u8>,
    /// Line of the `BEGIN` marker, from 1.
    pub line: usize,
}

/// Text that is no PEM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {}

/// Every PEM block in `text`, in order; text between blocks is skipped.
pub fn pem_blocks(_text: &[u8]) -> Result<Vec<PemBlock>, PemError> {
    unimplemented!()
}
/// PEM with LF line ends, 64 characters a line, and a final newline.
pub fn pem_encode(_label: &str, _der: &[u8]) -> String {
    unimplemented!()
}

/// A certificate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {}

/// A certificate: its DER and the facts fabcert asks about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cert {}
#[allow(missing_docs)]
impl Cert {
    pub fn from_der(_der: Vec<u8>) -> Result<Self, CertError> {
        unimplemented!()
    }
    /// every CERTIFICATE block
    pub fn all_from_pem(_text: &[u8]) -> Result<Vec<Self>, CertError> {
        unimplemented!()
    }
    pub fn der(&self) -> &[u8] {
        unimplemented!()
    }
    pub fn to_pem(&self) -> String {
        unimplemented!()
    }
    /// RFC 4514-like text, as OpenSSL's RFC2253 option prints it
    pub fn subject(&self) -> &str {
        unimplemented!()
    }
    pub fn issuer(&self) -> &str {
        unimplemented!()
    }
    pub fn common_name(&self) -> Option<&str> {
        unimplemented!()
    }
    pub fn organizational_units(&self) -> &[String] {
        unimplemented!()
    }
    pub fn sans(&self) -> &[SanName] {
        unimplemented!()
    }
    /// lower-case hex without leading zeros
    pub fn serial_hex(&self) -> String {
        unimplemented!()
    }
    pub fn not_before(&self) -> Timestamp {
        unimplemented!()
    }
    pub fn not_after(&self) -> Timestamp {
        unimplemented!()
    }
    /// Extension content
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        unimplemented!()
    }
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        unimplemented!()
    }
    /// basicConstraints CA:TRUE
    pub fn is_ca(&self) -> bool {
        unimplemented!()
    }
    pub fn path_len(&self) -> Option<u32> {
        unimplemented!()
    }
    pub fn spki_der(&self) -> &[u8] {
        unimplemented!()
    }
    /// the subjectPublicKey bits (EC: the point)
    pub fn public_key_bits(&self) -> &[u8] {
        unimplemented!()
    }
    /// Fabric's SKI of the public key
    pub fn ski(&self) -> Ski {
        unimplemented!()
    }
    /// server auth, client auth OIDs present? None = no EKU extension
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        unimplemented!()
    }
    /// subject == issuer and own key verifies the signature
    pub fn is_self_signed(&self) -> bool {
        unimplemented!()
    }
    /// names match (issuer == other's subject) and signature verifies
    pub fn is_issued_by(&self, _ca: &Self) -> bool {
        unimplemented!()
    }
}
/// The extended key usages that matter here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ExtendedKeyUsage {
    pub server_auth: bool,
    pub client_auth: bool,
    pub any: bool,
}

/// Subject fields beside the CN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SubjectFields {
    pub country: Option<String>,
    pub state: Option<String>,
    pub locality: Option<String>,
    pub organization: Option<String>,
    pub serial_number: Option<String>,
}
/// What a CSR is to hold.
#[allow(missing_docs)]
pub struct CsrSpec<'a> {
    pub enrollment_id: &'a str,
    pub sans: &'a [SanName],
    pub subject: &'a SubjectFields,
}
/// A CSR that cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {}
/// A PKCS#10 request.
#[derive(Clone, Debug)]
pub struct Csr {}
#[allow(missing_docs)]
impl Csr {
    pub fn build(_spec: &CsrSpec<'_>, _key: &KeyPair) -> Result<Self, CsrError> {
        unimplemented!()
    }
    pub fn from_pem(_pem: &[u8]) -> Result<Self, CsrError> {
        unimplemented!()
    }
    pub fn to_pem(&self) -> String {
        unimplemented!()
    }
    pub fn der(&self) -> &[u8] {
        unimplemented!()
    }
    pub fn common_name(&self) -> Option<&str> {
        unimplemented!()
    }
    pub fn sans(&self) -> &[SanName] {
        unimplemented!()
    }
    pub fn spki_der(&self) -> &[u8] {
        unimplemented!()
    }
}
/// Leaf to root.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Chain {
    pub leaf: Cert,
    /// issuer of the leaf first; empty when the root issued it
    pub intermediates: Vec<Cert>,
    pub root: Cert,
}
/// No path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {}
impl Chain {
    /// Finds the path from `leaf` to a self-signed CA in `pool` (any order), each link by key.
    pub fn build(_leaf: Cert, _pool: &[Cert]) -> Result<Self, ChainError> {
        unimplemented!()
    }
    /// The certificate that issued the leaf.
    pub fn issuer(&self) -> &Cert {
        self.intermediates.first().unwrap_or(&self.root)
    }
}
