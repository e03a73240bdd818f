//! Name matching as in a Go client.

use std::net::IpAddr;

use super::SanName;

/// Whether a Go client that dials `dialled` accepts a certificate with the SANs `cert_names`.
///
/// `dialled` is the name that the client verifies: a host name or an IP address, also in brackets, without a port. The
/// rules are those of `(*x509.Certificate).VerifyHostname` of Go 1.26: an IP address matches IP SANs only, a wildcard
/// matches exactly one whole first label, a trailing dot is ignored on the dialled side only, invalid host names match
/// when they are equal, and the subject's common name never counts (RFC 9525 section 2).
pub fn matches_as_go(cert_names: &[SanName], dialled: &str) -> bool {
    if let Some(ip) = literal_address(dialled) {
        return cert_names.iter().any(|n| matches!(n, SanName::Ip(held) if held.to_canonical() == ip));
    }
    let valid = is_host(dialled.strip_suffix('.').unwrap_or(dialled), false);
    cert_names.iter().any(|name| match name {
        SanName::Dns(pattern) if valid && is_host(pattern.as_str(), true) => matches_labels(pattern.as_str(), dialled),
        SanName::Dns(pattern) => matches_exactly(pattern.as_str(), dialled),
        _ => false,
    })
}

/// The IP address that a client dials with this text, which may be in brackets; an IPv4-mapped one is the IPv4 address.
pub(super) fn literal_address(dialled: &str) -> Option<IpAddr> {
    let address = dialled.strip_prefix('[').and_then(|d| d.strip_suffix(']')).filter(|d| !d.is_empty());
    Some(address.unwrap_or(dialled).parse::<IpAddr>().ok()?.to_canonical())
}

/// Go's `validHostname`: labels of letters, digits, `_` and inner or final `-`; in a pattern the first label may be
/// `*`.
pub(super) fn is_host(text: &str, is_pattern: bool) -> bool {
    text != "*"
        && text.split('.').enumerate().all(|(at, label)| {
            let plain = !label.is_empty()
                && !label.starts_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            plain || (is_pattern && at == 0 && label == "*")
        })
}

/// Go's `matchHostnames`: label by label; a leading `*` matches any label.
fn matches_labels(pattern: &str, dialled: &str) -> bool {
    let dialled = dialled.strip_suffix('.').unwrap_or(dialled);
    let (mut pattern, mut host) = (pattern.split('.'), dialled.split('.'));
    let first = match (pattern.next(), host.next()) {
        (Some(p), Some(h)) => p == "*" || p.eq_ignore_ascii_case(h),
        _ => false,
    };
    first
        && loop {
            match (pattern.next(), host.next()) {
                (None, None) => break true,
                (Some(p), Some(h)) if p.eq_ignore_ascii_case(h) => {}
                _ => break false,
            }
        }
}

/// Go's `matchExactly`.
fn matches_exactly(held: &str, dialled: &str) -> bool {
    let is_name = |text: &str| !matches!(text, "" | ".");
    is_name(held) && is_name(dialled) && held.eq_ignore_ascii_case(dialled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        dns: Vec<String>,
        ip: Vec<IpAddr>,
        dialled: String,
        #[serde(rename = "match")]
        matches: bool,
    }

    #[test]
    fn recorded_verdicts_of_go_are_reproduced() {
        let rows: Vec<Row> =
            serde_json::from_str(include_str!("../../../testdata/names/host-names-go.json")).expect("rows");
        assert_eq!(rows.len(), 24);
        for row in rows {
            let mut names: Vec<SanName> = row.dns.iter().map(|text| SanName::from_certificate_dns(text)).collect();
            names.extend(row.ip.iter().copied().map(SanName::Ip));
            assert_eq!(matches_as_go(&names, &row.dialled), row.matches, "{:?} as {:?}", row.dns, row.dialled);
        }
    }

    #[test]
    fn ip_addresses_match_ip_sans_only() {
        let names = [SanName::Ip([10, 0, 0, 1].into()), SanName::from_certificate_uri("https://h")];
        for dialled in ["10.0.0.1", "[10.0.0.1]", "::ffff:10.0.0.1"] {
            assert!(matches_as_go(&names, dialled), "{dialled}");
        }
        for dialled in ["10.0.0.2", "h", "[]", "10.0.0.1."] {
            assert!(!matches_as_go(&names, dialled), "{dialled}");
        }
    }
}
