//! Certificates, CSRs, chains and PEM, without input or output.

mod attributes;
mod cert;
mod chain;
mod crl;
mod csr;
mod dn;
mod extensions;
mod node_ou;
mod pem;
mod public_key;
mod signature;
#[cfg(test)]
mod tests;
mod usages;

use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

pub use attributes::Attributes;
pub use cert::{Cert, CertError, ExtendedKeyUsage, KeyUsage};
pub use chain::{Chain, ChainError};
pub use crl::Crl;
pub use csr::{Csr, CsrError, CsrSpec, SubjectFields};
pub use node_ou::{NoNodeOu, NodeOu};
pub use pem::{PemBlock, PemError, pem_blocks, pem_encode};
pub use public_key::PublicKeyKind;
pub use signature::{Hash, SignatureAlgorithm, SignatureCheck};

/// A name, DER, as RFC 4514 text; `None` when it cannot be decoded.
pub(crate) fn name_text(der: &[u8]) -> Option<String> {
    X509Name::from_der(der).ok().map(|(_, name)| dn::to_text(&name))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}
