//! Finds keys with two roles. Sharing crosses subjects, so the uses are collected during the run.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::audit::catalogue::SAME_KEY_TWO_ROLES;
use crate::audit::ledger::{self, Sorter};
use crate::audit::model::audited::KeyUse;
use crate::audit::model::finding::{Digest, Findings};
use crate::audit::model::report::Report;
use crate::audit::model::subject::Location;

/// Further users of one key add no information.
const NAMED: usize = 50;

/// The uses of every key.
#[derive(Debug, Default)]
pub(crate) struct KeySharing {
    uses: Sorter<Noted>,
    noted: u64,
}

/// A use, ordered by its key and then by its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Noted {
    spki: Digest,
    number: u64,
    tls: bool,
    #[serde(with = "ledger::path")]
    path: PathBuf,
    common_name: String,
}

/// A shared key, ordered by the path of its first user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Shared {
    #[serde(with = "ledger::path")]
    path: PathBuf,
    message: String,
}

/// The users of one key.
#[derive(Default)]
struct Users {
    /// The first users.
    first: Vec<Noted>,
    seen: HashSet<(bool, String)>,
}

impl KeySharing {
    /// Records uses of keys.
    pub(crate) fn note(&mut self, uses: Vec<KeyUse>) {
        for KeyUse { spki, tls, path, common_name } in uses {
            self.uses.push(Noted { spki, number: self.noted, tls, path, common_name });
            self.noted += 1;
        }
    }

    /// Reports each key that a TLS server and an identity use, or two identities.
    pub(crate) fn report(self, report: &mut Report) {
        let mut shared = Sorter::default();
        let mut users = Users::default();
        for one in self.uses.sorted().iter() {
            if users.first.first().is_some_and(|user| user.spki != one.spki) {
                std::mem::take(&mut users).tell(&mut shared);
            }
            users.add(one);
        }
        users.tell(&mut shared);
        let mut last = None;
        for Shared { path, message } in shared.sorted().iter() {
            let mut found = Findings::new();
            found.report(&SAME_KEY_TWO_ROLES, &Location::whole(path.as_path()), message).add();
            // If two keys have the same first path, one is reported.
            if last.as_ref() != Some(&path) {
                found.into_vec().iter().for_each(|finding| report.find(finding));
            }
            last = Some(path);
        }
    }
}

impl Users {
    fn add(&mut self, one: Noted) {
        // The same identity in two folders is a copy, not a second role.
        if self.seen.insert((one.tls, one.common_name.clone())) && self.first.len() <= NAMED {
            self.first.push(one);
        }
    }

    fn tell(self, shared: &mut Sorter<Shared>) {
        let words = |u: &Noted| {
            let used_by = if u.tls { "TLS server" } else { "identity" };
            format!("{} ({used_by} {})", u.path.display(), u.common_name)
        };
        let Some((first, others)) = self.first.split_first().filter(|(_, others)| !others.is_empty()) else { return };
        let mut reported: Vec<String> = others.iter().map(words).collect();
        let more = self.seen.len() - self.first.len();
        if more > 0 {
            reported.push(format!("and {more} more"));
        }
        let message = format!("the key of {} is also that of {}", words(first), reported.join(", "));
        shared.push(Shared { path: first.path.clone(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hash: u8, tls: bool, path: &str, cn: &str) -> KeyUse {
        KeyUse { spki: [hash; 32], tls, path: path.into(), common_name: cn.into() }
    }

    fn reported(sharing: KeySharing) -> Vec<String> {
        let mut report = Report::new();
        sharing.report(&mut report);
        report.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_copy_is_not_a_second_role() {
        let mut sharing = KeySharing::default();
        sharing.note(vec![key(1, false, "a/msp", "peer1"), key(1, false, "b/msp", "peer1")]);
        sharing.note(vec![key(2, true, "a/tls", "peer1"), key(3, false, "c/msp", "peer2")]);
        assert!(reported(sharing).is_empty());
    }

    #[test]
    fn tls_with_identity_and_two_identities_are_reported() {
        let mut sharing = KeySharing::default();
        sharing.note(vec![key(2, false, "b/msp", "peer2"), key(2, false, "c/msp", "peer3")]);
        sharing.note(vec![key(1, false, "a/msp", "peer1"), key(1, true, "a/tls", "peer1")]);
        assert_eq!(
            reported(sharing),
            [
                "the key of a/msp (identity peer1) is also that of a/tls (TLS server peer1)",
                "the key of b/msp (identity peer2) is also that of c/msp (identity peer3)",
            ]
        );
    }

    #[test]
    fn key_with_many_users_is_reported_once_and_briefly() {
        let mut sharing = KeySharing::default();
        sharing.note((0..20_000).map(|n| key(1, false, &format!("{n}/msp"), &format!("peer{n}"))).collect());
        let reported = reported(sharing);
        assert_eq!(reported.len(), 1);
        assert!(reported[0].ends_with("50/msp (identity peer50), and 19949 more"), "{}", reported[0]);
    }
}
