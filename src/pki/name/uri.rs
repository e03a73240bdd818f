//! URIs as SANs.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::masked;
use super::{HostName, NameError, SanKind};

/// Parses a URI (RFC 3986) that Go's `url.URL` prints unchanged: `scheme://host[:port][/path][?query]` with a host that
/// Go accepts when it reads the certificate, or `scheme:` and a path without a leading slash. The scheme is
/// lower-cased.
pub(super) fn parse(text: &str) -> Result<String, NameError> {
    let refuse = |why| Err(NameError::Uri { text: masked(text), why });
    if text.chars().any(char::is_whitespace) {
        return Err(NameError::Space { text: masked(text) });
    }
    if !text.is_ascii() {
        return Err(NameError::NonAscii { text: masked(text), ascii: None });
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return refuse("it has no scheme");
    };
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    {
        return refuse("its scheme is invalid");
    }
    let is_prefix = ["dns", "ip", "email", "uri"].iter().any(|prefix| scheme.eq_ignore_ascii_case(prefix));
    if is_prefix && !rest.starts_with("//") {
        return refuse("its scheme is one of the prefixes that force a type");
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
        return refuse("it has a character that must be percent-encoded");
    }
    Ok(format!("{}:{rest}", scheme.to_ascii_lowercase()))
}

/// Refuses an invalid host, and `host[:port]` that Go would not accept or would print differently.
fn refuse_bad_authority(text: &str, authority: &str) -> Result<(), NameError> {
    let refuse = |why| Err(NameError::Uri { text: masked(text), why });
    if authority.is_empty() {
        return refuse("it has no host");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return refuse("its port is not a number up to 65535");
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return if inner.parse::<Ipv6Addr>().is_ok() { Ok(()) } else { refuse("its host is not an IPv6 address") };
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    match host.parse::<HostName>() {
        Ok(name) if name.is_wildcard() => refuse("its host is a wildcard"),
        Ok(_) => Ok(()),
        Err(source) => Err(NameError::Host { kind: SanKind::Uri, text: masked(text), source: Box::new(source) }),
    }
}

/// RFC 3986 `pchar`, `/` and `?`, with two hexadecimal digits after every `%`.
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
