//! Passwords in URLs.

use std::borrow::Cow;

/// The example in an error of the Go client, whose words scripts may look for. It names nobody's password.
const EXAMPLE: &str = "user:userpw@serverAddr:serverPort";

/// The text with the password of every URL in it masked: `https://ID:SECRET@HOST`.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut shown = 0;
    for (start, scheme) in text.match_indices("://") {
        let start = start + scheme.len();
        if start < shown {
            continue;
        }
        // A password may hold every sign that a shell passes on; the last @ ends it.
        let url = text[start..].split(char::is_whitespace).next().unwrap_or_default();
        if url == EXAMPLE {
            continue;
        }
        let Some(at) = url.rfind('@') else { continue };
        let Some(colon) = url[..at].find(':') else { continue };
        // `https://h:7054/x@y` has no password.
        if url[..colon].contains(['/', '?', '#']) {
            continue;
        }
        out.push_str(&text[shown..=start + colon]);
        out.push_str("[redacted]");
        shown = start + at;
    }
    if shown == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[shown..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        let cases = [
            ("cannot read https://id:pw@h/x", "cannot read https://id:[redacted]@h/x"),
            ("\"https://id:p/w@x@h:1\" and http://a:b@c", "\"https://id:[redacted]@h:1\" and http://a:[redacted]@c"),
            ("https://:pw@h", "https://:[redacted]@h"),
            ("https://id@h, https://h:7054/a, mailto:a@b", "https://id@h, https://h:7054/a, mailto:a@b"),
            ("spiffe://org1/a@b:c@d", "spiffe://org1/a@b:c@d"),
            (
                "enroll -u http://user:userpw@serverAddr:serverPort (no",
                "enroll -u http://user:userpw@serverAddr:serverPort (no",
            ),
            ("http://user:userpw@serverAddr:7054", "http://user:[redacted]@serverAddr:7054"),
            ("", ""),
        ];
        for (text, masked) in cases {
            assert_eq!(without_passwords(text), masked);
        }
    }
}
