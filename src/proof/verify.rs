//! The proof that what a CA issued is what was asked, before a byte of it is written.

use std::path::Path;

use super::error::names;
use super::{Expected, Purpose, RoleRule, VerifyError, usages, validity};
use crate::Timestamp;
use crate::pki::go::tls::client_accepts;
use crate::pki::name::{NameIndex, SanName};
use crate::pki::x509::{Cert, CertError, Chain, ChainError, NodeOu, ski_of};
use crate::text::pem_blocks;

/// What a CA issued, proven to be what was asked. The only thing that can be planned and installed; there is no way to
/// make one but [`verify`].
#[derive(Clone, Debug)]
pub struct VerifiedEnrollment {
    chain: Chain,
    purpose: Purpose,
    warnings: Vec<String>,
}

impl VerifiedEnrollment {
    /// The certificate with its path to the root.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The certificate.
    pub const fn leaf(&self) -> &Cert {
        &self.chain.leaf
    }

    /// What it was verified for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What is legal and may still not be meant, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Logs them for the folder of the certificate.
    pub(crate) fn log_warnings(&self, target: &Path) {
        for warning in &self.warnings {
            tracing::warn!("{}: {warning}", target.display());
        }
    }
}

/// Proves that `cert_pem` (one certificate) with `chain_pem` (CA certificates, any order) is what was expected: one
/// certificate, for the key of the CSR and the id, with every name by type, valid now, fit for its purpose, of the right role, and with
/// a path to a root, which is the pinned one if there is one. Of several paths the first is taken that is as expected and,
/// if there is one, that Go accepts.
///
/// # Errors
/// The first thing that is not as asked; where no path is as expected, what is wrong with the best one.
pub fn verify(cert_pem: &[u8], chain_pem: &[u8], expected: &Expected<'_>) -> Result<VerifiedEnrollment, VerifyError> {
    let Expected { enrollment_id, spki_der, sans, purpose, role, now, .. } = *expected;
    let leaf = single_certificate(cert_pem)?;
    if leaf.spki_der() != spki_der {
        return Err(VerifyError::OtherKey { expected: ski_of(spki_der), found: leaf.ski() });
    }
    if leaf.common_name() != Some(enrollment_id) {
        let found = leaf.common_name().map(str::to_owned);
        return Err(VerifyError::OtherId { expected: enrollment_id.to_owned(), found });
    }
    if leaf.is_ca() {
        return Err(VerifyError::IsCa { id: enrollment_id.to_owned() });
    }
    let held = NameIndex::new(leaf.sans());
    let missing: Vec<SanName> = sans.iter().filter(|s| !held.holds(s)).cloned().collect();
    if !missing.is_empty() {
        return Err(VerifyError::SanMissing { missing, requested: sans.len(), found: leaf.sans().to_vec() });
    }
    validity::check_leaf(&leaf, expected)?;
    usages::check_leaf(&leaf, purpose)?;
    check_role(&leaf, role)?;
    let requested = NameIndex::new(sans);
    let extra: Vec<SanName> = leaf.sans().iter().filter(|s| !requested.holds(s)).cloned().collect();
    let at = validity::judged_at(&leaf, purpose, now);
    let paths = Chain::paths(&leaf, &pool(chain_pem)?, at)?;
    let chain = best(paths, expected, at)?;
    let mut warnings = Vec::new();
    if !extra.is_empty() {
        warnings.push(format!("the CA added names that were not asked for: {}", names(&extra)));
    }
    Ok(VerifiedEnrollment { chain, purpose, warnings })
}

fn single_certificate(pem: &[u8]) -> Result<Cert, VerifyError> {
    let blocks = pem_blocks(pem)?;
    let labels: Vec<&str> = blocks.iter().map(|b| b.label.as_str()).collect();
    if labels.iter().any(|l| crate::pki::key::is_private_key_label(l)) {
        return Err(VerifyError::NotOneCertificate { found: "a private key, which no CA ever sends".to_owned() });
    }
    if labels != ["CERTIFICATE"] {
        let found = if labels.is_empty() { "nothing in PEM form".to_owned() } else { labels.join(", ") };
        return Err(VerifyError::NotOneCertificate { found });
    }
    let der = blocks.into_iter().next().map(|b| b.der).unwrap_or_default();
    Cert::from_der(der).map_err(VerifyError::Unreadable)
}

