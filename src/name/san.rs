//! Subject alternative names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::host::{self, HostName};
use super::{NameError, server_name};

/// The type of a subject alternative name; shown as OpenSSL's notation has it: `DNS`, `IP`, `email`, `URI`.
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

/// One subject alternative name, with the type that fabcert decided (RFC 5280 section 4.2.1.6).
///
/// Parsed with [`str::parse`]: an IP address is only ever an IP address (an IPv4-mapped IPv6 address is the IPv4
/// address, as Go writes it into a certificate), `user@host` is an e-mail address, `scheme://...` and `urn:...` are
/// URIs, the rest is a host name. The prefixes `dns:`, `ip:`, `email:` and `uri:` force the type; without `uri:` a URL
/// that a client would dial (`https://...`) is refused. Shown bare, as it goes into the JSON `hosts`.
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

impl SanName {
    /// The type of this name.
    pub const fn kind(&self) -> SanKind {
        match self {
            Self::Dns(_) => SanKind::Dns,
            Self::Ip(_) => SanKind::Ip,
            Self::Email(_) => SanKind::Email,
            Self::Uri(_) => SanKind::Uri,
        }
    }

    /// A DNS name exactly as a certificate holds it, valid or not.
    pub fn from_certificate_dns(text: &str) -> Self {
        Self::Dns(HostName::from_certificate(text))
    }

    /// An IP address of 4 or 16 bytes, as a certificate holds it; `None` for any other length.
    pub fn from_certificate_ip(bytes: &[u8]) -> Option<Self> {
        let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
        v4().or_else(|_| v6()).ok().map(Self::Ip)
    }

    /// An e-mail address exactly as a certificate holds it, valid or not.
    pub fn from_certificate_email(text: &str) -> Self {
        Self::Email(text.to_owned())
    }

    /// A URI exactly as a certificate holds it, valid or not.
    pub fn from_certificate_uri(text: &str) -> Self {
        Self::Uri(text.to_owned())
    }
}

impl fmt::Display for SanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(host) => host.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
            Self::Email(text) | Self::Uri(text) => f.write_str(text),
        }
    }
}

impl FromStr for SanName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = match forced(text) {
            Some((kind, rest)) => of_kind(kind, rest)?,
            None => bare(text)?,
        };
        let sent = name.to_string();
        let issued = server_name(&sent);
        if issued == name {
            return Ok(name);
        }
        Err(NameError::ServerDiffers {
            text: sent,
            wanted: name.kind(),
            server: issued.kind(),
            value: issued.to_string(),
        })
    }
}

/// Whether `held`, the names of a certificate, holds `wanted` under the same type.
///
/// DNS names compare without regard to case and never through a wildcard; IP addresses by address, so that an IPv4
/// address in 16 bytes is the one in 4; e-mail addresses exactly but for the case of the host (RFC 5280 section 7.5);
/// URIs exactly.
pub fn holds(held: &[SanName], wanted: &SanName) -> bool {
    held.iter().any(|held| match (held, wanted) {
        (SanName::Dns(a), SanName::Dns(b)) => a.as_str().eq_ignore_ascii_case(b.as_str()),
        (SanName::Ip(a), SanName::Ip(b)) => a.to_canonical() == b.to_canonical(),
        (SanName::Email(a), SanName::Email(b)) => same_mailbox(a, b),
        (SanName::Uri(a), SanName::Uri(b)) => a == b,
        _ => false,
    })
}

fn same_mailbox(a: &str, b: &str) -> bool {
    match (a.rsplit_once('@'), b.rsplit_once('@')) {
        (Some((user_a, host_a)), Some((user_b, host_b))) => user_a == user_b && host_a.eq_ignore_ascii_case(host_b),
        _ => a == b,
    }
}

/// Splits off a prefix that forces the type. `dns://...` is no prefix but a gRPC target.
fn forced(text: &str) -> Option<(SanKind, &str)> {
    let (prefix, rest) = text.split_once(':').filter(|(_, rest)| !rest.starts_with("//"))?;
    let kind = match prefix {
        "dns" => SanKind::Dns,
        "ip" => SanKind::Ip,
        "email" => SanKind::Email,
        "uri" => SanKind::Uri,
        _ => return None,
    };
    Some((kind, rest))
}

fn of_kind(kind: SanKind, text: &str) -> Result<SanName, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    match kind {
        SanKind::Dns => text.parse().map(SanName::Dns),
        SanKind::Ip => match text.parse::<IpAddr>() {
            Ok(ip) => Ok(SanName::Ip(ip.to_canonical())),
            Err(_) => Err(NameError::NotAnIpAddress { text: text.to_owned() }),
        },
        SanKind::Email => email(text),
        SanKind::Uri => uri(text),
    }
}

