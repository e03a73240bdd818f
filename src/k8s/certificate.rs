//! cert-manager: Certificates and Issuers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::document::{Word, is_true};
use super::meta::Meta;
use super::requested::Requested;
use crate::yaml::{Node, Value};

/// A Certificate of cert-manager: the request of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Name, namespace, place.
    pub meta: Meta,
    /// The Secret that it will be in.
    pub secret_name: String,
    /// Its names: `dnsNames` and `ipAddresses`.
    pub requested: Requested,
    /// The lines of the `dnsNames` list, as an editor needs them.
    pub dns_names: Option<DnsNames>,
    /// The common name.
    pub common_name: Option<String>,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// `privateKey.rotationPolicy`.
    pub rotation_policy: Option<Word>,
    /// `duration`; cert-manager's default of 90 days when nothing is written.
    pub duration: Option<(Duration, usize)>,
}

/// A `dnsNames` list in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsNames {
    /// The line of the key.
    pub key_line: usize,
    /// The line of the first item.
    pub first_line: Option<usize>,
    /// Whether it stands in brackets, `[a, b]`.
    pub is_flow: bool,
}

/// An Issuer or ClusterIssuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Name, namespace, place.
    pub meta: Meta,
    /// The Secret with the CA that it issues from.
    pub ca_secret: Option<String>,
}

impl Certificate {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let meta = Meta::read(document, kind, path);
        let spec = document.entries_at(&["spec"]);
        let list = spec.iter().find(|(key, _)| key.text() == Some("dnsNames"));
        let spec_line = document.entries().unwrap_or_default().iter().find(|(key, _)| key.text() == Some("spec"));
        let dns_names = list.filter(|(_, v)| matches!(v.value, Value::Sequence(_))).map(|(key, value)| DnsNames {
            key_line: key.line,
            first_line: value.items().and_then(<[Node]>::first).map(|n| n.line),
            is_flow: is_flow(value),
        });
        let mut names = Word::list(document, &["spec", "dnsNames"]);
        names.extend(Word::list(document, &["spec", "ipAddresses"]));
        let line = dns_names.as_ref().map(|d| d.key_line).or(spec_line.map(|(key, _)| key.line));
        let duration = Word::at(document, &["spec", "duration"]);
        Some(Self {
            secret_name: document.text_at(&["spec", "secretName"])?.to_owned(),
            requested: Requested { by: meta.to_string(), at: meta.at.line(line.unwrap_or(document.line)), names },
            dns_names,
            common_name: document.text_at(&["spec", "commonName"]).map(str::to_owned),
            is_ca: is_true(document.find(&["spec", "isCA"])),
            rotation_policy: Word::at(document, &["spec", "privateKey", "rotationPolicy"]),
            duration: duration.and_then(|w| Some((go_duration(&w.text)?, w.line))),
            meta,
        })
    }
}

/// In block style the items stand behind dashes; in brackets the first stands on the bracket's own line or below, and the
/// list itself begins where the bracket does.
fn is_flow(list: &Node) -> bool {
    match list.items().and_then(<[Node]>::first) {
        // A block list begins at its first dash, two columns or more before the item.
        Some(first) => first.line != list.line || first.column <= list.column + 1,
        None => true,
    }
}

impl Issuer {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let ca_secret = document.text_at(&["spec", "ca", "secretName"]).map(str::to_owned);
        Self { meta: Meta::read(document, kind, path), ca_secret }
    }
}

/// A duration as Go's `time.ParseDuration` reads it: `2160h`, `1h30m`; whole units only.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut number = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' if rest.peek() == Some(&'s') => {
                rest.next();
                0
            }
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let whole: u64 = std::mem::take(&mut number).split('.').next()?.parse().ok()?;
        total = total.checked_add(whole.checked_mul(unit)?)?;
    }
    (number.is_empty() && !text.is_empty()).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(text: &str) -> Certificate {
        let document = crate::yaml::documents(text).unwrap().remove(0);
        Certificate::read(&document, "Certificate", &Arc::from(Path::new("c.yaml"))).unwrap()
    }

    #[test]
    fn lists_know_their_lines_and_their_style() {
        for (list, flow, first) in [
            ("\n    - a\n    - b", false, Some(4)),
            ("\n  - a", false, Some(4)),
            ("\n    # why\n    - a", false, Some(5)),
            (" [a, b]", true, Some(3)),
            (" [ a ]", true, Some(3)),
            ("\n    [\n      a\n    ]", true, Some(5)),
            (" []", true, None),
        ] {
            let found = certificate(&format!("spec:\n  secretName: s\n  dnsNames:{list}\n"));
            let lines = found.dns_names.unwrap();
            assert_eq!((lines.key_line, lines.is_flow, lines.first_line), (3, flow, first), "{list}");
        }
        assert_eq!(certificate("kind: C\nspec:\n  secretName: s\n").requested.at.line, 2);
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let hours = |h: u64| Some(Duration::from_secs(h * 3600));
        assert_eq!(go_duration("2160h"), hours(2160));
        assert_eq!(go_duration("2160h0m0s"), hours(2160));
        assert_eq!(go_duration("90m"), Some(Duration::from_secs(5400)));
        for bad in ["", "90d", "h", "10"] {
            assert_eq!(go_duration(bad), None, "{bad}");
        }
    }
}
