//! One key in two roles: this crosses subjects, so the uses are collected while they pass.

use std::collections::BTreeMap;

use super::finding::Findings;
use super::registry::rule_by_id;
use super::run::KeyUse;
use super::subject::Location;

/// The uses of every key.
#[derive(Debug, Default)]
pub struct KeySharing(BTreeMap<String, Vec<KeyUse>>);

impl KeySharing {
    /// Takes note of uses.
    pub fn note(&mut self, uses: Vec<KeyUse>) {
        for one in uses {
            let known = self.0.entry(one.spki_hash.clone()).or_default();
            // The same identity in two folders is a copy and no second role.
            if !known.iter().any(|k| k.tls == one.tls && k.common_name == one.common_name) {
                known.push(one);
            }
        }
    }

    /// Reports each key that a TLS server and an identity, or two identities, use.
    pub fn report(self, findings: &mut Findings) {
        let Some(rule) = rule_by_id("same-key-two-roles") else { return };
        let mut shared: Vec<Vec<KeyUse>> = self.0.into_values().filter(|uses| uses.len() > 1).collect();
        shared.sort_by(|a, b| a[0].path.cmp(&b[0].path));
        for uses in shared {
            let words = |u: &KeyUse| {
                let used_by = if u.tls { "TLS server" } else { "identity" };
                format!("{} ({used_by} {})", u.path.display(), u.common_name)
            };
            let others: Vec<String> = uses[1..].iter().map(words).collect();
            let message = format!("the key of {} is also that of {}", words(&uses[0]), others.join(", "));
            findings.report(rule, &Location::whole(uses[0].path.as_path()), message).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hash: &str, tls: bool, path: &str, cn: &str) -> KeyUse {
        KeyUse { spki_hash: hash.into(), tls, path: path.into(), common_name: cn.into() }
    }

    #[test]
    fn a_copy_is_no_second_role() {
        let mut sharing = KeySharing::default();
        sharing.note(vec![key("k", false, "a/msp", "peer1"), key("k", false, "b/msp", "peer1")]);
        sharing.note(vec![key("l", true, "a/tls", "peer1"), key("m", false, "c/msp", "peer2")]);
        let mut findings = Findings::new();
        sharing.report(&mut findings);
        assert!(findings.is_empty());
    }

    #[test]
    fn tls_and_identity_and_two_identities_are_found() {
        let mut sharing = KeySharing::default();
        sharing.note(vec![key("k", false, "a/msp", "peer1"), key("k", true, "a/tls", "peer1")]);
        sharing.note(vec![key("l", false, "b/msp", "peer2"), key("l", false, "c/msp", "peer3")]);
        let mut findings = Findings::new();
        sharing.report(&mut findings);
        assert_eq!(findings.len(), 2);
    }
}
