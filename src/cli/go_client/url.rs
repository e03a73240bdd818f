//! The URL of a CA as the Go client takes it.

use std::borrow::Cow;

/// The URL with a scheme: without one it is `http://` (fabric-ca v1.5.21 `lib/client.go`, `NormalizeURL`).
pub(super) fn with_scheme(url: &str) -> Cow<'_, str> {
    if url.contains("://") { Cow::Borrowed(url) } else { Cow::Owned(format!("http://{url}")) }
}

/// The id in a URL, and whether a secret follows it.
pub(super) type User = (Option<String>, bool);

/// Scheme, user, and host with port as written; `None` for a text without them.
pub(super) fn parts(url: &str) -> Option<(String, User, String)> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| !scheme.is_empty())?;
    let (user, rest) = match rest.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
        Some((id, secret)) => (Some(id.to_owned()), !secret.is_empty()),
        None => (None, false),
    };
    Some((scheme.to_ascii_lowercase(), user, host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_written() {
        let (scheme, user, host) = parts("https://admin:p@ss/w@Ca.org:7054/x").unwrap();
        assert_eq!((scheme.as_str(), user, host.as_str()), ("https", (Some("admin".into()), true), "Ca.org:7054"));
        assert_eq!(parts("http://h").unwrap().1, (None, false));
        assert_eq!(parts("http://a@h").unwrap().1, (Some("a".into()), false));
        assert_eq!((parts("h:7054"), parts("://x")), (None, None));
        assert_eq!(with_scheme("h:1"), "http://h:1");
    }
}
