//! The run: load, judge, check, level.

use std::path::PathBuf;

use serde::Serialize;

use super::expectation::Expectation;
use super::finding::{Finding, Findings, Severity};
use super::input::{LoadOptions, Unit, load};
use super::judge::{Refused, judge};
use super::levels::Levels;
use super::registry::RULES;
use super::rule::Context;
use super::subject::{Subject, SubjectKind};
use super::verdict::Verdicts;
use crate::Timestamp;
use crate::fsx::Disk;
use crate::msp::ChannelRules;
use crate::x509::NodeOu;

/// What an audit goes by.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The time of judgement.
    pub now: Timestamp,
    /// The channel rules for the verdicts `channel` and `member`.
    pub channel_rules: ChannelRules,
    /// What every subject ought to hold.
    pub expectation: Expectation,
    /// Levels of rules.
    pub levels: Levels,
    /// How to load.
    pub load: LoadOptions,
}

/// A subject as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectReport {
    /// File, folder or endpoint.
    pub path: PathBuf,
    /// What it is.
    pub kind: SubjectKind,
    /// The role that its certificate bears.
    pub role: Option<&'static str>,
    /// What Fabric would do with it.
    pub verdicts: Verdicts,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// The result of an audit.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// Counts.
    pub summary: Summary,
    /// What was found, in the order of the subjects.
    pub findings: Vec<Finding>,
    /// What was audited.
    pub subjects: Vec<SubjectReport>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self { schema_version: 1, ..Self::default() }
    }

    /// Adds a subject with its findings.
    pub fn add(&mut self, subject: &Subject, findings: Vec<Finding>) {
        self.summary.certificates += subject.certificates.len();
        if !subject.certificates.is_empty()
            || !subject.csrs.is_empty()
            || !subject.crls.is_empty()
            || subject.msp.is_some()
        {
            self.summary.subjects += 1;
            self.subjects.push(SubjectReport {
                path: subject.path.clone(),
                kind: subject.kind,
                role: subject.role.map(NodeOu::as_str),
                verdicts: subject.verdicts.clone(),
            });
        }
        for finding in findings {
            match finding.severity {
                Severity::Error => self.summary.errors += 1,
                Severity::Warning => self.summary.warnings += 1,
                Severity::Note => self.summary.notes += 1,
            }
            self.findings.push(finding);
        }
    }

    /// The worst severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}

impl Audit {
    /// Audits one unit: subject and findings, `None` when there is nothing of ours in it.
    pub fn unit(&self, disk: &Disk, unit: &Unit) -> Option<(Subject, Vec<Finding>)> {
        let mut subject = load(disk, unit, &self.load)?;
        let refused = judge(disk, unit, &mut subject, &self.expectation, self.channel_rules, self.now);
        let findings = self.check(&subject, &refused);
        Some((subject, findings))
    }

    /// Runs the rules over a subject that was judged.
    fn check(&self, subject: &Subject, refused: &[Refused]) -> Vec<Finding> {
        let context = Context { now: self.now, expectation: &self.expectation, channel_rules: self.channel_rules };
        let mut findings = Findings::new();
        for rule in RULES {
            if (rule.applies)(subject, &context) {
                (rule.check)(subject, &context, &mut findings);
            }
        }
        for refusal in refused {
            refusal.report(subject, &mut findings);
        }
        findings.into_vec().into_iter().filter_map(|f| self.levels.apply(f)).collect()
    }
}
