//! Certificates and Issuers of cert-manager.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::approval::GROUP;
use super::document::{Word, is_true};
use super::meta::Meta;
use super::requested::Requested;
use crate::text::yaml::{Node, Value};

/// A cert-manager Certificate: a request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Name, namespace, place.
    pub(crate) meta: Meta,
    /// The Secret that cert-manager stores the certificate in.
    pub(crate) secret_name: String,
    /// Its names: `dnsNames` and `ipAddresses`.
    pub(crate) requested: Requested,
    /// Where names can be added to it.
    pub(crate) dns_names: DnsNames,
    /// The common name.
    pub(crate) common_name: Option<String>,
    /// Whether it is a CA certificate.
    pub(crate) is_ca: bool,
    /// `usages`, if given.
    pub(crate) usages: Vec<Word>,
    /// The API group of its issuer.
    pub(crate) issuer_group: Option<String>,
    /// `privateKey.algorithm`; without one cert-manager makes an RSA key.
    pub(crate) key_algorithm: Option<Word>,
    /// `privateKey.rotationPolicy`.
    pub(crate) rotation_policy: Option<Word>,
    /// The line of `privateKey`.
    pub(crate) private_key_line: Option<usize>,
    /// `duration`, if given; cert-manager's default is 90 days.
    pub(crate) duration: Option<(Duration, usize)>,
}

/// The form and position of the `dnsNames` of a Certificate, for editing. Lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DnsNames {
    /// One item a line, each after a dash.
    Block {
        /// The line of the last item.
        last_line: usize,
    },
    /// In brackets: `[a, b]`.
    Flow {
        /// The line of the key.
        key_line: usize,
        /// The line of the first item, if there is one.
        first_line: Option<usize>,
    },
    /// The key has no value.
    Empty {
        /// The line of the key.
        key_line: usize,
    },
    /// There is no list yet.
    Absent {
        /// The line of the first key of `spec`.
        line: usize,
        /// Its column, from 1, in characters.
        column: usize,
        /// Whether `spec` is in brackets.
        is_flow: bool,
    },
    /// The list is an alias or comes from a merge key: adding to it would also change other objects.
    Alias,
}

/// An Issuer or ClusterIssuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// Name, namespace, place.
    pub(crate) meta: Meta,
    /// The Secret of the CA that it issues from.
    pub(crate) ca_secret: Option<String>,
}

/// Extended key usages of cert-manager that do not allow serving TLS.
const OTHER_USAGES: [&str; 9] = [
    "client auth",
    "code signing",
    "email protection",
    "s/mime",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "timestamping",
    "ocsp signing",
];

impl Certificate {
    /// Whether it requests extended key usages that do not include server auth.
    pub(crate) fn excludes_servers(&self) -> bool {
        let has = |wanted: &[&str]| self.usages.iter().any(|usage| wanted.contains(&usage.text.as_str()));
        has(&OTHER_USAGES) && !has(&["server auth", "any"])
    }

    /// Whether fabcert's issuer answers it.
    pub(crate) fn is_for_fabric_ca(&self) -> bool {
        self.issuer_group.as_deref() == Some(GROUP)
    }

