//! The names of a certificate, arranged for many questions: each is answered without a look at every name.

use std::collections::HashSet;
use std::net::IpAddr;

use super::SanName;
use super::go_match::{is_host, literal_address};

/// The names of a certificate. Answers as [`super::holds`] and [`super::matches_as_go`] do, in time that does not depend
/// on the number of names.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    /// DNS names that Go does not take for a host pattern, in lower case.
    other: HashSet<String>,
    /// DNS names that Go takes for a host, in lower case.
    hosts: HashSet<String>,
    /// The domains of wildcards, without `*.`, in lower case.
    wildcards: HashSet<String>,
    addresses: HashSet<IpAddr>,
    /// E-mail addresses, the host in lower case.
    mailboxes: HashSet<String>,
    uris: HashSet<String>,
    /// The texts of all names that a client would not take for an address, in lower case.
    texts: HashSet<String>,
    /// The domains of those of them that are hosts: all but their first label and a final dot.
    domains: HashSet<String>,
    /// The addresses among the texts of the names.
    dialled_addresses: HashSet<IpAddr>,
}

impl NameIndex {
    /// Arranges names.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a SanName>) -> Self {
        let mut index = Self::default();
        for name in names {
            index.insert(name);
        }
        index
    }

    /// Adds a name.
    pub(crate) fn insert(&mut self, name: &SanName) {
        match name {
            SanName::Dns(host) => {
                let text = host.as_str().to_ascii_lowercase();
                if !is_host(&text, true) {
                    self.other.insert(text);
                } else if let Some(domain) = text.strip_prefix("*.") {
                    self.wildcards.insert(domain.to_owned());
                } else {
                    self.hosts.insert(text);
                }
            }
            SanName::Ip(ip) => drop(self.addresses.insert(ip.to_canonical())),
            SanName::Email(text) => drop(self.mailboxes.insert(mailbox(text))),
            SanName::Uri(text) => drop(self.uris.insert(text.clone())),
        }
        let text = name.to_string().to_ascii_lowercase();
        if let Some(ip) = literal_address(&text) {
            self.dialled_addresses.insert(ip);
            return;
        }
        let bare = text.strip_suffix('.').unwrap_or(&text);
        if is_host(bare, false) {
            self.domains.extend(bare.split_once('.').map(|(_, domain)| domain.to_owned()));
        }
        self.texts.insert(text);
    }

    /// Whether the names include `wanted` with the same type, as [`super::holds`].
    pub(crate) fn holds(&self, wanted: &SanName) -> bool {
        match wanted {
            SanName::Dns(host) => self.has_dns(&host.as_str().to_ascii_lowercase()),
            SanName::Ip(ip) => self.addresses.contains(&ip.to_canonical()),
            SanName::Email(text) => self.mailboxes.contains(&mailbox(text)),
            SanName::Uri(text) => self.uris.contains(text),
        }
    }

    /// Whether there is a DNS name of this text, in lower case.
    fn has_dns(&self, text: &str) -> bool {
        let is_wildcard = || text.strip_prefix("*.").is_some_and(|domain| self.wildcards.contains(domain));
        self.hosts.contains(text) || self.other.contains(text) || is_wildcard()
    }

    /// Whether a Go client that dials `dialled` accepts a certificate with these names, as [`super::matches_as_go`].
    pub(crate) fn matches_as_go(&self, dialled: &str) -> bool {
        if let Some(ip) = literal_address(dialled) {
            return self.addresses.contains(&ip);
        }
        let text = dialled.to_ascii_lowercase();
        let bare = text.strip_suffix('.').unwrap_or(&text);
        let is_name = !matches!(text.as_str(), "" | ".");
        if !is_host(bare, false) {
            return is_name && self.has_dns(&text);
        }
        let is_covered = || bare.split_once('.').is_some_and(|(_, domain)| self.wildcards.contains(domain));
        self.hosts.contains(bare) || is_covered() || (is_name && self.other.contains(&text))
    }

    /// Whether a Go client that dials one of the names accepts a certificate that has only the name `pattern`.
    pub(crate) fn is_matched_by(&self, pattern: &SanName) -> bool {
        match pattern {
            SanName::Ip(ip) => self.dialled_addresses.contains(&ip.to_canonical()),
            SanName::Dns(host) => {
                let text = host.as_str().to_ascii_lowercase();
                if !matches!(text.as_str(), "" | ".") && self.texts.contains(&text) {
                    return true;
                }
                is_host(&text, true)
                    && match text.strip_prefix("*.") {
                        Some(domain) => self.domains.contains(domain),
                        // The text without a final dot was looked up above.
                        None => self.texts.contains(&format!("{text}.")),
                    }
            }
            SanName::Email(_) | SanName::Uri(_) => false,
        }
    }
}

/// An e-mail address with its host in lower case.
fn mailbox(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pki::name::{holds, matches_as_go};

    /// Names of few letters, so that they often match each other.
    fn name() -> impl Strategy<Value = SanName> {
        prop_oneof![
            "(\\*\\.)?[aA*]?[.]?[abB.-]{0,4}\\.?".prop_map(|text| SanName::from_certificate_dns(&text)),
            "[aA]{1,2}@[bB]{1,2}".prop_map(|text| SanName::from_certificate_email(&text)),
            "[abA]{1,2}".prop_map(|text| SanName::from_certificate_email(&text)),
            "[aA]:[bB]".prop_map(|text| SanName::from_certificate_uri(&text)),
            prop::sample::select(vec!["10.0.0.1", "::ffff:10.0.0.1", "::1"])
                .prop_map(|text| SanName::Ip(text.parse().expect("an address"))),
            prop::sample::select(vec!["10.0.0.1", "[::1]", "*", ".", "", "[]"]).prop_map(SanName::from_certificate_dns),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn answers_are_those_of_a_look_at_every_name(held in prop::collection::vec(name(), 0..6), wanted in name()) {
            let index = NameIndex::new(&held);
            let text = wanted.to_string();
            prop_assert_eq!(index.holds(&wanted), holds(&held, &wanted), "{:?} holds {:?}", held, wanted);
            prop_assert_eq!(index.matches_as_go(&text), matches_as_go(&held, &text), "{:?} dialled as {:?}", held, text);
            let one = std::slice::from_ref(&wanted);
            let expected = held.iter().any(|name| matches_as_go(one, &name.to_string()));
            prop_assert_eq!(index.is_matched_by(&wanted), expected, "{:?} for one of {:?}", wanted, held);
        }
    }
}
