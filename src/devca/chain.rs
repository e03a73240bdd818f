//! The CA certificates: a root, or a root with intermediates. The last CA issues.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::DevCaError;
use super::issue::{self, Signer, Template, Usage};
use super::subject::Subject;
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::text::{pem_blocks, pem_encode};

/// The issuing CA: its key, and the certificates from its own up to the root.
pub(super) struct Authority {
    pub(super) key: KeyPair,
    /// DER; the CA's own first, the root last.
    chain: Vec<Vec<u8>>,
    facts: Facts,
}

/// The parts of the CA's certificate needed to issue and to verify.
struct Facts {
    subject: Vec<u8>,
    spki: Vec<u8>,
    ski: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// An [`Authority`] in the state file.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAuthority {
    chain: String,
    key: String,
}

/// Lifetime of a root (fabric-ca `csr.ca.expiry`).
const ROOT_LIFETIME: Duration = Duration::from_secs(131_400 * 3600);
/// Lifetime of an intermediate (profile `ca`).
const INTERMEDIATE_LIFETIME: Duration = Duration::from_secs(43_800 * 3600);

impl Authority {
    /// Creates a root with `intermediates` CAs below it; the last one issues. As on the real server, roots start five
    /// minutes ago on a whole minute, and the certificates below start at the same time.
    pub(super) fn generate(intermediates: u8, now: Timestamp) -> Result<Self, DevCaError> {
        let key = KeyPair::generate(KeyAlgorithm::P256).map_err(|_| DevCaError::NoRandomness)?;
        let not_before = Timestamp::from_unix((now.unix() - 300).div_euclid(60) * 60);
        let subject = Subject::of_ca("Fabric", "fabric-ca-server");
        let template = Template {
            sans: Vec::new(),
            spki: key.spki_der(),
            not_before,
            not_after: not_before.plus(ROOT_LIFETIME),
            usage: Usage::Ca { path_len: u32::from(intermediates.max(1)) },
            attributes: None,
            subject,
        };
        let name = template.subject.to_der();
        let signer = Signer { key: &key, subject: &name, ski: None };
        let root = issue::write(&template, &signer)?;
        let mut authority = Self::from_parts(key, vec![root.der])?;
        for depth in (0..intermediates).rev() {
            authority = authority.below(u32::from(depth), now)?;
        }
        Ok(authority)
    }

    fn below(self, path_len: u32, now: Timestamp) -> Result<Self, DevCaError> {
        let key = KeyPair::generate(KeyAlgorithm::P256).map_err(|_| DevCaError::NoRandomness)?;
        let template = Template {
            // An intermediate's subject is that of the identity it was enrolled as.
            subject: Subject::of_ca("client", &format!("intermediate{}", self.chain.len())),
            sans: Vec::new(),
            spki: key.spki_der(),
            not_before: self.facts.not_before,
            not_after: issue::to_minute(now).plus(INTERMEDIATE_LIFETIME).min(self.facts.not_after),
            usage: Usage::Ca { path_len },
            attributes: None,
        };
        let certificate = issue::write(&template, &self.signer())?;
        let mut chain = self.chain;
        chain.insert(0, certificate.der);
        Self::from_parts(key, chain)
    }

    fn from_parts(key: KeyPair, chain: Vec<Vec<u8>>) -> Result<Self, DevCaError> {
        let bad = || DevCaError::Encoding("the CA's own certificate");
        let facts = {
            let (_, own) = chain.first().and_then(|der| X509Certificate::from_der(der).ok()).ok_or_else(bad)?;
            Facts {
                subject: own.subject().as_raw().to_vec(),
                spki: own.public_key().raw.to_vec(),
                ski: issue::key_id(own.public_key().raw)?,
                not_before: Timestamp::from_unix(own.validity().not_before.timestamp()),
                not_after: Timestamp::from_unix(own.validity().not_after.timestamp()),
            }
        };
        if facts.spki != key.spki_der() {
            return Err(bad());
        }
        Ok(Self { key, chain, facts })
    }

    /// Converts to the form in the state file.
    pub(super) fn to_stored(&self) -> StoredAuthority {
        StoredAuthority { chain: self.chain_pem(), key: self.key.to_pkcs8_pem().to_string() }
    }

    /// Converts from the form in the state file.
    pub(super) fn from_stored(stored: &StoredAuthority) -> Result<Self, DevCaError> {
        let key = KeyPair::from_pem(stored.key.as_bytes()).map_err(|_| DevCaError::Encoding("a CA's key"))?;
        let blocks = pem_blocks(stored.chain.as_bytes()).map_err(|_| DevCaError::Encoding("a CA's chain"))?;
        Self::from_parts(key, blocks.into_iter().map(|b| b.der).collect())
    }

    pub(super) fn signer(&self) -> Signer<'_> {
        Signer { key: &self.key, subject: &self.facts.subject, ski: Some(&self.facts.ski) }
    }

    pub(super) const fn not_before(&self) -> Timestamp {
        self.facts.not_before
    }

    pub(super) const fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    /// Whether this CA signed `certificate`.
    pub(super) fn issued(&self, certificate: &X509Certificate<'_>) -> bool {
        let Ok((_, spki)) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&self.facts.spki) else { return false };
        certificate.issuer().as_raw() == self.facts.subject && certificate.verify_signature(Some(&spki)).is_ok()
    }

    /// The CA's own certificate, PEM.
    pub(super) fn own_pem(&self) -> String {
        self.chain.first().map_or_else(String::new, |der| pem_encode("CERTIFICATE", der))
    }

    /// The root, PEM.
    pub(super) fn root_pem(&self) -> String {
        self.chain.last().map_or_else(String::new, |der| pem_encode("CERTIFICATE", der))
    }

    /// All certificates, PEM: the CA's own first, the root last.
    pub(super) fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| pem_encode("CERTIFICATE", der)).collect()
    }

    /// All certificates, PEM: the root first.
    pub(super) fn chain_pem_root_first(&self) -> String {
        self.chain.iter().rev().map(|der| pem_encode("CERTIFICATE", der)).collect()
    }
}
