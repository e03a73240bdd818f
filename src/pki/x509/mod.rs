//! Certificates, CSRs, CRLs and chains, without input or output.

mod attributes;
mod authority;
mod cert;
mod chain;
mod crl;
mod csr;
mod dn;
mod extensions;
mod node_ou;
mod public_key;
mod signature;
#[cfg(test)]
mod tests;
mod usages;

use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

pub use attributes::Attributes;
pub use authority::AuthorityMismatch;
pub use cert::{Cert, CertError, ExtendedKeyUsage, KeyUsage};
pub use chain::{Chain, ChainError};
pub use crl::Crl;
pub use csr::{Csr, CsrError, CsrSpec, SubjectFields};
pub use node_ou::{NoNodeOu, NodeOu};
pub use public_key::PublicKeyKind;
pub(crate) use public_key::ski_of;
pub use signature::{Hash, SignatureAlgorithm, SignatureCheck};

/// A name, DER, as RFC 4514 text; `None` when it cannot be decoded.
pub(crate) fn name_text(der: &[u8]) -> Option<String> {
    X509Name::from_der(der).ok().map(|(_, name)| dn::to_text(&name))
}
