//! Subject alternative names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::error::masked;
use super::host::{self, HostName};
use super::{NameError, SanKind, email, server_name, uri};

/// One subject alternative name with its type (RFC 5280 section 4.2.1.6).
///
/// Parsed with [`str::parse`]: an IP address is always an IP name (an IPv4-mapped IPv6 address is the IPv4 address, as
/// Go writes it into a certificate), `user@host` is an e-mail address, `scheme://...` and `urn:...` are URIs, any other
/// text is a host name. The prefixes `dns:`, `ip:`, `email:` and `uri:` force the type; without `uri:` a URL that a
/// client would dial (`https://...`) is refused. Displayed bare, as in the JSON `hosts`.
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

/// Whether the names of a certificate, `held`, include `wanted` with the same type.
///
/// DNS names compare case-insensitively and never through a wildcard; IP addresses compare as addresses, so that an
/// IPv4 address in 16 bytes equals the one in 4; e-mail addresses compare exactly except for the case of the host (RFC
/// 5280 section 7.5); URIs compare exactly.
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

/// Splits off a prefix that forces the type. `dns://...` is a gRPC target, not a prefix.
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
            Err(_) => Err(NameError::NotAnIpAddress { text: masked(text) }),
        },
        SanKind::Email => email::parse(text).map(SanName::Email),
        SanKind::Uri => uri::parse(text).map(SanName::Uri),
    }
}

fn bare(text: &str) -> Result<SanName, NameError> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(SanName::Ip(ip.to_canonical()));
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    if text.contains("://") {
        return if is_dialled(scheme) {
            Err(NameError::Scheme { text: masked(text), host: host::host_in_address(text) })
        } else {
            uri::parse(text).map(SanName::Uri)
        };
    }
    if scheme.eq_ignore_ascii_case("urn") {
        return uri::parse(text).map(SanName::Uri);
    }
    if text.contains('@') && host::openssl_rest(text).is_none() {
        return email::parse(text).map(SanName::Email);
    }
    text.parse().map(SanName::Dns)
}

