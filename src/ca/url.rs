//! The URL of a CA: `https://[ID[:SECRET]@]HOST[:PORT][/PATH]`.

use std::fmt;

use url::{Host, Url};

use crate::{Error, ErrorKind, Secret};

/// The default port of a Fabric CA, as in the Go client.
pub const DEFAULT_PORT: u16 = 7054;

/// The URL of a CA: scheme, host, port and path. Contains no credentials, so it may be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CaUrl {
    /// Scheme, host, port and path, without credentials, query, fragment or a trailing slash.
    base: Url,
    /// Host as given, with `:PORT` if given.
    typed_host: String,
    /// Without double or trailing slashes; may be empty.
    path: String,
}

/// An invalid CA URL. No variant contains a part of the URL, because any part may belong to a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaUrlError {
    /// The text is empty.
    #[error("the CA URL is empty")]
    Empty,
    /// No `://`.
    #[error("the CA URL has no scheme")]
    NoScheme,
    /// Neither `https` nor `http`.
    #[error("the CA URL's scheme is neither https nor http")]
    Scheme,
    /// The host is missing.
    #[error("the CA URL has no host")]
    NoHost,
    /// The host is neither a DNS name nor an IP address.
    #[error("the CA URL's host is neither a DNS name nor an IP address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the CA URL's port is not a number from 1 to 65535")]
    Port,
    /// The end of the credentials is ambiguous.
    #[error("the CA URL is ambiguous, because an \"@\" follows a \"/\", \"?\" or \"#\"")]
    Ambiguous,
    /// A query or a fragment.
    #[error("the CA URL has a query (\"?\") or a fragment (\"#\")")]
    Query,
    /// The percent-decoded bytes are not UTF-8.
    #[error("the percent-decoded enrolment id or secret in the CA URL is not UTF-8")]
    NotUtf8,
    /// The path cannot be sent.
    #[error("the CA URL's path cannot be used")]
    Path,
}

impl From<CaUrlError> for Error {
    fn from(e: CaUrlError) -> Self {
        let help = match e {
            CaUrlError::Ambiguous | CaUrlError::NotUtf8 => {
                "percent-encode special characters of the secret (/ is %2F, @ is %40, # is %23, ? is %3F), or better: \
                 leave it out of the URL and give it with --secret-file"
            }
            _ => "write it as https://HOST[:PORT][/PATH], for example https://org1-ca:7054",
        };
        Self::new(ErrorKind::Usage, e.to_string()).with_help(help)
    }
}

