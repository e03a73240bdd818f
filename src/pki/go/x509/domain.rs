//! Domain names and mailboxes in SANs and name constraints (`crypto/x509/parser.go`, `domainNameValid`;
//! `crypto/x509/verify.go`, `parseRFC2821Mailbox`).

/// Whether Go accepts `text` as a domain; a constraint may begin with a period.
pub(super) fn is_domain(text: &str, constraint: bool) -> bool {
    if text.is_empty() {
        return true;
    }
    if text.ends_with('.') {
        return false;
    }
    let text = text.strip_prefix('.').filter(|_| constraint).unwrap_or(text);
    text.bytes().all(|b| (33..=126).contains(&b)) && text.split('.').all(|label| !label.is_empty())
}

/// A mail address, its local part without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) local: Vec<u8>,
    pub(super) domain: String,
}

/// Reads a mail address (RFC 2821 section 4.1.2, in Go's variant).
pub(super) fn parse_mailbox(text: &str) -> Option<Mailbox> {
    let text = text.as_bytes();
    let (local, rest) = if let Some(quoted) = text.strip_prefix(b"\"") { quoted_part(quoted)? } else { atoms(text)? };
    let domain = std::str::from_utf8(rest.strip_prefix(b"@")?).ok()?;
    let labels_hold = domain.split('.').all(|l| !l.is_empty() && l.bytes().all(|b| (33..=126).contains(&b)));
    (domain.is_empty() || labels_hold).then(|| Mailbox { local, domain: domain.to_owned() })
}

fn quoted_part(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some((local, &text[at + 1..])),
            b'\\' => {
                at += 1;
                local.push(*text.get(at).filter(|b| matches!(b, 1..=9 | 11 | 12 | 14..=127))?);
            }
            b @ (1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127) => local.push(b),
            _ => return None,
        }
        at += 1;
    }
}

fn atoms(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    let mut at = 0;
    while let Some(b) = text.get(at) {
        match b {
            b'\\' => {
                at += 1;
                local.push(*text.get(at)?);
            }
            b if b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(b) => local.push(*b),
            _ => break,
        }
        at += 1;
    }
    let dots_hold = local.split(|b| *b == b'.').all(|part| !part.is_empty());
    dots_hold.then(|| (local, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_judged_as_in_go() {
        for taken in ["", "a", "a.b", "*.b", "a_b", "a:1"] {
            assert!(is_domain(taken, false), "{taken}");
        }
        for refused in ["a.", "a..b", ".a", "a b", "é"] {
            assert!(!is_domain(refused, false), "{refused}");
        }
        assert!(is_domain(".a", true) && !is_domain("..a", true) && !is_domain(".", true));
    }

    #[test]
    fn mailboxes_are_judged_as_in_go() {
        assert_eq!(parse_mailbox("a.b@c").map(|m| m.domain).as_deref(), Some("c"));
        assert_eq!(parse_mailbox("\"a b\"@c").map(|m| m.local), Some(b"a b".to_vec()));
        assert_eq!(parse_mailbox("a\\@b@c").map(|m| m.local), Some(b"a@b".to_vec()));
        for refused in ["", "a", ".a@b", "a.@b", "a..b@c", "a@b.", "a@.b", "@b", "\"a@b", "a b@c"] {
            assert_eq!(parse_mailbox(refused), None, "{refused}");
        }
    }
}
