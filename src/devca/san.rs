//! Types of subject alternative names as on the real server (`cfssl` `signer/local.OverrideHosts`): without any check,
//! so that clients see the same results.

use std::net::IpAddr;

/// A name with the type that the server chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum San {
    Dns(String),
    Email(String),
    Ip(IpAddr),
    Uri(String),
}

impl San {
    /// The type of one entry of `hosts`: IP address, then mailbox, then URI by Go's request-URI parser, else DNS.
    pub(super) fn of_host(host: &str) -> Self {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Self::Ip(ip.to_canonical());
        }
        if let Some(address) = mailbox(host) {
            return Self::Email(address);
        }
        if is_request_uri(host) {
            return Self::Uri(as_go_prints(host));
        }
        Self::Dns(host.to_owned())
    }

    /// The text of the name, if it has one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Dns(t) | Self::Email(t) | Self::Uri(t) => Some(t),
            Self::Ip(_) => None,
        }
    }
}

/// The address in `local@domain` or `Name <local@domain>` (RFC 5322 section 3.4, without comments and groups).
fn mailbox(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let address = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => {
            let name = name.trim();
            let quoted = name.len() >= 2 && name.starts_with('"') && name.ends_with('"');
            if !quoted && !name.split_ascii_whitespace().all(|word| word.chars().all(is_atext_or_dot)) {
                return None;
            }
            address
        }
        None => text,
    };
    let (local, domain) = address.rsplit_once('@')?;
    let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    ((quoted || is_dot_atom(local)) && is_dot_atom(domain)).then(|| address.to_owned())
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(|c| c != '.' && is_atext_or_dot(c)))
}

fn is_atext_or_dot(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// Whether Go's `url.ParseRequestURI` accepts it: an absolute URI, or a path that starts with `/`.
fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let (scheme, rest) = match split_scheme(text) {
        Scheme::Named(rest) => (true, rest),
        Scheme::Absent => (false, text),
        Scheme::Missing => return false,
    };
    let rest = rest.split('?').next().unwrap_or(rest);
    if !rest.starts_with('/') {
        return scheme;
    }
    let path = match rest.strip_prefix("//").filter(|_| scheme) {
        Some(rest) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
            if !is_authority(authority) {
                return false;
            }
            path
        }
        None => rest,
    };
    has_good_escapes(path)
}

/// The URI with its scheme in lower case, and without an empty authority at the end.
fn as_go_prints(uri: &str) -> String {
    let Scheme::Named(rest) = split_scheme(uri) else { return uri.to_owned() };
    let scheme = uri[..uri.len() - rest.len()].to_ascii_lowercase();
    format!("{scheme}{}", if rest == "//" { "" } else { rest })
}

enum Scheme<'a> {
    /// A scheme; contains the text after the colon.
    Named(&'a str),
    Absent,
    /// The text starts with the colon.
    Missing,
}

fn split_scheme(text: &str) -> Scheme<'_> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i > 0 => return Scheme::Named(&text[i + 1..]),
            ':' => return Scheme::Missing,
            _ => return Scheme::Absent,
        }
    }
    Scheme::Absent
}

fn is_authority(authority: &str) -> bool {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = if host.starts_with('[') {
        match host.find(']') {
            Some(end) => &host[end + 1..],
            None => return false,
        }
    } else {
        host.rfind(':').map_or("", |i| &host[i..])
    };
    let good_port = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    good_port && has_good_escapes(host) && !host.bytes().any(|b| b" \\^`{|}".contains(&b))
}

fn has_good_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|part| {
        let mut digits = part.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unsupported forms: comments, groups, quoted names and address literals in mailboxes; escapes and unusual
    /// characters in authorities. Clients do not request such names.
    const NOT_FOLLOWED: [&str; 19] = [
        "bob@h (comment)",
        "\"a b\"@h",
        "\"a\\\"b\"@h",
        "\"\"@h",
        "a@[10.0.0.1]",
        "a@ h",
        "g: a@b;",
        "Bob (x) B <b@h>",
        "x:a@b;",
        "urn:a@b;",
        "https://a:1:2",
        "https://h%41/",
        "https://h%ff",
        "https://u@v@h",
        "https://u<@h",
        "https://u%4@h",
        "https://[10.0.0.1]",
        "https://[fe80::1%25]",
        "https://[fe80::1%25%41]",
    ];

    #[derive(serde::Deserialize)]
    struct Row {
        text: String,
        kind: String,
        value: String,
    }

    #[test]
    fn hosts_have_the_types_of_the_go_server() {
        let rows: Vec<Row> = serde_json::from_str(include_str!("../../testdata/names/server-kinds-go.json")).unwrap();
        assert!(rows.len() > 100);
        for row in rows.into_iter().filter(|r| !NOT_FOLLOWED.contains(&r.text.as_str())) {
            let wanted = match row.kind.as_str() {
                "IP" => San::Ip(row.value.parse().unwrap()),
                "email" => San::Email(row.value),
                "URI" => San::Uri(row.value),
                _ => San::Dns(row.value),
            };
            assert_eq!(San::of_host(&row.text), wanted, "{}", row.text);
        }
    }
}
