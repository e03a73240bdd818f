//! Reasons for a failed or untrusted TLS connection to a CA.

use std::fmt;

use crate::Timestamp;

/// The reason for a failed or untrusted TLS connection to a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate is for other hosts.
    WrongHost {
        /// The host in the URL.
        host: String,
        /// The DNS names and IP addresses in the certificate.
        names: Vec<String>,
        /// Its subject.
        subject: String,
    },
    /// The default certificate of an ingress controller: no route matched, or it ends TLS without a certificate.
    IngressDefault {
        /// The controller.
        controller: &'static str,
        /// The host in the URL.
        host: String,
    },
    /// No path leads to a trust anchor.
    UnknownIssuer(Box<UnknownIssuer>),
    /// A certificate has expired.
    Expired {
        /// Its subject.
        subject: String,
        /// The end of its validity.
        not_after: Timestamp,
        /// The local time.
        now: Timestamp,
    },
    /// A certificate is not valid yet.
    NotYetValid {
        /// Its subject.
        subject: String,
        /// The start of its validity.
        not_before: Timestamp,
        /// The local time.
        now: Timestamp,
    },
    /// The certificate does not allow server authentication (extended key usage).
    NotForServers {
        /// Its subject.
        subject: String,
    },
    /// A CA certificate is served as a leaf, and is not an anchor.
    CaServed {
        /// Its subject.
        subject: String,
    },
    /// The served certificate cannot be parsed, or breaks a rule.
    Malformed {
        /// The error.
        reason: String,
    },
    /// The server does not speak TLS.
    NotTls,
    /// The server requires a client certificate, and none was given.
    ClientCertRequired,
    /// The server refused the client certificate.
    ClientCertRefused {
        /// Its TLS alert.
        reason: String,
    },
    /// No common version or cipher suite.
    NoCommonVersion {
        /// The TLS library's message.
        reason: String,
    },
    /// Another error of the TLS library.
    Other {
        /// Its message.
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
    /// The name of the issuer that is neither in the served chain nor among the anchors.
    pub missing: String,
    /// The anchor with that name but another key, if any.
    pub other_key: Option<String>,
    /// The given anchors, each as `SUBJECT (FILE)`.
    pub anchors: Vec<String>,
    /// The names in the leaf, if the host in the URL is not one of them.
    pub other_names: Option<Vec<String>>,
}

impl fmt::Display for UnknownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, missing, .. } = self;
        write!(
            f,
            "the CA's TLS certificate (\"{subject}\", issued by \"{issuer}\") does not lead to a given trust anchor: "
        )?;
        match &self.other_key {
            Some(anchor) => write!(f, "{anchor} has the issuer's name but another key")?,
            None if subject == issuer => f.write_str("it is self-signed")?,
            None => write!(f, "\"{missing}\" is missing")?,
        }
        write!(f, "; given: {}", self.anchors.join(", "))?;
        match &self.other_names {
            Some(names) => write!(f, "; its names do not include this host either, only {}", names.join(", ")),
            None => Ok(()),
        }
    }
}

impl TlsFailure {
    /// The next step for the user.
    pub fn next_step(&self) -> String {
        match self {
            Self::WrongHost { host, names, .. } if names.is_empty() => format!(
                "the CA's TLS certificate needs \"{host}\" as a subject alternative name (the CN does not count): have it reissued"
            ),
            Self::WrongHost { host, .. } => format!(
                "use one of those names in the URL if it leads to the same CA, or have \"{host}\" added to the CA's TLS certificate"
            ),
            Self::IngressDefault { host, .. } => format!(
                "no TLS route of the ingress matches: check that its rule has the host \"{host}\" and that ssl-passthrough (or TLS passthrough) \
                 is enabled for the CA, or use the CA's Service directly"
            ),
            Self::UnknownIssuer(unknown) => match &**unknown {
                UnknownIssuer { other_key: Some(anchor), .. } => {
                    format!("the CA was probably recreated: replace {anchor} with its current certificate")
                }
                UnknownIssuer { subject, issuer, .. } if subject == issuer => {
                    "the certificate is self-signed: verify that it is the CA's, then give it with --tls-ca".to_owned()
                }
                UnknownIssuer { missing, .. } => format!("give the certificate of \"{missing}\" with --tls-ca"),
            },
            Self::Expired { .. } => "have the certificate renewed, or correct the local clock".to_owned(),
            Self::NotYetValid { .. } => "correct the local clock, or wait".to_owned(),
            Self::NotForServers { .. } => {
                "have the CA serve a certificate issued for TLS servers (profile tls)".to_owned()
            }
            Self::CaServed { .. } => {
                "give that certificate with --tls-ca, or have the CA serve a TLS server certificate".to_owned()
            }
            Self::Malformed { .. } => "have the CA's TLS certificate reissued".to_owned(),
            Self::NotTls => "check the port; a CA without TLS needs an http:// URL and --plaintext".to_owned(),
            Self::ClientCertRequired => "give one with --tls-client-cert and --tls-client-key".to_owned(),
            Self::ClientCertRefused { .. } => {
                "give a client certificate of a CA that the server trusts, within its dates, with --tls-client-cert"
                    .to_owned()
            }
            Self::NoCommonVersion { .. } => "the server must support TLS 1.2 or 1.3".to_owned(),
            Self::Other { .. } => "check that host and port belong to the CA".to_owned(),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongHost { host, names, subject } if names.is_empty() => {
                write!(f, "the CA's TLS certificate (\"{subject}\") has no names, so \"{host}\" does not match")
            }
            Self::WrongHost { host, names, subject } => {
                write!(
                    f,
                    "the CA's TLS certificate (\"{subject}\") is not for \"{host}\"; it is for {}",
                    names.join(", ")
                )
            }
            Self::IngressDefault { controller, host } => {
                write!(f, "the {controller} answered for \"{host}\" with its default certificate, not the CA")
            }
            Self::UnknownIssuer(unknown) => unknown.fmt(f),
            Self::Expired { subject, not_after, now } => {
                write!(f, "the TLS certificate \"{subject}\" expired at {not_after}; the local time is {now}")
            }
            Self::NotYetValid { subject, not_before, now } => {
                write!(f, "the TLS certificate \"{subject}\" is valid only from {not_before}; the local time is {now}")
            }
            Self::NotForServers { subject } => {
                write!(f, "the TLS certificate \"{subject}\" is not for servers (extended key usage)")
            }
            Self::CaServed { subject } => {
                write!(f, "the CA serves a CA certificate (\"{subject}\") instead of a TLS server certificate")
            }
            Self::Malformed { reason } => write!(f, "the CA's TLS certificate cannot be used: {reason}"),
            Self::NotTls => f.write_str("the server does not speak TLS, but perhaps plain HTTP"),
            Self::ClientCertRequired => f.write_str("the CA requires a TLS client certificate"),
            Self::ClientCertRefused { reason } => {
                write!(f, "the CA refused the TLS client certificate: {reason}")
            }
            Self::NoCommonVersion { reason } => write!(f, "no TLS version or cipher suite in common: {reason}"),
            Self::Other { reason } => write!(f, "the TLS handshake failed: {reason}"),
        }
    }
}

impl std::error::Error for TlsFailure {}
