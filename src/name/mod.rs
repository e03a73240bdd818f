//! Names that go into certificates: parsed, normalised, expanded, matched.

use std::fmt;
use std::net::IpAddr;

/// A DNS name in lower case, without a trailing dot: at most 253 characters, labels of 1 to 63.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// The name exactly as a certificate holds it, valid or not.
    pub fn from_certificate(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as it stands in the certificate.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One subject alternative name, with the type that fabcert decided (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SanName {
    /// A DNS name.
    Dns(HostName),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// An e-mail address (RFC 822 name).
    Email(String),
    /// A URI.
    Uri(String),
}

impl fmt::Display for SanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(h) => f.write_str(h.as_str()),
            Self::Ip(ip) => ip.fmt(f),
            Self::Email(t) | Self::Uri(t) => f.write_str(t),
        }
    }
}

/// Whether `held` holds `wanted`, by type.
pub fn holds(held: &[SanName], wanted: &SanName) -> bool {
    held.contains(wanted)
}
