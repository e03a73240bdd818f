//! A baseline: the findings that existed when the audit was introduced. They are hidden; new ones are not.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::audit::catalogue::{BASELINE_STALE, IGNORE_EXPIRED, IGNORE_STALE, Rule};
use crate::audit::ledger::{self, Ledger, Sorted, Sorter};
use crate::audit::model::finding::{Digest, Finding};
use crate::text::hex;
use crate::{Error, ErrorKind};

/// The rules about baselines and ignores themselves.
const OWN: [&Rule; 3] = [&BASELINE_STALE, &IGNORE_EXPIRED, &IGNORE_STALE];

/// A baseline file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    path: PathBuf,
    known: Ledger<Known>,
    /// The digests of the known findings, sorted.
    digests: Vec<Digest>,
}

/// A known finding. Only the fingerprint is compared; the other fields are for readers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    fingerprint: Digest,
    rule: String,
    path: PathBuf,
    subject: Option<String>,
    names: Vec<String>,
}

/// The form in the file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Known")]
struct Entry {
    #[serde(serialize_with = "written", deserialize_with = "read")]
    fingerprint: Digest,
    rule: String,
    #[serde(with = "ledger::path")]
    path: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

/// The form in the ledger.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Known")]
struct Compact {
    fingerprint: Digest,
    rule: String,
    #[serde(with = "ledger::path")]
    path: PathBuf,
    subject: Option<String>,
    names: Vec<String>,
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Entry::serialize(self, serializer)
        } else {
            Compact::serialize(self, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Entry::deserialize(deserializer)
        } else {
            Compact::deserialize(deserializer)
        }
    }
}

/// A baseline applied to the findings of a run.
#[derive(Debug)]
pub(crate) struct Applied<'a> {
    baseline: &'a Baseline,
    /// Whether each digest matched a finding.
    used: Vec<bool>,
}

impl Baseline {
    /// Writes a baseline of these findings, after levels and ignores. Findings about the baseline and the ignores
    /// themselves are left out, since a baseline cannot hide them.
    ///
    /// # Errors
    /// If writing to `out` fails.
    pub(crate) fn write(findings: &Ledger<Finding>, out: &mut dyn Write) -> io::Result<()> {
        let known = |finding: Finding| Known {
            fingerprint: finding.digest(),
            rule: finding.rule.to_owned(),
            path: finding.path,
            subject: finding.subject,
            names: finding.names,
        };
        let of_subjects = findings.iter().filter(|finding| !OWN.iter().any(|rule| finding.is_of(rule)));
        let findings = Each(of_subjects.map(known).collect::<Sorter<_>>().sorted());
        serde_json::to_writer_pretty(&mut *out, &File { schema_version: 1, findings })?;
        out.write_all(b"\n")
    }

    /// Reads a baseline file; `path` appears in errors and findings.
    ///
    /// # Errors
    /// If the file is not a baseline of fabcert.
    pub(crate) fn parse(text: impl Read, path: &Path) -> Result<Self, Error> {
        let refuse = |why: String| {
            Error::new(ErrorKind::Input, format!("{} is not a baseline: {why}", path.display()))
                .with_help("write one with fabcert audit --write-baseline FILE")
        };
        let file: File<Self> = serde_json::from_reader(text).map_err(|e| refuse(e.to_string()))?;
        if file.schema_version != 1 {
            return Err(refuse(format!("unsupported schema_version {}; expected 1", file.schema_version)));
        }
        let mut baseline = Self { path: path.to_owned(), ..file.findings };
        baseline.digests.sort_unstable();
        baseline.digests.dedup();
        Ok(baseline)
    }

    /// Sets the path of the file, as reported.
    #[must_use]
    pub(crate) fn at(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts to apply the baseline to a run.
    pub(crate) fn apply(&self) -> Applied<'_> {
        Applied { baseline: self, used: vec![false; self.digests.len()] }
    }
}

impl Applied<'_> {
    /// Whether the baseline knows a finding.
    pub(crate) fn hides(&mut self, finding: &Finding) -> bool {
        let known = self.baseline.digests.binary_search(&finding.digest());
        known.inspect(|at| self.used[*at] = true).is_ok()
    }

    /// The entries that hid nothing, each once: the finding was fixed or moved.
    pub(crate) fn stale(&self) -> impl Iterator<Item = String> + use<'_> {
        let mut reported = HashSet::new();
        let unused =
            |known: &Known| self.baseline.digests.binary_search(&known.fingerprint).is_ok_and(|at| !self.used[at]);
        let words = |known: Known| format!("{} at {}", known.rule, known.path.display());
        self.baseline.known.iter().filter(unused).map(words).filter(move |words| reported.insert(words.clone()))
    }
}

#[derive(Serialize, Deserialize)]
struct File<T> {
    schema_version: u32,
    findings: T,
}

/// Findings as their fingerprints, each once.
struct Each(Sorted<Known>);

impl Serialize for Each {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut last = None;
        let new = |known: &Known| {
            let is_new = last != Some(known.fingerprint);
            last = Some(known.fingerprint);
            is_new
        };
        serializer.collect_seq(self.0.iter().filter(new))
    }
}

impl<'de> Deserialize<'de> for Baseline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Baseline;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of findings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Baseline, A::Error> {
                let mut baseline = Baseline::default();
                while let Some(known) = list.next_element::<Known>()? {
                    baseline.digests.push(known.fingerprint);
                    baseline.known.push(&known);
                }
                Ok(baseline)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn written<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(digest))
}

/// An invalid fingerprint matches no finding.
fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    }
    Ok(if hex(&digest) == text { digest } else { Digest::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::model::finding::Findings;
    use crate::audit::model::subject::Location;
    use crate::audit::rule_by_id;

    fn finding(path: &str) -> Finding {
        let mut findings = Findings::new();
        let rule = rule_by_id("expired").expect("a rule");
        findings.report(rule, &Location::whole(path), "x").add();
        findings.into_vec().remove(0)
    }

    #[test]
    fn only_known_findings_are_hidden() {
        let mut text = Vec::new();
        Baseline::write(&[finding("a"), finding("b"), finding("a")].into_iter().collect(), &mut text).unwrap();
        let baseline = Baseline::parse(text.as_slice(), Path::new("b.json")).unwrap();
        assert_eq!(baseline.known.len(), 2);
        let mut applied = baseline.apply();
        assert_eq!(["a", "c", "a"].map(|path| applied.hides(&finding(path))), [true, false, true]);
        assert_eq!(applied.stale().collect::<Vec<_>>(), ["expired at b"]);
    }

    #[test]
    fn invalid_fingerprint_hides_nothing() {
        let text = "{\"schema_version\":1,\"findings\":[{\"fingerprint\":\"x\",\"rule\":\"expired\",\"path\":\"a\"}]}";
        let baseline = Baseline::parse(text.as_bytes(), Path::new("b.json")).unwrap();
        let mut applied = baseline.apply();
        assert!(!applied.hides(&finding("a")));
        assert_eq!(applied.stale().collect::<Vec<_>>(), ["expired at a"]);
    }

    #[test]
    fn invalid_baseline_is_refused() {
        for text in ["", "{}", "{\"schema_version\":2,\"findings\":[]}"] {
            assert_eq!(Baseline::parse(text.as_bytes(), Path::new("b.json")).unwrap_err().exit_code(), 4, "{text}");
        }
    }
}
