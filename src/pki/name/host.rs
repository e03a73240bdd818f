//! DNS names.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::NameError;
use super::error::masked;

/// The maximum length of a DNS name in text form (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// The maximum length of a label (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A DNS name in lower case, without a trailing dot: at most 253 characters, labels of 1 to 63.
///
/// Parsed with [`str::parse`]: letters are lower-cased, underscores are allowed, `*` is allowed only as the whole first
/// label before others, the last label is never all digits. Only [`HostName::from_certificate`] creates other names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// The name exactly as a certificate holds it, valid or not.
    pub fn from_certificate(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as in the certificate.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the first label is `*`, which matches any one label (RFC 9525 section 6.3).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        refuse_other_notations(text)?;
        let name = text.to_ascii_lowercase();
        if name.len() > MAX_NAME {
            return Err(NameError::TooLong { text: masked(&name), length: text.len() });
        }
        refuse_bad_labels(&name)?;
        Ok(Self(name))
    }
}

/// Refuses other notations that are mistaken for a DNS name.
fn refuse_other_notations(text: &str) -> Result<(), NameError> {
    let owned = || masked(text);
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(rest) = openssl_rest(text) {
        return Err(NameError::OpensslPrefix { text: owned(), rest: masked(rest) });
    }
    if text.chars().any(char::is_whitespace) {
        return Err(NameError::Space { text: owned() });
    }
    if text.contains("://") {
        return Err(NameError::Scheme { text: owned(), host: host_in_address(text) });
    }
    if text.contains(['[', ']']) {
        return Err(NameError::Bracket { text: owned(), address: bracketed(text) });
    }
    if let Some((address, _)) = text.split_once('%')
        && address.parse::<Ipv6Addr>().is_ok()
    {
        return Err(NameError::Zone { text: owned(), address: address.to_owned() });
    }
    if text.contains('/') {
        return Err(NameError::Path { text: owned(), host: host_in_address(text) });
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(NameError::IpAddress { text: owned() });
    }
    if let Some((host, port)) = text.split_once(':')
        && !host.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(NameError::Port { text: owned(), host: host.to_owned() });
    }
    if !text.is_ascii() {
        return Err(NameError::NonAscii { text: owned(), ascii: ascii_form(text) });
    }
    if text.ends_with('.') {
        return Err(NameError::TrailingDot { text: owned() });
    }
    Ok(())
}

/// Refuses labels that clients or resolvers do not accept. `name` is ASCII, not empty, without a trailing dot.
fn refuse_bad_labels(name: &str) -> Result<(), NameError> {
    let owned = || masked(name);
    let mut last = "";
    for (at, label) in name.split('.').enumerate() {
        last = label;
        if label.is_empty() {
            return Err(NameError::EmptyLabel { text: owned() });
        }
        if at == 0 && label == "*" && name.len() > 1 {
            continue;
        }
        if label.contains('*') {
            return Err(NameError::Wildcard { text: owned() });
        }
        if let Some(character) = label.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')) {
            return Err(NameError::Character { text: owned(), character });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(NameError::Hyphen { text: owned(), label: label.to_owned() });
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::LabelTooLong { text: owned(), label: label.to_owned() });
        }
    }
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NameError::Numeric { text: owned() });
    }
    Ok(())
}

/// The text after a prefix of OpenSSL's `subjectAltName` notation (`x509v3_config(5)`), also with a number (`DNS.2:`)
/// and as `openssl x509 -text` prints it (`IP Address:`).
pub(super) fn openssl_rest(text: &str) -> Option<&str> {
    let (prefix, rest) = text.split_once(':')?;
    let prefix = match prefix.rsplit_once('.') {
        Some((kind, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => kind,
        _ => prefix,
    };
    let known = ["dns", "ip", "ip address", "email", "uri", "rid", "dirname", "othername"];
    known.iter().any(|k| prefix.eq_ignore_ascii_case(k)).then(|| rest.trim())
}

/// The host in `[scheme://][user@]host[:port][/path]`, if it is a host name or an IP address.
pub(super) fn host_in_address(text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(address) = bracketed(host) {
        return Some(address);
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(ip.to_string());
    }
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(ip.to_string());
    }
    host.parse::<HostName>().ok().map(|host| host.0)
}

/// The IPv6 address between the first pair of brackets.
fn bracketed(text: &str) -> Option<String> {
    let inner = text.split_once('[')?.1.split_once(']')?.0;
    inner.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string())
}