    /// Whether both are the same request, apart from their position.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        let policy = |c: &Self| c.rotation_policy.as_ref().map(|p| p.text.clone());
        self.meta.is_twin(&other.meta)
            && self.secret_name == other.secret_name
            && self.requested.texts() == other.requested.texts()
            && policy(self) == policy(other)
    }

    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let meta = Meta::read(document, kind, path);
        let spec = document.entries_at(&["spec"]);
        let found = spec.iter().find(|(key, _)| key.text() == Some("dnsNames"));
        let spec_line = document.entries().unwrap_or_default().iter().find(|(key, _)| key.text() == Some("spec"));
        let list = found.filter(|(_, value)| matches!(value.value, Value::Sequence(_)));
        // Values that are not aliases come after their key, and after `spec`.
        let is_alias = |(key, value): &(Node, Node)| {
            value.line < key.line || spec_line.is_some_and(|(spec, _)| key.line < spec.line)
        };
        let dns_names = match list
            .filter(|_| !list.is_some_and(is_alias))
            .map(|(key, value)| (key, value, value.items().unwrap_or_default()))
        {
            Some((_, value, [.., item])) if !value.is_flow => DnsNames::Block { last_line: item.line },
            Some((key, _, items)) => {
                DnsNames::Flow { key_line: key.line, first_line: items.first().map(|item| item.line) }
            }
            None if list.is_some() => DnsNames::Alias,
            None => match (found, spec.first()) {
                (Some((key, value)), _) if value.text() == Some("") && value.is_null() => {
                    DnsNames::Empty { key_line: key.line }
                }
                (_, first) => {
                    let (line, column) = first.map_or((document.line, 1), |(key, _)| (key.line, key.column));
                    match spec_line {
                        Some((key, _)) if line < key.line => DnsNames::Alias,
                        _ => {
                            DnsNames::Absent { line, column, is_flow: spec_line.is_some_and(|(_, spec)| spec.is_flow) }
                        }
                    }
                }
            },
        };
        let mut names = Word::list(document, &["spec", "dnsNames"]);
        names.extend(Word::list(document, &["spec", "ipAddresses"]));
        let line = found.or(spec_line).map(|(key, _)| key.line);
        let duration = Word::at(document, &["spec", "duration"]);
        Some(Self {
            secret_name: document.text_at(&["spec", "secretName"])?.to_owned(),
            requested: Requested { by: meta.to_string(), at: meta.at.line(line.unwrap_or(document.line)), names },
            dns_names,
            common_name: document.text_at(&["spec", "commonName"]).map(str::to_owned),
            usages: Word::list(document, &["spec", "usages"]),
            is_ca: is_true(document.find(&["spec", "isCA"])),
            issuer_group: document.text_at(&["spec", "issuerRef", "group"]).map(str::to_owned),
            key_algorithm: Word::at(document, &["spec", "privateKey", "algorithm"]),
            rotation_policy: Word::at(document, &["spec", "privateKey", "rotationPolicy"]),
            private_key_line: spec.iter().find(|(key, _)| key.text() == Some("privateKey")).map(|(key, _)| key.line),
            duration: duration.and_then(|w| Some((go_duration(&w.text)?, w.line))),
            meta,
        })
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
        let document = crate::text::yaml::documents(text).unwrap().remove(0);
        Certificate::read(&document, "Certificate", &Arc::from(Path::new("c.yaml"))).unwrap()
    }

    #[test]
    fn the_line_and_style_of_a_list_are_recorded() {
        let flow = |first_line| DnsNames::Flow { key_line: 3, first_line };
        for (list, expected) in [
            ("\n    - a\n    - b", DnsNames::Block { last_line: 5 }),
            ("\n  - a", DnsNames::Block { last_line: 4 }),
            ("\n    # why\n    - a", DnsNames::Block { last_line: 5 }),
            (" [a, b]", flow(Some(3))),
            (" [ a ]", flow(Some(3))),
            ("\n    [\n      a\n    ]", flow(Some(5))),
            (" []", flow(None)),
            (" &names\n    - a", DnsNames::Block { last_line: 4 }),
            (" !!seq &names [a]", flow(Some(3))),
            ("", DnsNames::Empty { key_line: 3 }),
            (" # none yet", DnsNames::Empty { key_line: 3 }),
        ] {
            let found = certificate(&format!("spec:\n  secretName: s\n  dnsNames:{list}\n"));
            assert_eq!((found.dns_names, found.requested.at.line), (expected, 3), "{list}");
        }
        let found = certificate("kind: C\nspec:\n  secretName: s\n");
        assert_eq!(
            (found.dns_names, found.requested.at.line),
            (DnsNames::Absent { line: 3, column: 3, is_flow: false }, 2)
        );
        let found = certificate("kind: C\nspec: {secretName: s}\n").dns_names;
        assert_eq!(found, DnsNames::Absent { line: 2, column: 8, is_flow: true });
        for text in [
            "x: &n {secretName: s}\nspec: *n\n",
            "x: &n [a]\nspec:\n  secretName: s\n  dnsNames: *n\n",
            "x: &n\n  dnsNames:\n    - a\nspec:\n  <<: *n\n  secretName: s\n",
        ] {
            assert_eq!(certificate(text).dns_names, DnsNames::Alias, "{text}");
        }
    }

    #[test]
    fn extended_usages_exclude_servers_unless_one_is_server_auth_or_any() {
        for (usages, excludes) in [
            ("", false),
            ("digital signature, key encipherment", false),
            ("client auth", true),
            ("client auth, server auth", false),
            ("client auth, any", false),
        ] {
            let found = certificate(&format!("spec: {{secretName: s, usages: [{usages}]}}\n"));
            assert_eq!(found.excludes_servers(), excludes, "{usages}");
        }
    }

    #[test]
    fn durations_are_parsed_as_in_go() {
        let hours = |h: u64| Some(Duration::from_secs(h * 3600));
        assert_eq!(go_duration("2160h"), hours(2160));
        assert_eq!(go_duration("2160h0m0s"), hours(2160));
        assert_eq!(go_duration("90m"), Some(Duration::from_secs(5400)));
        for bad in ["", "90d", "h", "10"] {
            assert_eq!(go_duration(bad), None, "{bad}");
        }
    }
}
