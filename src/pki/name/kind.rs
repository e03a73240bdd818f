//! The types of names.

use std::fmt;

/// The type of a subject alternative name; displayed as in OpenSSL's notation: `DNS`, `IP`, `email`, `URI`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SanKind {
    /// A DNS name.
    Dns,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An e-mail address (RFC 822 name).
    Email,
    /// A URI.
    Uri,
}

impl fmt::Display for SanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "DNS",
            Self::Ip => "IP",
            Self::Email => "email",
            Self::Uri => "URI",
        })
    }
}