/// Schemes of addresses that clients dial, often pasted in place of a name.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SanName {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn refused(text: &str) -> NameError {
        text.parse::<SanName>().expect_err(text)
    }

    fn shown(text: &str) -> String {
        let name = name(text);
        format!("{}:{name}", name.kind())
    }

    #[test]
    fn a_bare_name_gets_the_type_of_its_form() {
        for (text, expected) in [
            ("Peer0.Example", "DNS:peer0.example"),
            ("10.0.0.1", "IP:10.0.0.1"),
            ("2001:DB8:0::1", "IP:2001:db8::1"),
            ("::ffff:10.0.0.1", "IP:10.0.0.1"),
            ("Admin@Org1.Example", "email:Admin@org1.example"),
            ("SPIFFE://td/ns/peer0", "URI:spiffe://td/ns/peer0"),
            ("spiffe://td:8080/%C3%a9?a=b", "URI:spiffe://td:8080/%C3%a9?a=b"),
            ("URN:fabric:org1", "URI:urn:fabric:org1"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_prefix_forces_the_type() {
        for (text, expected) in [
            ("dns:peer0", "DNS:peer0"),
            ("ip:::1", "IP:::1"),
            ("email:a@b", "email:a@b"),
            ("uri:https://x:7054/y", "URI:https://x:7054/y"),
            ("uri:mailto:a@b", "URI:mailto:a@b"),
            ("uri:https://[::1]/", "URI:https://[::1]/"),
            ("uri:https://10.0.0.1", "URI:https://10.0.0.1"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert!(matches!(refused("dns:10.0.0.1"), NameError::IpAddress { .. }));
        assert!(matches!(refused("ip:peer0"), NameError::NotAnIpAddress { .. }));
        assert!(matches!(refused("email:peer0"), NameError::Email { .. }));
        assert!(matches!(refused("uri:peer0"), NameError::Uri { .. }));
        assert_eq!(refused("dns:"), NameError::Empty);
        assert!(matches!(refused("DNS:peer0"), NameError::OpensslPrefix { .. }));
        assert!(matches!(refused("email.1:a@b"), NameError::OpensslPrefix { .. }));
    }

    #[test]
    fn addresses_to_dial_are_refused_with_the_host_inside() {
        for text in
            ["http://h", "HTTPS://h:7054/x", "grpc://h:7051", "grpcs://h", "tcp://h", "tls://h", "dns:///h:7051"]
        {
            assert!(matches!(refused(text), NameError::Scheme { .. }), "{text}");
        }
        assert!(refused("grpcs://h:7051").help().contains("write the host alone: h "));
        assert!(matches!(refused("localhost:7054"), NameError::Port { .. }));
    }

    #[test]
    fn only_plain_mailboxes_are_e_mail_addresses() {
        for text in ["Bob <bob@h.example>", "@h", "a..b@h", ".a@h", "\"a\"@h", "a(c)@h", "mailto:a@h", "a@*.h"] {
            assert!(matches!(refused(text), NameError::Email { .. }), "{text}");
        }
        assert!(matches!(refused("a@h:25"), NameError::Host { kind: SanKind::Email, .. }));
        assert!(matches!(refused("a@[10.0.0.1]"), NameError::Host { .. }));
        assert!(matches!(refused("a b@h"), NameError::Space { .. }));
        assert!(refused("a@bücher.example").help().ends_with("a@xn--bcher-kva.example"));
    }

    #[test]
    fn only_uris_that_go_prints_unchanged_are_accepted() {
        for text in [
            "spiffe://",
            "spiffe:///x",
            "spiffe://u@td",
            "spiffe://td/a#b",
            "spiffe://td/%4",
            "spiffe://td/a\"b",
            "urn:",
            "spiffe://td:65536",
            "spiffe://td:+1",
            "spiffe://td:",
            "uri:x:/y",
            "uri:1x:y",
            "uri:uri:x:y",
            "uri:DNS:x",
            "spiffe://[::1",
            "x://*.h",
        ] {
            assert!(matches!(refused(text), NameError::Uri { .. } | NameError::Host { .. }), "{text}");
        }
        assert!(matches!(refused("spiffe://td./x"), NameError::Host { kind: SanKind::Uri, .. }));
        assert!(matches!(refused("spiffe://td/é"), NameError::NonAscii { .. }));
    }

    #[test]
    fn a_name_that_the_ca_would_issue_with_another_type_is_refused() {
        for (text, kind) in [("urn:a@b;", SanKind::Email), ("uri:abcd::1", SanKind::Ip)] {
            let error = refused(text);
            assert!(matches!(error, NameError::ServerDiffers { server, .. } if server == kind), "{error}");
        }
    }

    #[test]
    fn no_error_shows_the_secret_of_a_pasted_ca_url() {
        for text in [
            "https://id:s3cret@ca:7054",
            "uri:https://id:s3cret@ca",
            "id:s3cret@ca",
            "id:s3cret@é",
            "dns:id:s3cret@ca",
            "DNS:id:s3cret@ca",
            "ip:id:s3cret@ca",
            "id:s3cret @ca",
            "https://id:s3cret@[::1]/x@y",
            "id:s3.cret@ca..",
            "https://id:s3@cret@ca",
        ] {
            let error = refused(text);
            let all = format!("{error} {error:?} {}", error.help());
            assert!(!all.contains("s3") && !all.contains("cret"), "{all}");
        }
    }

    #[test]
    fn errors_become_input_errors_with_help() {
        let error = crate::Error::from(refused("localhost:7054"));
        assert_eq!(error.exit_code(), 4);
        assert_eq!(error.to_string(), "\"localhost:7054\" is a name with a port; a certificate holds the name alone");
        assert_eq!(error.help(), Some("write it without the port: localhost"));
    }

    #[test]
    fn held_names_are_compared_by_type() {
        let held = [
            SanName::from_certificate_dns("Peer0.Example"),
            SanName::from_certificate_dns("*.ns"),
            SanName::from_certificate_dns("10.0.0.2"),
            SanName::from_certificate_ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]).expect("16 bytes"),
            SanName::from_certificate_email("Bob@H.Example"),
            SanName::from_certificate_uri("spiffe://td/A"),
        ];
        for text in ["peer0.example", "*.ns", "10.0.0.1", "Bob@h.example", "spiffe://td/A"] {
            assert!(holds(&held, &name(text)), "{text}");
        }
        for text in ["peer0", "a.ns", "10.0.0.2", "bob@h.example", "spiffe://td/a", "uri:peer0.example:x"] {
            assert!(!holds(&held, &name(text)), "{text}");
        }
        assert_eq!(SanName::from_certificate_ip(&[10, 0, 0]), None);
    }
}