impl CaUrl {
    /// Parses a URL as the Go client does. Returns the URL without its credentials, and the percent-decoded enrolment
    /// id and enrolment secret, if given.
    ///
    /// Raw special characters in the secret are accepted if only one reading is possible.
    ///
    /// # Errors
    /// [`CaUrlError`], which never contains any part of `text`.
    pub fn parse(text: &str) -> Result<(Self, Option<String>, Option<Secret>), CaUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CaUrlError::Empty);
        }
        let (scheme, rest) = text.split_once("://").ok_or(CaUrlError::NoScheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => "https",
            "http" => "http",
            _ => return Err(CaUrlError::Scheme),
        };
        let (user_info, rest) = split_user_info(rest)?;
        if rest.contains(['?', '#']) {
            return Err(CaUrlError::Query);
        }
        let (typed_host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(typed_host)?;
        let host = Host::parse(host).map_err(|_| CaUrlError::Host)?;
        let path: String = path.split('/').filter(|s| !s.is_empty()).flat_map(|s| ["/", s]).collect();
        let base = format!("{scheme}://{host}:{}{path}", port.unwrap_or(DEFAULT_PORT));
        let base = Url::parse(&base).map_err(|_| CaUrlError::Path)?;
        let typed_host = typed_host.strip_suffix(':').unwrap_or(typed_host).to_owned();
        let path = base.path().trim_end_matches('/').to_owned();
        let (id, secret) = user_info.map_or(Ok((None, None)), credentials)?;
        Ok((Self { base, typed_host, path }, id, secret))
    }

    /// Whether the scheme is `http`, which sends everything in clear, the secret included.
    pub fn is_plaintext(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// The host: a DNS name in lower case, or an IP address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The port, given or default.
    pub fn port(&self) -> u16 {
        self.base.port_or_known_default().unwrap_or(DEFAULT_PORT)
    }

    /// Whether the port was given.
    pub fn port_was_typed(&self) -> bool {
        split_port(&self.typed_host).is_ok_and(|(_, port)| port.is_some())
    }

    /// The path, percent-encoded, without a trailing slash; may be empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The URL of an endpoint: path, `/` and `name` (`enroll`, `cainfo`, ...), joined as the Go client does.
    pub(crate) fn endpoint(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{name}", self.path));
        url
    }

    /// The URL of one thing at an endpoint, with a query: path, `/`, `name`, and `/VARIABLE?QUERY`, percent-encoded.
    pub(super) fn endpoint_with(&self, name: &str, variable: Option<&str>, query: &[(&str, String)]) -> Url {
        let mut url = self.endpoint(name);
        if let (Some(variable), Ok(mut segments)) = (variable, url.path_segments_mut()) {
            segments.push(variable);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The request target that a CA sees behind a proxy that removes the URL's path: `/NAME`, or `/api/v1/NAME` if the
    /// path ends so (fabric-ca v1.5.21 `lib/server.go` serves both). `None` if there is no path to remove. `target` is the
    /// whole target.
    pub(super) fn target_behind_proxy(&self, target: &str) -> Option<String> {
        let path = self.path().trim_end_matches('/');
        let kept = if path.ends_with("/api/v1") { "/api/v1" } else { "" };
        let rest = target.strip_prefix(path)?;
        (path.len() > kept.len()).then(|| format!("{kept}{rest}"))
    }

    /// The stem of the Go client's names of CA certificate files: host and port as given, then `-` and the CA name if
    /// requested, with every `:` and `.` replaced by `-` (fabric-ca v1.5.21
    /// `cmd/fabric-ca-client/command/getcainfo.go`, `storeCAChain`): `127-0-0-1-7054-rootca`.
    pub fn ca_file_stem(&self, ca_name: Option<&str>) -> String {
        let ca_name = ca_name.filter(|n| !n.is_empty()).map(|n| format!("-{n}")).unwrap_or_default();
        format!("{}{ca_name}", self.typed_host).replace([':', '.'], "-")
    }
}

/// Splits the credentials from the rest. If a raw `/`, `?` or `#` precedes an `@`, the text is unambiguous only if the
/// part before that character is not a host; otherwise a part of a secret could go to a wrong host.
fn split_user_info(rest: &str) -> Result<(Option<&str>, &str), CaUrlError> {
    let Some(at) = rest.rfind('@') else { return Ok((None, rest)) };
    let before = rest[..at].find(['/', '?', '#']).map(|end| &rest[..end]);
    if before.is_some_and(|text| text.contains('@') || split_port(text).is_ok()) {
        return Err(CaUrlError::Ambiguous);
    }
    Ok((Some(&rest[..at]), &rest[at + 1..]))
}

/// Splits `HOST[:PORT]`; an IPv6 host is in brackets.
fn split_port(host: &str) -> Result<(&str, Option<u16>), CaUrlError> {
    let (name, port) = match host.rfind(']') {
        Some(end) => host.split_at(end + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if name.is_empty() {
        return Err(CaUrlError::NoHost);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(CaUrlError::Host),
        Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|p| *p != 0).ok_or(CaUrlError::Port)?)
        }
        Some(_) => return Err(CaUrlError::Port),
    };
    Ok((name, port))
}

fn credentials(user_info: &str) -> Result<(Option<String>, Option<Secret>), CaUrlError> {
    let (id, secret) = user_info.split_once(':').map_or((user_info, None), |(id, secret)| (id, Some(secret)));
    let decoded = |text| String::from_utf8(percent_decoded(text)).map_err(|_| CaUrlError::NotUtf8);
    let id = decoded(id)?;
    let secret = secret.map(decoded).transpose()?;
    Ok((Some(id).filter(|i| !i.is_empty()), secret.filter(|s| !s.is_empty()).map(Secret::new)))
}

/// Decodes `%XX`. Keeps a `%` without two hex digits, for secrets that were not encoded.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let pair = hex(bytes.get(at + 1)).zip(hex(bytes.get(at + 2))).filter(|_| *byte == b'%');
        decoded.push(pair.map_or(*byte, |(high, low)| high << 4 | low));
        at += if pair.is_some() { 3 } else { 1 };
    }
    decoded
}

impl fmt::Display for CaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.base.scheme(), self.host(), self.port(), self.path)
    }
}

