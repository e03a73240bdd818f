//! The proof that what a CA issued is what was asked, before a byte of it is written.

use crate::pki::key::{KeyPair, Ski};
use crate::pki::name::{self, SanName};
use crate::pki::x509::{Cert, CertError, Chain, ChainError, NodeOu};
use crate::text::{PemError, pem_blocks};
use crate::{ErrorKind, Timestamp};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The identity in an MSP folder.
    Sign,
    /// The server and client certificate of TLS.
    Tls,
}

impl Purpose {
    /// The word for it in messages and in JSON (`role`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Tls => "tls",
        }
    }
}

/// Which NodeOU the certificate must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleRule {
    /// This one, and none of the other three.
    Exactly(NodeOu),
    /// One of the four, whichever.
    ExactlyOne,
    /// Not looked at: the MSP works without NodeOUs, or the certificate is for TLS.
    Any,
}

/// What was asked, to hold the answer against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The enrolment id: the certificate's CN.
    pub enrollment_id: &'a str,
    /// The key that the CSR was made with.
    pub key: &'a KeyPair,
    /// The names asked for.
    pub sans: &'a [SanName],
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The NodeOU it must carry.
    pub role: RoleRule,
    /// The root that stands in the target already: the new chain must end at the same key.
    pub pinned_root: Option<&'a Cert>,
    /// The local time.
    pub now: Timestamp,
    /// The CA's own time, from the HTTP `Date` header.
    pub server_date: Option<Timestamp>,
}

/// Why the answer is not what was asked. Each says what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The answer's certificate part is broken PEM.
    #[error("the CA's answer holds broken PEM: {0}")]
    Pem(#[from] PemError),
    /// Something beside the one certificate.
    #[error("expected one certificate, got {found}")]
    NotOneCertificate {
        /// What was there instead.
        found: String,
    },
    /// The certificate cannot be decoded.
    #[error("the certificate in the CA's answer cannot be read: {0}")]
    Unreadable(CertError),
    /// The chain part cannot be decoded.
    #[error("the chain in the CA's answer cannot be read: {0}")]
    ChainUnreadable(CertError),
    /// The certificate is for another key.
    #[error("expected a certificate for our key (SKI {expected}), got one for another key (SKI {found})")]
    OtherKey {
        /// SKI of the key that the CSR was made with.
        expected: Ski,
        /// SKI of the certificate's key.
        found: Ski,
    },
    /// The certificate names another identity.
    #[error("expected CN \"{expected}\", got {}", .found.as_ref().map_or_else(|| "none".to_owned(), |f| format!("\"{f}\"")))]
    OtherId {
        /// The enrolment id.
        expected: String,
        /// The certificate's CN.
        found: Option<String>,
    },
    /// Names are missing.
    #[error("expected {} SANs, {} of them missing: {}; the certificate holds {}", .requested, .missing.len(), names(.missing), names(.found))]
    SanMissing {
        /// What is not held.
        missing: Vec<SanName>,
        /// How many were asked for.
        requested: usize,
        /// What the certificate holds.
        found: Vec<SanName>,
    },
    /// The leaf is a CA certificate.
    #[error("expected a certificate for \"{id}\", got one that is itself a CA (basicConstraints CA:TRUE)")]
    IsCa {
        /// The enrolment id.
        id: String,
    },
    /// No path to a root.
    #[error("expected a chain that leads from the certificate to a root, but {0}")]
    Chain(#[from] ChainError),
    /// The chain holds something that is no CA.
    #[error("expected CA certificates only in the chain, got \"{subject}\", which is none")]
    NonCaInChain {
        /// Its subject.
        subject: String,
    },
    /// Another root than the one that stands in the target.
    #[error("expected the root that stands in the target, {expected}, got another one, {found}")]
    OtherRoot {
        /// The pinned root: subject and SKI.
        expected: String,
        /// The new chain's root.
        found: String,
    },
    /// Not valid yet.
    #[error("expected a certificate that is valid now ({now}), got one that begins only at {not_before}{}", skew(*.now, *.server_date))]
    NotYetValid {
        /// Start of its validity.
        not_before: Timestamp,
        /// The local time.
        now: Timestamp,
        /// The CA's time.
        server_date: Option<Timestamp>,
    },
    /// Expired.
    #[error("expected a certificate that is valid now ({now}), got one that ended at {not_after}{}", skew(*.now, *.server_date))]
    Expired {
        /// End of its validity.
        not_after: Timestamp,
        /// The local time.
        now: Timestamp,
        /// The CA's time.
        server_date: Option<Timestamp>,
    },
    /// A CA of the chain is not valid when Fabric or a TLS client looks.
    #[error(
        "expected every CA of the chain to be valid at {at}, but \"{subject}\" is so only from {not_before} to {not_after}"
    )]
    CaOutOfDate {
        /// Its subject.
        subject: String,
        /// The time of judgement: for an MSP one second after the leaf's start, for TLS now.
        at: Timestamp,
        /// Start of the CA's validity.
        not_before: Timestamp,
        /// End of the CA's validity.
        not_after: Timestamp,
    },
    /// The usages do not fit.
    #[error("expected a certificate for {purpose}, but {why}")]
    Usage {
        /// `signing` or `TLS`.
        purpose: &'static str,
        /// What does not fit.
        why: &'static str,
    },
    /// The OU does not fit the role.
    #[error("expected {expected} among the OUs, got {}", list(.found))]
    Role {
        /// What was expected.
        expected: String,
        /// The certificate's OUs.
        found: Vec<String>,
    },
}

