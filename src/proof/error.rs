//! Why an answer is not what was asked.

use crate::pki::key::Ski;
use crate::pki::name::SanName;
use crate::pki::x509::{AuthorityMismatch, CertError, ChainError};
use crate::text::PemError;
use crate::{ErrorKind, Timestamp};

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
    #[error("expected CA certificates only in the chain, got \"{subject}\", which is not one")]
    NonCaInChain {
        /// Its subject.
        subject: String,
    },
    /// Another root than the one in the target.
    #[error("expected the root in the target, {expected}, got another one, {found}")]
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
    /// A usage of a CA of the chain does not fit.
    #[error("expected CAs that may issue for TLS, but \"{subject}\" {why}")]
    CaUsage {
        /// Subject of the CA.
        subject: String,
        /// What does not fit.
        why: &'static str,
    },
    /// A certificate names another certificate of its issuer than the one in the chain.
    #[error(
        "expected \"{subject}\" to name the CA certificate that issued it, but {} of \"{issuer}\": OpenSSL, and with it a Node client, refuses the chain",
        names_another(*.mismatch)
    )]
    Authority {
        /// Subject of the certificate.
        subject: String,
        /// Subject of its issuer.
        issuer: String,
        /// What differs.
        mismatch: AuthorityMismatch,
    },
    /// The OU does not fit the role.
    #[error("expected {expected} among the OUs, got {}", list(.found))]
    Role {
        /// What was expected.
        expected: String,
        /// The certificate's OUs.
        found: Vec<String>,
        /// Whether the request names the role.
        is_given: bool,
    },
}

pub(super) fn names(list: &[SanName]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

const fn names_another(mismatch: AuthorityMismatch) -> &'static str {
    match mismatch {
        AuthorityMismatch::KeyId => "its authority key identifier is not the subject key identifier",
        AuthorityMismatch::IssuerAndSerial => {
            "the name or serial number in its authority key identifier is not that of the certificate"
        }
    }
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
            // Without a role, exactly one NodeOU is expected only where NodeOUs are to be written.
            VerifyError::Role { is_given: true, .. } => {
                "have the registrar give the identity that type (fabcert ca identity modify ID --type), or name the --role that the CA gives it; nothing was written"
            }
            VerifyError::Role { .. } => {
                "register the identity with type peer, orderer, admin or client (fabcert ca register ID --type), or write no NodeOUs with --no-node-ous; nothing was written"
            }
            VerifyError::Usage { purpose: "TLS", .. } => {
                "the CA's profile tls must hold server auth and client auth; have the CA's configuration fixed; nothing was written"
            }
            VerifyError::CaUsage { .. } | VerifyError::Authority { .. } => {
                "the CA's own certificates must be corrected by its operator; nothing was written"
            }
            VerifyError::Chain(_) | VerifyError::NonCaInChain { .. } | VerifyError::ChainUnreadable(_) => {
                "the CA's chain file is wrong: have its operator fix ca-chain.pem; nothing was written"
            }
            _ => {
                "the answer did not come from an honest CA for this request: check the URL and any proxy in between; nothing was written"
            }
        };
        Self::new(ErrorKind::NotAsAsked, e.to_string()).with_help(help).with_source(e)
    }
}
