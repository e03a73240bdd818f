//! A finding of a rule about a subject.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::subject::Location;
use crate::audit::catalogue::{Rule, Severity};
use crate::audit::ledger::{self, Word, word};
use crate::text::hex;

/// A SHA-256.
pub type Digest = [u8; 32];

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The severity, after the levels of policy and command line.
    pub severity: Severity,
    /// The problem, with the subject and the reason.
    pub message: String,
    /// The remedy, as a command line if there is one.
    pub remedy: Cow<'static, str>,
    /// The file, relative to the policy file's folder or the working directory.
    pub path: PathBuf,
    /// The number of the PEM block in the file, from 1.
    pub block: Option<usize>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The certificate's subject (RFC 4514), if the finding is about a certificate.
    pub subject: Option<String>,
    /// The names that the finding is about; may be empty.
    pub names: Vec<String>,
}

/// A collection of findings, filled by rules.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    /// The fingerprint, block and line of each finding, if there are more than a few: the number of certificates in a
    /// bundle is not limited.
    known: HashSet<Twin>,
}

/// Below this number, findings are compared one by one.
const FEW: usize = 16;

type Twin = (Digest, Option<usize>, Option<usize>);

/// A finding under construction.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    findings: &'a mut Findings,
    finding: Finding,
}

impl Findings {
    /// An empty collection.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Begins a finding of `rule` at a location, with the rule's severity and remedy. [`Draft::add`] adds it.
    pub(crate) fn report(&mut self, rule: &Rule, at: &Location, message: impl Into<String>) -> Draft<'_> {
        Draft {
            finding: Finding {
                rule: rule.id,
                severity: rule.severity,
                message: message.into(),
                remedy: Cow::Borrowed(rule.remedy),
                path: at.path.clone(),
                block: at.block,
                line: at.line,
                subject: None,
                names: Vec::new(),
            },
            findings: self,
        }
    }

    /// Removes the findings of `rule` in the file at `path`.
    pub(crate) fn remove(&mut self, rule: &Rule, path: &Path) {
        self.found.retain(|f| !f.is_of(rule) || f.path != path);
        self.known.clear();
    }

    /// Appends a consequence to the finding of `rule` in the file at `path`, if any, and raises its severity to at
    /// least `severity`.
    pub(crate) fn add_consequence(&mut self, rule: &Rule, path: &Path, what: &str, severity: Severity) -> bool {
        let Some(known) = self.found.iter_mut().find(|f| f.is_of(rule) && f.path == path) else { return false };
        known.message = format!("{}: {what}", known.message);
        known.severity = known.severity.max(severity);
        true
    }

    /// Converts into the findings. A finding that was reported twice occurs once.
    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}

impl Draft<'_> {
    /// Sets the certificate's subject.
    #[must_use]
    pub(crate) fn subject(mut self, subject: &str) -> Self {
        self.finding.subject = Some(subject.to_owned());
        self
    }

    /// Sets the names.
    #[must_use]
    pub(crate) fn names(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.finding.names = names.into_iter().collect();
        self
    }

    /// Replaces the rule's remedy, for example with one that holds this subject's file and names.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.finding.remedy = Cow::Owned(remedy.into());
        self
    }

    /// Replaces the rule's severity.
    #[must_use]
    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.finding.severity = severity;
        self
    }

    /// Adds the finding, unless an identical one exists.
    pub(crate) fn add(self) {
        let Findings { found, known } = self.findings;
        let is_new = if found.len() < FEW {
            !found.iter().any(|other| other.is_twin(&self.finding))
        } else {
            if known.is_empty() {
                known.extend(found.iter().map(Finding::twin));
            }
            known.insert(self.finding.twin())
        };
        if is_new {
            found.push(self.finding);
        }
    }
}

impl Finding {
    /// Whether it is a finding of `rule`.
    pub fn is_of(&self, rule: &Rule) -> bool {
        self.rule == rule.id
    }

    /// SHA-256 of rule, path, subject and names: unchanged by a renewal. It is not stored, since most runs do not need
    /// it and it does not compress.
    pub fn digest(&self) -> Digest {
        digest(self.rule, &self.path, self.subject.as_deref(), &self.names)
    }

