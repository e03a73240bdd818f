//! The report of an audit.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::audited::Audited;
use super::finding::Finding;
use super::subject::SubjectKind;
use super::verdict::Verdicts;
use crate::audit::catalogue::Severity;
use crate::audit::ledger::{self, Ledger, Word};

/// A subject, as reported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubjectReport {
    /// The file, folder or endpoint.
    #[serde(with = "ledger::path")]
    pub path: PathBuf,
    /// Its kind.
    pub kind: SubjectKind,
    /// The role in its certificate.
    #[serde(with = "ledger::maybe_word")]
    pub role: Option<Word>,
    /// Fabric's verdicts.
    pub verdicts: Verdicts,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The number of subjects.
    pub subjects: usize,
    /// The number of certificates in them.
    pub certificates: usize,
    /// The number of errors.
    pub errors: usize,
    /// The number of warnings.
    pub warnings: usize,
    /// The number of notes.
    pub notes: usize,
    /// The number of findings hidden by a baseline or an ignore.
    pub suppressed: usize,
}

impl Summary {
    const fn count_of(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        }
    }
}

/// The result of an audit.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this format.
    pub schema_version: u32,
    /// Counts.
    pub summary: Summary,
    /// The findings, in the order of the subjects.
    pub(crate) findings: Ledger<Finding>,
    /// The subjects.
    pub(crate) subjects: Ledger<SubjectReport>,
    /// The gateways with dialled members.
    pub gateways: Vec<GatewayReport>,
}

impl Report {
    /// The findings, in the order of the subjects; those of a large audit are decompressed one chunk at a time.
    pub fn findings(&self) -> impl Iterator<Item = Finding> + use<'_> {
        self.findings.iter()
    }

    /// The subjects, in the order in which they were found, whatever the number of threads.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectReport> + use<'_> {
        self.subjects.iter()
    }

    /// An empty report.
    pub(crate) fn new() -> Self {
        Self { schema_version: 1, ..Self::default() }
    }

    /// Adds the result of one subject.
    pub(crate) fn add(&mut self, audited: Audited) {
        self.summary.certificates += audited.certificates;
        if let Some(subject) = audited.subject {
            self.summary.subjects += 1;
            self.subjects.push(&subject);
        }
        audited.earlier.into_iter().for_each(|finding| self.find(&finding));
        audited.findings.iter().for_each(|finding| self.find(finding));
    }

    /// Adds a finding.
    pub(crate) fn find(&mut self, finding: &Finding) {
        *self.summary.count_of(finding.severity) += 1;
        self.findings.push(finding);
    }

    /// Takes all findings out of the report.
    pub(crate) fn take_findings(&mut self) -> Ledger<Finding> {
        (self.summary.errors, self.summary.warnings, self.summary.notes) = (0, 0, 0);
        std::mem::take(&mut self.findings)
    }

    /// The highest severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        let of = |severity, count| (count > 0).then_some(severity);
        of(Severity::Error, self.summary.errors)
            .or_else(|| of(Severity::Warning, self.summary.warnings))
            .or_else(|| of(Severity::Note, self.summary.notes))
    }
}

/// A gateway with dialled members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GatewayReport {
    /// The name that clients dial.
    pub name: String,
    /// The number of known members.
    pub members: usize,
    /// The number of members that answer to the name.
    pub answering: usize,
    /// Members whose certificate a client that dials the name refuses.
    pub lacking: Vec<String>,
    /// Members that could not be reached.
    pub unreachable: Vec<String>,
}

impl GatewayReport {
    /// A summary in one line.
    pub fn words(&self) -> String {
        let Self { name, members, answering, lacking, unreachable } = self;
        let mut out = format!("gateway {name}: {answering} of {members} members answer to this name");
        for (what, list) in [("lacking", lacking), ("unreachable", unreachable)] {
            if !list.is_empty() {
                out += "; ";
                out += what;
                out += ": ";
                out += &list.join(", ");
            }
        }
        out
    }
}