/// The `xn--` form of a name outside ASCII, for a hint, if fabcert accepts it: each label in lower case, as Punycode (RFC 3492).
/// UTS 46 maps some letters to others as well; a name with marks or compatibility forms, which it would map, has no hint.
pub(super) fn ascii_form(text: &str) -> Option<String> {
    let is_mapped = |c: char| !c.is_ascii() && (!c.is_alphanumeric() || c >= '\u{f900}');
    if text.contains(is_mapped) {
        return None;
    }
    let label = |label: &str| {
        if label.is_ascii() {
            return Some(label.to_owned());
        }
        idna::punycode::encode_str(&label.to_lowercase()).map(|encoded| format!("xn--{encoded}"))
    };
    let ascii = text.split('.').map(label).collect::<Option<Vec<_>>>()?.join(".");
    ascii.parse::<HostName>().ok().map(|host| host.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> NameError {
        text.parse::<HostName>().expect_err(text)
    }

    fn help(text: &str) -> String {
        refused(text).help()
    }

    #[test]
    fn names_are_lower_cased_and_may_have_underscores() {
        for (text, name) in [
            ("Org1-Peer-Gateway-SVC", "org1-peer-gateway-svc"),
            ("peer_0.Example", "peer_0.example"),
            ("_x", "_x"),
            ("1a", "1a"),
            ("10.0.0.1.nip.io", "10.0.0.1.nip.io"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<HostName>().as_ref().map(HostName::as_str), Ok(name));
        }
    }

    #[test]
    fn a_wildcard_is_the_whole_first_label_or_refused() {
        assert!("*.Ns".parse::<HostName>().is_ok_and(|h| h.is_wildcard()));
        assert!("a.ns".parse::<HostName>().is_ok_and(|h| !h.is_wildcard()));
        for text in ["*", "a*.ns", "a.*.ns", "*.*.ns", "**.ns"] {
            assert!(matches!(refused(text), NameError::Wildcard { .. }), "{text}");
        }
    }

    #[test]
    fn lengths_are_bounded_at_253_and_63() {
        let longest = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        assert!(longest.parse::<HostName>().is_ok());
        assert!(matches!(refused(&format!("{longest}d")), NameError::TooLong { length: 254, .. }));
        assert!(matches!(refused(&format!("x.{}", "a".repeat(64))), NameError::LabelTooLong { .. }));
    }

    #[test]
    fn empty_labels_hyphens_at_the_ends_and_odd_characters_are_refused() {
        assert_eq!(refused(""), NameError::Empty);
        assert!(matches!(refused("a..b"), NameError::EmptyLabel { .. }));
        assert!(matches!(refused(".a"), NameError::EmptyLabel { .. }));
        assert!(matches!(refused("-a.b"), NameError::Hyphen { .. }));
        assert!(matches!(refused("a.b-"), NameError::Hyphen { .. }));
        assert!(matches!(refused("a b"), NameError::Space { .. }));
        assert!(matches!(refused("a\u{a0}b"), NameError::Space { .. }));
        assert!(matches!(refused("a\0b"), NameError::Character { character: '\0', .. }));
        assert!(matches!(refused("a,b"), NameError::Character { character: ',', .. }));
        assert!(matches!(refused("a:b"), NameError::Character { character: ':', .. }));
    }

    #[test]
    fn ip_addresses_and_look_alikes_are_not_host_names() {
        for text in ["010.1.1.1", "1.2.3", "256.1.1.1", "1.2.3.4.5", "7054", "peer.0"] {
            assert!(matches!(refused(text), NameError::Numeric { .. }), "{text}");
        }
        for text in ["10.0.0.1", "::1", "2001:db8::1"] {
            assert!(matches!(refused(text), NameError::IpAddress { .. }), "{text}");
        }
    }

    #[test]
    fn other_notations_are_refused_with_the_name_inside() {
        for (text, inside) in [
            ("localhost:7054", "localhost"),
            ("10.0.0.1:7054", "10.0.0.1"),
            ("localhost:", "localhost"),
            ("https://H.example:7054/x", "h.example"),
            ("grpcs://[::1]:7051", "::1"),
            ("https://id:secret@ca:7054", "ca"),
            ("[::1]", "::1"),
            ("[::1]:7054", "::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("peer0/x", "peer0"),
            ("10.0.0.0/8", "10.0.0.0"),
            ("DNS:peer0", "peer0"),
            ("DNS.2:peer0", "peer0"),
            ("IP Address:10.0.0.1", "10.0.0.1"),
            ("peer0.", "peer0"),
            (" peer0", "peer0"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.Bücher.example", "*.xn--bcher-kva.example"),
        ] {
            let help = help(text);
            assert!(help.contains(&format!(": {inside}")), "{text}: {help}");
        }
    }

    #[test]
    fn the_variant_names_the_notation() {
        assert!(matches!(refused("localhost:7054"), NameError::Port { .. }));
        assert!(matches!(refused("grpcs://"), NameError::Scheme { host: None, .. }));
        assert!(matches!(refused("[a"), NameError::Bracket { address: None, .. }));
        assert!(matches!(refused("b]"), NameError::Bracket { address: None, .. }));
        assert!(matches!(refused("fe80::1%eth0"), NameError::Zone { .. }));
        assert!(matches!(refused("/abs/path"), NameError::Path { host: None, .. }));
        assert!(matches!(refused("DNS.2:x"), NameError::OpensslPrefix { .. }));
        assert!(matches!(refused("."), NameError::TrailingDot { .. }));
        assert!(matches!(refused("é\u{200b}"), NameError::NonAscii { .. }));
    }

    #[test]
    fn a_name_from_a_certificate_is_kept_unchanged() {
        assert_eq!(HostName::from_certificate("UPPER.example.").as_str(), "UPPER.example.");
    }
}