/// The CA certificates of the answer.
fn pool(chain_pem: &[u8]) -> Result<Vec<Cert>, VerifyError> {
    let pool = match Cert::all_from_pem(chain_pem) {
        Ok(pool) => pool,
        Err(CertError::None) => Vec::new(),
        Err(e) => return Err(VerifyError::ChainUnreadable(e)),
    };
    match pool.iter().find(|c| !c.is_ca()) {
        Some(other) => Err(VerifyError::NonCaInChain { subject: other.subject().to_owned() }),
        None => Ok(pool),
    }
}

/// The first path that is as expected and that Go accepts; else, since the finished folder is judged again and its refusal
/// says more, the first that is as expected.
fn best(paths: Vec<Chain>, expected: &Expected<'_>, at: Timestamp) -> Result<Chain, VerifyError> {
    let is_only = paths.len() == 1;
    let mut fit: Option<Chain> = None;
    let mut wrong = None;
    for path in paths {
        match check_path(&path, expected, at) {
            Err(e) => drop(wrong.get_or_insert(e)),
            Ok(()) if is_only || is_accepted_by_go(&path, at) => return Ok(path),
            Ok(()) => drop(fit.get_or_insert(path)),
        }
    }
    fit.ok_or_else(|| wrong.unwrap_or(VerifyError::Chain(ChainError::Empty)))
}

fn check_path(chain: &Chain, expected: &Expected<'_>, at: Timestamp) -> Result<(), VerifyError> {
    validity::check_cas(chain, at)?;
    usages::check_cas(chain, expected.purpose)?;
    if expected.purpose == Purpose::Tls {
        check_authorities(chain)?;
    }
    match expected.pinned_root {
        Some(pinned) if pinned.spki_der() != chain.root.spki_der() => {
            Err(VerifyError::OtherRoot { expected: describe(pinned), found: describe(&chain.root) })
        }
        _ => Ok(()),
    }
}

/// Whether every certificate names the issuer's certificate that it is given with, as OpenSSL demands, of the root too.
fn check_authorities(chain: &Chain) -> Result<(), VerifyError> {
    let issued = [&chain.leaf].into_iter().chain(chain.cas());
    for (certificate, ca) in issued.zip(chain.cas().chain([&chain.root])) {
        certificate.check_authority(ca).map_err(|mismatch| VerifyError::Authority {
            subject: certificate.subject().to_owned(),
            issuer: ca.subject().to_owned(),
            mismatch,
        })?;
    }
    Ok(())
}

fn is_accepted_by_go(chain: &Chain, at: Timestamp) -> bool {
    let sent: Vec<Vec<u8>> = [&chain.leaf].into_iter().chain(&chain.intermediates).map(|c| c.der().to_vec()).collect();
    client_accepts(&sent, chain.root.to_pem().as_bytes(), &[""], at, Path::new("")).is_ok()
}

fn describe(root: &Cert) -> String {
    format!("\"{}\" (SKI {})", root.subject(), root.ski())
}

fn check_role(leaf: &Cert, rule: RoleRule) -> Result<(), VerifyError> {
    let found = NodeOu::among(leaf.organizational_units());
    let expected = match rule {
        RoleRule::Any => return Ok(()),
        RoleRule::Exactly(node_ou) if found == [node_ou] => return Ok(()),
        RoleRule::ExactlyOne if found.len() == 1 => return Ok(()),
        RoleRule::Exactly(node_ou) => format!("\"{node_ou}\" and no other NodeOU"),
        RoleRule::ExactlyOne => "exactly one NodeOU (client, peer, admin or orderer)".to_owned(),
    };
    let is_given = matches!(rule, RoleRule::Exactly(_));
    Err(VerifyError::Role { expected, found: leaf.organizational_units().to_vec(), is_given })
}
