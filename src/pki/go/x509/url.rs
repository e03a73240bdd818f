//! The host of a URI (Go `net/url.Parse`), by which URI SANs are matched.

use std::net::Ipv6Addr;

/// The host of a URI with its port; `None` when Go cannot parse it. A URI without an authority has an empty host.
pub(super) fn host_of(text: &str) -> Option<String> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    unescape(fragment, Part::Path)?;
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    if text == "*" {
        return Some(String::new());
    }
    let (scheme, rest) = scheme_of(text)?;
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !rest.starts_with('/') {
        let relative = scheme.is_empty();
        let first = rest.split('/').next().unwrap_or_default();
        return (!(relative && first.contains(':')))
            .then(String::new)
            .filter(|_| !relative || unescape(rest, Part::Path).is_some());
    }
    let (mut host, mut path) = (String::new(), rest);
    if let Some(authority) = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///")) {
        let end = authority.find('/').unwrap_or(authority.len());
        host = host_of_authority(&scheme.to_ascii_lowercase(), &authority[..end])?;
        path = &authority[end..];
    }
    unescape(path, Part::Path).map(|_| host)
}

/// Scheme and rest; the scheme may be empty.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    match end {
        Some(0) if text.starts_with(':') => None,
        Some(end) if text[end..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some((&text[..end], &text[end + 1..]))
        }
        _ => Some(("", text)),
    }
}

fn host_of_authority(scheme: &str, authority: &str) -> Option<String> {
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host = parse_host(scheme, host)?;
    let user = user.unwrap_or_default();
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    (user.bytes().all(valid) && unescape(user, Part::Path).is_some()).then_some(host)
}

fn parse_host(scheme: &str, host: &str) -> Option<String> {
    match host.rfind('[') {
        Some(0) => {
            let close = host.rfind(']')?;
            let port = &host[close + 1..];
            let literal = &host[1..close];
            let (address, zone) = literal.split_at(literal.find("%25").unwrap_or(literal.len()));
            let (address, zone) = (unescape(address, Part::Host)?, unescape(zone, Part::Zone)?);
            // A zone is any non-empty text.
            let zone_holds = zone.is_empty() || zone.len() > 1;
            (is_port(port) && zone_holds && address.parse::<Ipv6Addr>().is_ok())
                .then(|| format!("[{address}{zone}]{port}"))
        }
        Some(_) => None,
        None => {
            if let Some(first) = host.find(':') {
                let strict = matches!(scheme, "http" | "https");
                let at = if strict { first } else { host.rfind(':').unwrap_or(first) };
                if !is_port(&host[at..]) {
                    return None;
                }
            }
            unescape(host, Part::Host)
        }
    }
}

/// Empty, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Zone,
    Path,
}

/// Resolves `%xx`; a host has only unreserved characters and delimiters, and escapes only bytes above 127.
fn unescape(text: &str, part: Part) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let value = u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?;
            match part {
                Part::Host if value < 0x80 && value != b'%' => return None,
                Part::Zone if value != b'%' && value != b' ' && must_be_escaped(value) => return None,
                _ => out.push(value),
            }
        } else if part != Part::Path && byte < 0x80 && must_be_escaped(byte) {
            return None;
        } else {
            out.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn must_be_escaped(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte))
}
