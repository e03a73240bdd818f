//! Finds CAs that share a name and have different keys. They cross subjects, so they are collected during the run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::audit::catalogue::CA_SAME_SUBJECT;
use crate::audit::ledger::{self, Sorter};
use crate::audit::model::audited::CaUse;
use crate::audit::model::finding::{Digest, Findings};
use crate::audit::model::report::Report;
use crate::audit::model::subject::Location;
use crate::text::hex;

/// The most keys of one name that are compared with each other.
const KEYS: usize = 10;

/// The CAs of a run.
#[derive(Debug, Default)]
pub(crate) struct CaNames {
    noted: Sorter<Noted>,
}

/// A CA in a folder, ordered by name and folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Noted {
    tls: bool,
    subject: String,
    #[serde(with = "ledger::path")]
    folder: PathBuf,
    spki: Digest,
    certificate: Digest,
}

/// The CAs of one name and purpose.
#[derive(Default)]
struct Namesakes {
    /// The keys in the order of their folders, each with its first certificate.
    keys: Vec<(Digest, Digest)>,
    /// The number of CAs with other keys, which are not compared.
    others: usize,
    /// The first folder with each set of keys.
    folders: BTreeMap<Vec<usize>, PathBuf>,
    /// The last folder, and its keys so far.
    open: Option<(PathBuf, Vec<usize>)>,
}

impl CaNames {
    /// Records CAs.
    pub(crate) fn note(&mut self, uses: Vec<CaUse>) {
        for CaUse { tls, subject, folder, spki, certificate } in uses {
            self.noted.push(Noted { tls, subject, folder, spki, certificate });
        }
    }

    /// Reports each key of a name that a folder has without an earlier key of the name, if another folder has the earlier
    /// one without this.
    pub(crate) fn report(self, report: &mut Report) {
        let mut namesakes = Namesakes::default();
        let mut last: Option<(bool, String)> = None;
        for one in self.noted.sorted().iter() {
            if let Some((tls, subject)) = &last
                && (*tls, subject) != (one.tls, &one.subject)
            {
                std::mem::take(&mut namesakes).report(subject, report);
            }
            last = Some((one.tls, one.subject.clone()));
            namesakes.add(one);
        }
        if let Some((_, subject)) = last {
            namesakes.report(&subject, report);
        }
    }
}

impl Namesakes {
    fn add(&mut self, one: Noted) {
        let key = match self.keys.iter().position(|(spki, _)| *spki == one.spki) {
            Some(key) => key,
            None if self.keys.len() < KEYS => {
                self.keys.push((one.spki, one.certificate));
                self.keys.len() - 1
            }
            None => return self.others += 1,
        };
        match &mut self.open {
            Some((folder, keys)) if *folder == one.folder => keys.push(key),
            _ => {
                self.close();
                self.open = Some((one.folder, vec![key]));
            }
        }
    }

    fn close(&mut self) {
        if let Some((folder, mut keys)) = self.open.take() {
            keys.sort_unstable();
            keys.dedup();
            self.folders.entry(keys).or_insert(folder);
        }
    }

    fn report(mut self, subject: &str, report: &mut Report) {
        self.close();
        // A folder with both keys trusts both: the CA is being replaced.
        let has_only = |key: usize, other: usize| {
            let of = self.folders.iter().filter(|(keys, _)| keys.contains(&key) && !keys.contains(&other));
            of.map(|(_, folder)| folder).min()
        };
        let mut found = Findings::new();
        for (second, (_, newer)) in self.keys.iter().enumerate() {
            // One finding for each further key: those of one folder and one name would have one fingerprint.
            let both = |first: usize| Some((first, has_only(first, second)?, has_only(second, first)?));
            if let Some((first, one, other)) = (0..second).find_map(both) {
                let more = match self.others {
                    0 => String::new(),
                    n => format!("; {n} more CAs of this name were not compared"),
                };
                let message = format!(
                    "the CA \"{subject}\" in {} has another key than the one in {}: certificates {} and {} (SHA-256){more}",
                    other.display(),
                    one.display(),
                    hex(newer),
                    hex(&self.keys[first].1),
                );
                found.report(&CA_SAME_SUBJECT, &Location::whole(other.as_path()), message).subject(subject).add();
            }
        }
        found.into_vec().iter().for_each(|finding| report.find(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ca(name: &str, key: u8, folder: &str) -> CaUse {
        let (spki, certificate) = ([key; 32], [key + 100; 32]);
        CaUse { tls: false, subject: name.into(), folder: folder.into(), spki, certificate }
    }

    fn reported(list: Vec<CaUse>) -> Vec<String> {
        let (mut names, mut report) = (CaNames::default(), Report::new());
        names.note(list);
        names.report(&mut report);
        report.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn copies_other_names_and_other_purposes_are_not_reported() {
        assert!(reported(vec![ca("CN=a", 1, "p/msp"), ca("CN=a", 1, "q/msp"), ca("CN=b", 2, "p/msp")]).is_empty());
        let tls = CaUse { tls: true, ..ca("CN=a", 2, "p/tls") };
        assert!(reported(vec![ca("CN=a", 1, "p/msp"), tls]).is_empty(), "a TLS CA is another CA");
    }

    #[test]
    fn folders_that_trust_both_keys_are_not_reported() {
        let both = [ca("CN=a", 1, "p/msp"), ca("CN=a", 2, "p/msp")];
        assert!(reported(both.to_vec()).is_empty());
        let with_old = [&both[..], &[ca("CN=a", 1, "q/msp")]].concat();
        assert!(reported(with_old.clone()).is_empty(), "everybody accepts the old one");
        assert_eq!(reported([with_old, vec![ca("CN=a", 2, "r/msp")]].concat()).len(), 1);
    }

    #[test]
    fn each_further_key_is_reported_once() {
        let found = reported(vec![
            ca("CN=a", 1, "p/msp"),
            ca("CN=a", 2, "q/msp"),
            ca("CN=a", 1, "r/msp"),
            ca("CN=a", 2, "s/msp"),
        ]);
        let (older, newer) = (hex(&[101; 32]), hex(&[102; 32]));
        assert_eq!(
            found,
            [format!(
                "the CA \"CN=a\" in q/msp has another key than the one in p/msp: certificates {newer} and {older} (SHA-256)"
            )]
        );
        let many = reported((0..100).map(|n| ca("CN=a", n, &format!("{n:03}/msp"))).collect());
        assert_eq!(many.len(), KEYS - 1);
        assert!(many[0].ends_with("; 90 more CAs of this name were not compared"), "{}", many[0]);
    }
}
