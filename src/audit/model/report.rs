//! The report of an audit.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::audited::Audited;
use super::finding::Finding;
use super::subject::SubjectKind;
use super::verdict::Verdicts;
use crate::audit::catalogue::Severity;
use crate::audit::ledger::{self, Ledger, Word};

/// A subject as it is reported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubjectReport {
    /// File, folder or endpoint.
    #[serde(with = "ledger::path")]
    pub path: PathBuf,
    /// What it is.
    pub kind: SubjectKind,
    /// The role that its certificate bears.
    #[serde(with = "ledger::maybe_word")]
    pub role: Option<Word>,
    /// What Fabric would do with it.
    pub verdicts: Verdicts,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Subjects.
    pub subjects: usize,
    /// Certificates in them.
    pub certificates: usize,
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
    /// Findings that a baseline or an ignore hides.
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
    /// Version of this form.
    pub schema_version: u32,
    /// Counts.
    pub summary: Summary,
    /// What was found, in the order of the subjects.
    pub findings: Ledger<Finding>,
    /// What was audited.
    pub subjects: Ledger<SubjectReport>,
    /// Gateways whose members were dialled.
    pub gateways: Vec<GatewayReport>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self { schema_version: 1, ..Self::default() }
    }

    /// Adds what was audited.
    pub fn add(&mut self, audited: Audited) {
        self.summary.certificates += audited.certificates;
        if let Some(subject) = audited.subject {
            self.summary.subjects += 1;
            self.subjects.push(&subject);
        }
        audited.earlier.into_iter().for_each(|finding| self.find(&finding));
        audited.findings.iter().for_each(|finding| self.find(finding));
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: &Finding) {
        *self.summary.count_of(finding.severity) += 1;
        self.findings.push(finding);
    }

    /// Takes all findings out.
    pub fn take_findings(&mut self) -> Ledger<Finding> {
        (self.summary.errors, self.summary.warnings, self.summary.notes) = (0, 0, 0);
        std::mem::take(&mut self.findings)
    }

    /// The worst severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        let of = |severity, count| (count > 0).then_some(severity);
        of(Severity::Error, self.summary.errors)
            .or_else(|| of(Severity::Warning, self.summary.warnings))
            .or_else(|| of(Severity::Note, self.summary.notes))
    }
}

/// A gateway whose members were dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GatewayReport {
    /// The name that clients dial.
    pub name: String,
    /// Members that are known.
    pub members: usize,
    /// Members that answer to the name.
    pub answering: usize,
    /// Members that serve a certificate with which a client that dials the name fails.
    pub lacking: Vec<String>,
    /// Members that could not be reached.
    pub unreachable: Vec<String>,
}

impl GatewayReport {
    /// In one line.
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
