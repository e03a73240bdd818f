//! The type that a Fabric CA gives to a string in `hosts`.

use std::net::{IpAddr, Ipv6Addr};

use super::{HostName, SanKind, SanName, mailbox};

/// The type that a Fabric CA gives to a string of the JSON `hosts`.
pub fn server_kind(text: &str) -> SanKind {
    server_name(text).kind()
}

/// The name that a Fabric CA puts in the certificate for a string of the JSON `hosts`.
///
/// The rules are those of cfssl 1.4.1, `signer/local/local.go`, function `OverrideHosts`, which fabric-ca 1.5 calls: an
/// IP address (`net.ParseIP`), else an e-mail address (`mail.ParseAddress`, without its display name), else a request
/// URI (`url.ParseRequestURI`), else a DNS name, unchecked. Two things are not reproduced: RFC 2047 encoded words in
/// display names are not decoded, and the text of a URI keeps the escapes that Go would rewrite.
pub fn server_name(text: &str) -> SanName {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return SanName::Ip(ip.to_canonical());
    }
    if let Some(address) = mailbox::address(text) {
        return SanName::Email(address);
    }
    match request_uri(text) {
        Some(uri) => SanName::Uri(uri),
        None => SanName::Dns(HostName::from_certificate(text)),
    }
}

/// Go's `url.ParseRequestURI`: the URI with its scheme in lower case.
fn request_uri(text: &str) -> Option<String> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    if text == "*" {
        return Some(text.to_owned());
    }
    let (scheme, rest) = split_scheme(text)?;
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !path.starts_with('/') {
        // With a scheme any text is an opaque URI; without one a request URI starts with a slash.
        return (!scheme.is_empty()).then(|| format!("{}:{rest}", scheme.to_ascii_lowercase()));
    }
    if scheme.is_empty() {
        return is_escaped(path).then(|| rest.to_owned());
    }
    if let Some(rest) = path.strip_prefix("//") {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !is_authority(scheme, authority) || !is_escaped(path) {
            return None;
        }
    } else if !is_escaped(path) {
        return None;
    }
    Some(format!("{}:{rest}", scheme.to_ascii_lowercase()))
}

/// Go's `getScheme`: the scheme, which may be empty, and the rest; `None` for a leading colon.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    match text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')) {
        Some(0) if text.starts_with(':') => None,
        Some(at) if text[at..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some((&text[..at], &text[at + 1..]))
        }
        _ => Some(("", text)),
    }
}

/// Go's `parseAuthority`.
fn is_authority(scheme: &str, authority: &str) -> bool {
    let Some((user, host)) = authority.rsplit_once('@') else {
        return is_uri_host(scheme, authority);
    };
    let is_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    is_uri_host(scheme, host) && user.bytes().all(is_user) && is_escaped(user)
}

/// Go's `parseHost`, with the strict rule for colons in `http` and `https`.
fn is_uri_host(scheme: &str, host: &str) -> bool {
    if let Some(open) = host.rfind('[') {
        let Some((inner, port)) = host[open + 1..].rsplit_once(']').filter(|_| open == 0) else {
            return false;
        };
        return is_optional_port(port) && is_ip_literal(inner);
    }
    let strict = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let colon = if strict { host.find(':') } else { host.rfind(':') };
    colon.is_none_or(|at| is_optional_port(&host[at..])) && is_escaped_host(host)
}

/// An IPv6 address, with a zone after `%25`, in which Go allows nearly any character.
fn is_ip_literal(inner: &str) -> bool {
    match inner.split_once("%25") {
        None => inner.parse::<Ipv6Addr>().is_ok(),
        Some((address, zone)) => address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && is_zone(zone),
    }
}

/// An escape in a zone must encode a space, a percent sign, or a character that is allowed unescaped.
fn is_zone(zone: &str) -> bool {
    is_escaped(zone)
        && zone.bytes().all(|b| b == b'%' || is_host_byte(b))
        && zone.match_indices('%').all(|(at, _)| {
            let byte = zone.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            byte.is_some_and(|b| b == b' ' || b == b'%' || (b < 0x80 && is_host_byte(b)))
        })
}

/// An escape in a host must encode a byte outside ASCII, or a percent sign.
fn is_escaped_host(host: &str) -> bool {
    is_escaped(host)
        && host.bytes().all(|b| b == b'%' || is_host_byte(b))
        && host.match_indices('%').all(|(at, _)| {
            let hex = host.get(at + 1..at + 3).unwrap_or_default();
            hex == "25" || !matches!(hex.as_bytes().first(), Some(b'0'..=b'7'))
        })
}

/// The characters that Go allows unescaped in a host.
fn is_host_byte(byte: u8) -> bool {
    !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"".contains(&byte)
}

fn is_optional_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether two hexadecimal digits follow every `%`.
fn is_escaped(text: &str) -> bool {
    text.match_indices('%')
        .all(|(at, _)| text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        text: String,
        kind: String,
        value: String,
    }

    #[test]
    fn recorded_classifications_are_reproduced() {
        let rows: Vec<Row> =
            serde_json::from_str(include_str!("../../../testdata/names/server-kinds-go.json")).expect("rows");
        assert!(rows.len() > 90);
        let mut rewritten = Vec::new();
        for row in rows {
            let name = server_name(&row.text);
            assert_eq!(name.kind().to_string(), row.kind, "{:?}", row.text);
            if name.to_string() != row.value {
                rewritten.push(row.text);
            }
        }
        // Go prints these URIs with other escapes than it read; fabcert accepts none of them.
        assert_eq!(rewritten, ["https://", "https://h%ff", "https://u@v@h", "https://[fe80::1%25%41]"]);
        assert!(rewritten.iter().all(|text| format!("uri:{text}").parse::<SanName>().is_err()));
    }
}
