//! Why a TLS connection to a CA cannot be trusted or made, in words that lead to the remedy.

use std::fmt;

use crate::Timestamp;

/// Why a TLS connection to a CA cannot be trusted or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate is for other hosts.
    WrongHost {
        /// The host in the URL.
        host: String,
        /// The DNS names and IP addresses that the certificate holds.
        names: Vec<String>,
        /// Its subject.
        subject: String,
    },
    /// An ingress controller's own stand-in certificate: no route of it matched, or it ends TLS without a certificate.
    IngressDefault {
        /// Whose.
        controller: &'static str,
        /// The host in the URL.
        host: String,
    },
    /// No path leads to a trust anchor.
    UnknownIssuer(Box<UnknownIssuer>),
    /// A certificate's time is over.
    Expired {
        /// Its subject.
        subject: String,
        /// When it ended.
        not_after: Timestamp,
        /// The local time.
        now: Timestamp,
    },
    /// A certificate's time has not begun.
    NotYetValid {
        /// Its subject.
        subject: String,
        /// When it begins.
        not_before: Timestamp,
        /// The local time.
        now: Timestamp,
    },
    /// The certificate may not be used by servers (extended key usage).
    NotForServers {
        /// Its subject.
        subject: String,
    },
    /// A CA certificate is served as a leaf, and it is not itself an anchor.
    CaServed {
        /// Its subject.
        subject: String,
    },
    /// The served certificate cannot be read, or breaks a rule.
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// What answers does not speak TLS.
    NotTls,
    /// The server wants a client certificate and was given none.
    ClientCertRequired,
    /// The server does not take the client certificate.
    ClientCertRefused {
        /// Its words (a TLS alert).
        reason: String,
    },
    /// No common version or cipher suite.
    NoCommonVersion {
        /// What the TLS library says.
        reason: String,
    },
    /// Anything else that the TLS library says.
    Other {
        /// Its words.
        reason: String,
    },
}

/// A served certificate that leads to no trust anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownIssuer {
    /// Subject of the served leaf.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// The name of the issuer that neither the served chain nor the anchors hold.
    pub missing: String,
    /// An anchor has that very name, but not the key that signed.
    pub other_key: Option<String>,
    /// The given anchors, each as `SUBJECT (FILE)`.
    pub anchors: Vec<String>,
    /// The names that the leaf holds, when the host in the URL is not among them either.
    pub other_names: Option<Vec<String>>,
}

impl fmt::Display for UnknownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, missing, .. } = self;
        write!(f, "the CA's TLS certificate (\"{subject}\", issued by \"{issuer}\") leads to no given trust anchor: ")?;
        match &self.other_key {
            Some(anchor) => write!(f, "{anchor} has the issuer's name but another key")?,
            None if subject == issuer => f.write_str("it is self-signed")?,
            None => write!(f, "\"{missing}\" is missing")?,
        }
        write!(f, "; given: {}", self.anchors.join(", "))?;
        match &self.other_names {
            Some(names) => write!(f, "; it is not for this host either, but for {}", names.join(", ")),
            None => Ok(()),
        }
    }
}

impl TlsFailure {
    /// What the user can do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::WrongHost { host, names, .. } if names.is_empty() => format!(
                "the CA's TLS certificate needs \"{host}\" as a subject alternative name (its CN is not looked at): have it reissued"
            ),
            Self::WrongHost { host, .. } => format!(
                "use one of those names in the URL if it leads to the same CA, or have \"{host}\" added to the CA's TLS certificate"
            ),
            Self::IngressDefault { host, .. } => format!(
                "no TLS route of the ingress fits: check that its rule has the host \"{host}\" and that ssl-passthrough (or TLS passthrough) \
                 is on for the CA, or use the CA's Service directly"
            ),
            Self::UnknownIssuer(unknown) => match &**unknown {
                UnknownIssuer { other_key: Some(anchor), .. } => {
                    format!("the CA was probably set up again: get its present certificate in place of {anchor}")
                }
                UnknownIssuer { subject, issuer, .. } if subject == issuer => {
                    "the certificate is self-signed: give that certificate itself with --tls-ca, once it is known to be the CA's".to_owned()
                }
                UnknownIssuer { missing, .. } => format!("give the certificate of \"{missing}\" with --tls-ca"),
            },
            Self::Expired { .. } => "have it renewed; if the local clock is wrong, correct that".to_owned(),
            Self::NotYetValid { .. } => "correct the local clock, or wait".to_owned(),
            Self::NotForServers { .. } => "have the CA serve a certificate issued for TLS servers (profile tls)".to_owned(),
            Self::CaServed { .. } => "give that certificate itself with --tls-ca, or have the CA serve a TLS server certificate".to_owned(),
            Self::Malformed { .. } => "have the CA's TLS certificate reissued".to_owned(),
            Self::NotTls => "check the port; a CA without TLS needs an http:// URL and --plaintext".to_owned(),
            Self::ClientCertRequired => "give one with --tls-client-cert and --tls-client-key".to_owned(),
            Self::ClientCertRefused { .. } => {
                "give a client certificate of a CA that the server trusts, within its dates, with --tls-client-cert".to_owned()
            }
            Self::NoCommonVersion { .. } => "the server has to speak TLS 1.2 or 1.3".to_owned(),
            Self::Other { .. } => "check that host and port are the CA's".to_owned(),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongHost { host, names, subject } if names.is_empty() => {
                write!(f, "the CA's TLS certificate (\"{subject}\") holds no name at all, so not \"{host}\" either")
            }
            Self::WrongHost { host, names, subject } => {
                write!(
                    f,
                    "the CA's TLS certificate (\"{subject}\") is not for \"{host}\"; it is for {}",
                    names.join(", ")
                )
            }
            Self::IngressDefault { controller, host } => {
                write!(f, "the {controller} answered for \"{host}\" with its own default certificate, not the CA")
            }
            Self::UnknownIssuer(unknown) => unknown.fmt(f),
            Self::Expired { subject, not_after, now } => {
                write!(f, "the TLS certificate \"{subject}\" expired at {not_after}; the local clock says {now}")
            }
            Self::NotYetValid { subject, not_before, now } => {
                write!(
                    f,
                    "the TLS certificate \"{subject}\" is valid only from {not_before}; the local clock says {now}"
                )
            }
            Self::NotForServers { subject } => {
                write!(f, "the TLS certificate \"{subject}\" is not for servers (extended key usage)")
            }
            Self::CaServed { subject } => {
                write!(f, "the CA serves a CA certificate (\"{subject}\") in place of a TLS server certificate")
            }
            Self::Malformed { reason } => write!(f, "the CA's TLS certificate cannot be used: {reason}"),
            Self::NotTls => f.write_str("what answers does not speak TLS, but perhaps plain HTTP"),
            Self::ClientCertRequired => f.write_str("the CA demands a TLS client certificate"),
            Self::ClientCertRefused { reason } => {
                write!(f, "the CA does not take the TLS client certificate: {reason}")
            }
            Self::NoCommonVersion { reason } => write!(f, "no TLS version or cipher suite in common: {reason}"),
            Self::Other { reason } => write!(f, "the TLS handshake failed: {reason}"),
        }
    }
}

impl std::error::Error for TlsFailure {}
