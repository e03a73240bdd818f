//! Hosts and ports in texts.

/// Returns the hosts in a text that have a port or a scheme, each with its line number in the text, from 0.
///
/// Skips addresses, `localhost` and placeholders of Kubernetes or a shell.
pub(super) fn endpoints(text: &str) -> Vec<(String, Option<u16>, usize)> {
    let mut out = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Hosts in comments are not dialled.
        if !line.contains(':') || line.trim_start().starts_with('#') {
            continue;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '$' | '@');
        for word in line.split(|c| !is_part(c)) {
            if let Some((host, port)) = endpoint(word) {
                out.push((host, port, index));
            }
        }
    }
    out
}

/// `SCHEME://HOST[:PORT][/PATH]` or `HOST:PORT`.
pub(super) fn endpoint(word: &str) -> Option<(String, Option<u16>)> {
    const SCHEMES: [&str; 7] = ["grpc", "grpcs", "https", "http", "tcp", "tls", "dns"];
    let (has_scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) if SCHEMES.contains(&scheme) => (true, rest.trim_start_matches('/')),
        Some(_) => return None,
        None => (false, word.strip_prefix("dns:").map_or(word, |rest| rest.trim_start_matches('/'))),
    };
    let authority = rest.split('/').next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|p| *p > 0)?)),
        None if has_scheme => (authority, None),
        None => return None,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    is_host(&host).then_some((host, port))
}

/// Whether a text is a valid DNS name and not an address.
pub(super) fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    host.len() <= 253
        && host != "localhost"
        && host.split('.').all(label)
        && host.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialled_hosts_are_found() {
        for (text, expected) in [
            ("org1-peer1:7051", vec![("org1-peer1", Some(7051))]),
            ("grpcs://GW.fabric.svc:7051", vec![("gw.fabric.svc", Some(7051))]),
            ("https://org1-ca", vec![("org1-ca", None)]),
            ("https://a:b@org1-ca:7054/x", vec![("org1-ca", Some(7054))]),
            ("dns:///gw:7051", vec![("gw", Some(7051))]),
            ("--peer a:1,b:2", vec![("a", Some(1)), ("b", Some(2))]),
            ("{\"url\": \"gw:7051\"}", vec![("gw", Some(7051))]),
            ("0.0.0.0:7051", vec![]),
            ("127.0.0.1:7051 localhost:5984", vec![]),
            ("$(POD):7051 ${HOST}:7051 $HOST:7051", vec![]),
            ("debug:cauthdsl", vec![]),
            ("  # such as gw:7051", vec![]),
            ("a:b:7051", vec![]),
            ("file:///x:1", vec![]),
            ("sha256:0123", vec![("sha256", Some(123))]),
        ] {
            let found: Vec<_> = endpoints(text).into_iter().map(|(h, p, _)| (h, p)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(h, p)| (h.to_owned(), p)).collect();
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(endpoints("x\ny: a:1\n")[0].2, 1);
    }
}