fn bare(text: &str) -> Result<SanName, NameError> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(SanName::Ip(ip.to_canonical()));
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    if text.contains("://") {
        return if is_dialled(scheme) {
            Err(NameError::Scheme { text: text.to_owned(), host: host::host_in_address(text) })
        } else {
            uri(text)
        };
    }
    if scheme.eq_ignore_ascii_case("urn") {
        return uri(text);
    }
    if text.contains('@') && host::openssl_rest(text).is_none() {
        return email(text);
    }
    text.parse().map(SanName::Dns)
}

/// Schemes of addresses that clients dial, which people paste where a name belongs.
fn is_dialled(scheme: &str) -> bool {
    let dialled = [
        "http",
        "https",
        "grpc",
        "grpcs",
        "tcp",
        "tcps",
        "tls",
        "ssl",
        "udp",
        "ws",
        "wss",
        "h2",
        "h2c",
        "dns",
        "passthrough",
        "unix",
        "ldap",
        "ldaps",
        "ftp",
        "ssh",
    ];
    dialled.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// A plain addr-spec (RFC 5322 section 3.4.1) with a dot-atom before the `@` and a host name behind it, lower-cased.
fn email(text: &str) -> Result<SanName, NameError> {
    let refuse = |why| Err(NameError::Email { text: text.to_owned(), why });
    if text.ends_with('>') {
        return refuse("it has a display name or angle brackets");
    }
    let Some((local, host)) = text.rsplit_once('@') else {
        return refuse("it has no '@'");
    };
    if text.chars().any(char::is_whitespace) {
        return Err(NameError::Space { text: text.to_owned() });
    }
    if !text.is_ascii() {
        let ascii = host::ascii_form(host).filter(|_| local.is_ascii()).map(|host| format!("{local}@{host}"));
        return Err(NameError::NonAscii { text: text.to_owned(), ascii });
    }
    if local.is_empty() || local.len() > 64 {
        return refuse("there must be 1 to 64 characters before the '@'");
    }
    if local.split('.').any(str::is_empty) {
        return refuse("there is a dot too many before the '@'");
    }
    if !local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b)) {
        return refuse("a character before the '@' needs quotes");
    }
    match host.parse::<HostName>() {
        Ok(host) if host.is_wildcard() => refuse("its host is a wildcard"),
        Ok(host) => Ok(SanName::Email(format!("{local}@{host}"))),
        Err(source) => Err(NameError::Host { kind: SanKind::Email, text: text.to_owned(), source: Box::new(source) }),
    }
}

/// A URI (RFC 3986) of the kind that Go's `url.URL` prints as it read it: `scheme://host[:port][/path][?query]` with a
/// host that Go takes when it reads the certificate, or `scheme:` and a path without a leading slash. The scheme is
/// lower-cased.
fn uri(text: &str) -> Result<SanName, NameError> {
    let refuse = |why| Err(NameError::Uri { text: text.to_owned(), why });
    if text.chars().any(char::is_whitespace) {
        return Err(NameError::Space { text: text.to_owned() });
    }
    if !text.is_ascii() {
        return Err(NameError::NonAscii { text: text.to_owned(), ascii: None });
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return refuse("it has no scheme");
    };
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    {
        return refuse("its scheme is none");
    }
    if rest.contains('#') {
        return refuse("it has a fragment");
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            if authority.contains('@') {
                return refuse("it names a user");
            }
            refuse_bad_authority(text, authority)?;
            path
        }
        None if rest.is_empty() => return refuse("nothing follows its scheme"),
        None if rest.starts_with('/') => return refuse("its path has no host in front"),
        None => rest,
    };
    if !is_path_and_query(path) {
        return refuse("it holds a character that must be percent-encoded");
    }
    Ok(SanName::Uri(format!("{}:{rest}", scheme.to_ascii_lowercase())))
}

/// Refuses `host[:port]` that Go would not take or not print the same, and hosts that are none.
fn refuse_bad_authority(text: &str, authority: &str) -> Result<(), NameError> {
    let refuse = |why| Err(NameError::Uri { text: text.to_owned(), why });
    if authority.is_empty() {
        return refuse("it has no host");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return refuse("its port is no number up to 65535");
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return if inner.parse::<std::net::Ipv6Addr>().is_ok() {
            Ok(())
        } else {
            refuse("its host is no IPv6 address")
        };
    }
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return Ok(());
    }
    match host.parse::<HostName>() {
        Ok(name) if name.is_wildcard() => refuse("its host is a wildcard"),
        Ok(_) => Ok(()),
        Err(source) => Err(NameError::Host { kind: SanKind::Uri, text: text.to_owned(), source: Box::new(source) }),
    }
}

/// RFC 3986 `pchar`, `/` and `?`, with every `%` in front of two hexadecimal digits.
fn is_path_and_query(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
                hex() && hex()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}