    /// [`Self::digest`] in hex.
    pub fn fingerprint(&self) -> String {
        hex(&self.digest())
    }

    /// Whether both have the same [`Self::twin`].
    fn is_twin(&self, other: &Self) -> bool {
        let names = |finding: &Self| {
            let mut names: Vec<String> = finding.names.clone();
            names.sort_unstable();
            names
        };
        (self.rule, self.block, self.line) == (other.rule, other.block, other.line)
            && self.path == other.path
            && self.subject == other.subject
            && names(self) == names(other)
    }

    /// The properties that identify a finding within a subject.
    fn twin(&self) -> Twin {
        (self.digest(), self.block, self.line)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return Compact::serialize(self, serializer);
        }
        let mut fields = serializer.serialize_struct("Finding", 10)?;
        fields.serialize_field("rule", self.rule)?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("remedy", &self.remedy)?;
        fields.serialize_field("path", &self.path.to_string_lossy())?;
        fields.serialize_field("block", &self.block)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("subject", &self.subject)?;
        fields.serialize_field("names", &self.names)?;
        fields.serialize_field("fingerprint", &self.fingerprint())?;
        fields.end()
    }
}

/// The ledger form of a finding, without derived fields.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Finding")]
struct Compact {
    #[serde(with = "word")]
    rule: Word,
    severity: Severity,
    message: String,
    remedy: Cow<'static, str>,
    #[serde(with = "ledger::path")]
    path: PathBuf,
    block: Option<usize>,
    line: Option<usize>,
    subject: Option<String>,
    names: Vec<String>,
}

impl<'de> Deserialize<'de> for Finding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Compact::deserialize(deserializer)
    }
}

/// SHA-256 over rule, path, subject and sorted names, each preceded by its length.
fn digest(rule: &str, path: &Path, subject: Option<&str>, names: &[String]) -> Digest {
    let mut digest = Context::new(&SHA256);
    let mut part = |text: &str| {
        digest.update(&(text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    part(rule);
    part(&path.to_string_lossy());
    part(subject.unwrap_or_default());
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    for name in sorted {
        part(name);
    }
    let mut out = Digest::default();
    out.copy_from_slice(digest.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(n: usize) -> Finding {
        let names = vec![format!("peer{n}"), "localhost".to_owned()];
        Finding {
            rule: "san-missing",
            severity: Severity::Warning,
            message: format!("it lacks peer{n}"),
            remedy: if n.is_multiple_of(2) { Cow::Borrowed("enrol again") } else { Cow::Owned(format!("add peer{n}")) },
            path: PathBuf::from(format!("tls/{n}.pem")),
            block: (!n.is_multiple_of(3)).then_some(n),
            line: (!n.is_multiple_of(5)).then_some(7 * n),
            subject: (!n.is_multiple_of(7)).then(|| format!("CN=peer{n}")),
            names: if n.is_multiple_of(4) { Vec::new() } else { names },
        }
    }

    #[test]
    fn findings_round_trip_through_a_ledger() {
        let all: Vec<Finding> = (0..500).map(finding).collect();
        let ledger: ledger::Ledger<Finding> = all.iter().cloned().collect();
        assert!(ledger.into_iter().eq(all));
    }

    #[test]
    fn repeated_finding_counts_once() {
        let mut findings = Findings::new();
        for n in (0..3 * FEW).chain(0..3 * FEW) {
            let mut finding = finding(n);
            if findings.found.len() > n {
                finding.names.reverse();
                finding.message.clear();
            }
            Draft { findings: &mut findings, finding }.add();
        }
        assert_eq!(findings.into_vec(), (0..3 * FEW).map(finding).collect::<Vec<_>>());
    }

    #[test]
    fn fingerprint_ignores_only_the_order_of_names() {
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let one = digest("san-missing", Path::new("a/b.pem"), Some("CN=x"), &names(&["p", "q"]));
        assert_eq!(one, digest("san-missing", Path::new("a/b.pem"), Some("CN=x"), &names(&["q", "p"])));
        assert_ne!(one, digest("san-missing", Path::new("a/b.pem"), Some("CN=x"), &names(&["pq"])));
        assert_ne!(one, digest("san-missing", Path::new("a/c.pem"), Some("CN=x"), &names(&["p", "q"])));
    }
}