impl fmt::Debug for CaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<String>, Option<String>) {
        let (url, id, secret) = CaUrl::parse(text).expect(text);
        (url.to_string(), id, secret.map(|s| s.expose().to_owned()))
    }

    #[test]
    fn port_path_and_credentials_are_parsed_as_in_the_go_client() {
        let cases = [
            ("https://org1-ca", "https://org1-ca:7054", None, None),
            ("https://org1-ca:443", "https://org1-ca:443", None, None),
            ("http://org1-ca:80", "http://org1-ca:80", None, None),
            ("https://org1-ca:/", "https://org1-ca:7054", None, None),
            ("HTTPS://Org1-CA:7054//ca//org1/", "https://org1-ca:7054/ca/org1", None, None),
            ("https://[::1]:17054/x", "https://[::1]:17054/x", None, None),
            ("https://org1-peer1:peerpw@org1-ca", "https://org1-ca:7054", Some("org1-peer1"), Some("peerpw")),
            ("https://org1-peer1@org1-ca", "https://org1-ca:7054", Some("org1-peer1"), None),
            ("https://a%40b:p%3Aq%2Fr%25@h", "https://h:7054", Some("a@b"), Some("p:q/r%")),
            ("https://a:b:c@h", "https://h:7054", Some("a"), Some("b:c")),
            ("https://a:p@ss@h:1", "https://h:1", Some("a"), Some("p@ss")),
            ("https://a:100%@h", "https://h:7054", Some("a"), Some("100%")),
            ("https://a:p+q@h", "https://h:7054", Some("a"), Some("p+q")),
            ("https://a:p#q?r/s@h/ca", "https://h:7054/ca", Some("a"), Some("p#q?r/s")),
        ];
        for (text, url, id, secret) in cases {
            assert_eq!(parts(text), (url.to_owned(), id.map(str::to_owned), secret.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn invalid_urls_are_refused_without_quoting_them() {
        let cases = [
            ("", CaUrlError::Empty),
            ("org1-ca:7054", CaUrlError::NoScheme),
            ("admin:adminpw@org1-ca:7054", CaUrlError::NoScheme),
            ("ftp://admin:adminpw@org1-ca", CaUrlError::Scheme),
            ("https://", CaUrlError::NoHost),
            ("https://admin:adminpw@", CaUrlError::NoHost),
            ("https://admin:adminpw@:7054", CaUrlError::NoHost),
            ("https://admin:adminpw@a b", CaUrlError::Host),
            ("https://admin:adminpw@[::1", CaUrlError::Port),
            ("https://admin:adminpw@h:0", CaUrlError::Port),
            ("https://admin:adminpw@h:70000", CaUrlError::Port),
            ("https://admin:adminpw@h:+7", CaUrlError::Port),
            ("https://admin:adminpw@h?ca=x", CaUrlError::Query),
            ("https://admin:adminpw@h#x", CaUrlError::Query),
            ("https://admin:adminpw@h/x@y", CaUrlError::Ambiguous),
            ("https://admin:adminpw@h?x=@y", CaUrlError::Ambiguous),
            ("https://admin:1234/adminpw@h", CaUrlError::Ambiguous),
            ("https://admin:adminpw%ff@h", CaUrlError::NotUtf8),
        ];
        for (text, expected) in cases {
            let error = CaUrl::parse(text).map(|_| ()).expect_err(text);
            assert_eq!(error, expected, "{text}");
            let error = Error::from(error);
            assert!(!format!("{error} {error:?}").contains("adminpw"), "{text}");
        }
    }

    #[test]
    fn endpoints_are_joined_to_the_path_with_one_slash() {
        let (url, ..) = CaUrl::parse("https://a:b@h:7054/api/v1/").expect("a URL");
        assert_eq!(url.endpoint("enroll").as_str(), "https://h:7054/api/v1/enroll");
        let (url, ..) = CaUrl::parse("https://h/").expect("a URL");
        assert_eq!(url.endpoint("enroll").path(), "/enroll");
    }

    #[test]
    fn a_proxy_that_removes_the_path_leaves_the_endpoint() {
        let behind = |text: &str| CaUrl::parse(text).expect("a URL").0;
        let behind = |text: &str| {
            let url = behind(text);
            url.target_behind_proxy(url.endpoint("reenroll").path())
        };
        assert_eq!(behind("https://h/org1/ca").as_deref(), Some("/reenroll"));
        assert_eq!(behind("https://h/org1/api/v1").as_deref(), Some("/api/v1/reenroll"));
        assert_eq!((behind("https://h"), behind("https://h/api/v1")), (None, None));
    }

    #[test]
    fn ca_file_names_match_the_go_client() {
        let stem = |url: &str, ca| CaUrl::parse(url).expect("a URL").0.ca_file_stem(ca);
        assert_eq!(stem("http://127.0.0.1:17140", Some("rootca")), "127-0-0-1-17140-rootca");
        assert_eq!(stem("http://127.0.0.1:17140", None), "127-0-0-1-17140");
        assert_eq!(stem("https://a:b@localhost:17140/x", Some("rootca")), "localhost-17140-rootca");
        assert_eq!(stem("https://Org1.example", Some("ca.x")), "Org1-example-ca-x");
        assert_eq!(stem("https://[::1]:1", None), "[--1]-1");
    }

    #[test]
    fn a_given_port_is_recorded() {
        assert!(CaUrl::parse("https://h:7054").expect("a URL").0.port_was_typed());
        assert!(!CaUrl::parse("https://h").expect("a URL").0.port_was_typed());
        assert!(!CaUrl::parse("https://[::1]").expect("a URL").0.port_was_typed());
    }

    proptest::proptest! {
        #[test]
        fn percent_encoded_ids_and_secrets_round_trip(id in "[^:\\x00]{1,20}", secret in ".{1,40}") {
            let encode = |t: &str| t.bytes().fold(String::new(), |text, b| format!("{text}%{b:02X}"));
            let text = format!("https://{}:{}@h", encode(&id), encode(&secret));
            proptest::prop_assert_eq!(parts(&text), ("https://h:7054".to_owned(), Some(id), Some(secret)));
        }

        #[test]
        fn parsing_never_panics_or_prints_the_secret(text in "(https?://)?[a-z:/@?#%\\[\\]0-9.é ]{0,30}") {
            let marked = text.replace("://", "://q:SEKRET@");
            if let Ok((url, ..)) = CaUrl::parse(&marked) {
                proptest::prop_assert!(!format!("{url:?}").contains("SEKRET"), "{}", marked);
            }
        }
    }
}