fn names(list: &[SanName]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

/// A clock that is off against the CA's is named as the likely cause.
fn skew(now: Timestamp, server: Option<Timestamp>) -> String {
    match server {
        Some(date) if date.seconds_since(now).abs() > 60 => {
            let by = date.seconds_since(now);
            let side = if by > 0 { "behind" } else { "ahead of" };
            format!("; the clock here is {} s {side} the CA's ({date}), which is the likely cause", by.abs())
        }
        _ => String::new(),
    }
}

impl From<VerifyError> for crate::Error {
    fn from(e: VerifyError) -> Self {
        let help = match &e {
            VerifyError::SanMissing { .. } => {
                "a signing profile at the CA drops or restricts names (csrwhitelist, name_whitelist, profile ca): have it changed, or ask another profile; nothing was written"
            }
            VerifyError::OtherRoot { .. } => {
                "is this the right CA? if its root was really replaced, run again with --force; nothing was written"
            }
            VerifyError::NotYetValid { .. } | VerifyError::Expired { .. } => {
                "set the clock right on both sides and run again; nothing was written"
            }
            VerifyError::Role { .. } => {
                "register the identity with type peer, orderer, admin or client (fabric-ca-client register --id.type), name another --role, or use --no-node-ous; nothing was written"
            }
            VerifyError::Usage { purpose: "TLS", .. } => {
                "the CA's profile tls must hold server auth and client auth; have the CA's configuration fixed; nothing was written"
            }
            VerifyError::Chain(_) | VerifyError::NonCaInChain { .. } | VerifyError::ChainUnreadable(_) => {
                "the CA's chain file is wrong: have its operator fix ca-chain.pem; nothing was written"
            }
            _ => {
                "the answer did not come from an honest CA for this request: check the URL and what stands between; nothing was written"
            }
        };
        Self::new(ErrorKind::NotAsAsked, e.to_string()).with_help(help)
    }
}

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

    /// What is legal and yet worth a word.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Proves that `cert_pem` (one certificate) with `chain_pem` (CA certificates, any order) is what was expected: one
/// certificate, for our key and id, with every name by type, valid now, fit for its purpose, of the right role, and with
/// a path to a root, which is the pinned one if there is one.
///
/// # Errors
/// The first thing that is not as asked.
pub fn verify(cert_pem: &[u8], chain_pem: &[u8], expected: &Expected<'_>) -> Result<VerifiedEnrollment, VerifyError> {
    let Expected { enrollment_id, key, sans, purpose, role, pinned_root, now, server_date } = *expected;
    let leaf = single_certificate(cert_pem)?;
    if leaf.spki_der() != key.spki_der() {
        return Err(VerifyError::OtherKey { expected: key.ski(), found: leaf.ski() });
    }
    if leaf.common_name() != Some(enrollment_id) {
        let found = leaf.common_name().map(str::to_owned);
        return Err(VerifyError::OtherId { expected: enrollment_id.to_owned(), found });
    }
    if leaf.is_ca() {
        return Err(VerifyError::IsCa { id: enrollment_id.to_owned() });
    }
    let missing: Vec<SanName> = sans.iter().filter(|s| !name::holds(leaf.sans(), s)).cloned().collect();
    if !missing.is_empty() {
        return Err(VerifyError::SanMissing { missing, requested: sans.len(), found: leaf.sans().to_vec() });
    }
    if leaf.not_before() > now {
        return Err(VerifyError::NotYetValid { not_before: leaf.not_before(), now, server_date });
    }
    if leaf.not_after() <= now {
        return Err(VerifyError::Expired { not_after: leaf.not_after(), now, server_date });
    }
    check_usage(&leaf, purpose)?;
    check_role(&leaf, role)?;
    let extra: Vec<SanName> = leaf.sans().iter().filter(|s| !name::holds(sans, s)).cloned().collect();
    let chain = build_chain(leaf, chain_pem)?;
    check_chain_dates(&chain, purpose, now)?;
    if let Some(pinned) = pinned_root
        && pinned.spki_der() != chain.root.spki_der()
    {
        return Err(VerifyError::OtherRoot { expected: describe(pinned), found: describe(&chain.root) });
    }
    let mut warnings = Vec::new();
    if !extra.is_empty() {
        warnings.push(format!("the CA added names that were not asked for: {}", names(&extra)));
    }
    Ok(VerifiedEnrollment { chain, purpose, warnings })
}

fn describe(root: &Cert) -> String {
    format!("\"{}\" (SKI {})", root.subject(), root.ski())
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

fn build_chain(leaf: Cert, chain_pem: &[u8]) -> Result<Chain, VerifyError> {
    let pool = match Cert::all_from_pem(chain_pem) {
        Ok(pool) => pool,
        Err(CertError::None) => Vec::new(),
        Err(e) => return Err(VerifyError::ChainUnreadable(e)),
    };
    if let Some(other) = pool.iter().find(|c| !c.is_ca()) {
        return Err(VerifyError::NonCaInChain { subject: other.subject().to_owned() });
    }
    Ok(Chain::build(leaf, &pool)?)
}

/// Fabric judges a chain one second after the leaf's start (`msp/mspimplvalidate.go`, `getValidityOptsForCert`), a TLS
/// client now.
fn check_chain_dates(chain: &Chain, purpose: Purpose, now: Timestamp) -> Result<(), VerifyError> {
    let at = match purpose {
        Purpose::Sign => Timestamp::from_unix(chain.leaf.not_before().unix() + 1),
        Purpose::Tls => now,
    };
    for ca in chain.intermediates.iter().chain([&chain.root]) {
        if at < ca.not_before() || at > ca.not_after() {
            return Err(VerifyError::CaOutOfDate {
                subject: ca.subject().to_owned(),
                at,
                not_before: ca.not_before(),
                not_after: ca.not_after(),
            });
        }
    }
    Ok(())
}

fn check_usage(leaf: &Cert, purpose: Purpose) -> Result<(), VerifyError> {
    let wrong = |purpose, why| Err(VerifyError::Usage { purpose, why });
    let eku = leaf.extended_key_usage();
    match purpose {
        // Peers and orderers use their server pair as client pair too, so both usages must stand.
        Purpose::Tls => match eku {
            None => return wrong("TLS", "it has no extended key usage: the CA used another profile than tls"),
            Some(usage) if !usage.any && !usage.server_auth => {
                return wrong("TLS", "its extended key usage lacks server auth");
            }
            Some(usage) if !usage.any && !usage.client_auth => {
                return wrong("TLS", "its extended key usage lacks client auth");
            }
            Some(_) => {}
        },
        // Fabric passes no usages to Go's verifier, which then demands server auth of any list there is.
        Purpose::Sign => {
            if eku.is_some_and(|usage| !usage.any && !usage.server_auth) {
                return wrong("signing", "its extended key usage lacks server auth, which Fabric demands of any list");
            }
        }
    }
    if leaf.key_usage().is_some_and(|u| !u.digital_signature) {
        let purpose = if purpose == Purpose::Tls { "TLS" } else { "signing" };
        return wrong(purpose, "its key usage lacks digitalSignature");
    }
    Ok(())
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
    Err(VerifyError::Role { expected, found: leaf.organizational_units().to_vec() })
}
