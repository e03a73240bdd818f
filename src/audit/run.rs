//! The run: load, judge, check, level.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use serde::Serialize;

use super::expectation::{Expectation, ExpectedName, NameSource};
use super::finding::{Finding, Findings, Severity};
use super::input::{LoadOptions, ServedUnit, Unit, load};
use super::judge::{Refused, judge};
use super::policy::{Policy, PolicyError};
use super::registry::{RULES, rule_by_id};
use super::rule::Context;
use super::subject::{HeldCert, Place, Subject, SubjectKind, spki_hash};
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
    /// The policy.
    pub policy: Policy,
    /// How to load.
    pub load: LoadOptions,
}

/// A subject as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectReport {
    /// File, folder or endpoint.
    #[serde(serialize_with = "super::finding::lossy")]
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

/// What remains of a subject once it was audited.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// How it is reported; `None` when only findings are.
    pub subject: Option<SubjectReport>,
    /// Certificates in it.
    pub certificates: usize,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The keys it uses, and for what.
    pub keys: Vec<KeyUse>,
    /// The names of its TLS certificate, for a first policy.
    pub names: Vec<String>,
    /// SHA-256 of the certificate that a TLS server serves, hex, and whether it was served or stands on disk.
    pub server: Option<(String, bool)>,
}

/// A key that a certificate uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// SHA-256 of its `SubjectPublicKeyInfo`, hex.
    pub spki_hash: String,
    /// Whether a TLS server uses it; otherwise an identity of an MSP.
    pub tls: bool,
    /// The subject's path.
    pub path: PathBuf,
    /// The CN of the certificate.
    pub common_name: String,
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
            self.subjects.push(subject);
        }
        self.findings.extend(audited.findings);
    }

    /// Counts the findings by severity, once they are all there.
    pub fn count(&mut self) {
        let of = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        (self.summary.errors, self.summary.warnings, self.summary.notes) =
            (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
    }

    /// The worst severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}

impl Audit {
    /// Audits one unit; `None` when there is nothing of ours in it.
    ///
    /// # Errors
    /// When the policy asks for a name that is none.
    pub fn unit(&self, disk: &Disk, unit: &Unit) -> Result<Option<Audited>, PolicyError> {
        let Some(mut subject) = load(disk, unit, &self.load) else { return Ok(None) };
        let mut expectation = self.policy.expectation(&self.expectation, &subject.path)?;
        if let Unit::Served(ServedUnit { dialled: Some(name), .. }) = unit {
            let source = NameSource::Dialled;
            expectation.names.push(ExpectedName { name: name.clone(), source, advised: false });
        }
        let refused = judge(disk, unit, &mut subject, &expectation, self.channel_rules, self.now);
        let looked = catch_unwind(AssertUnwindSafe(|| self.check(&subject, &expectation, &refused)));
        let findings = looked.unwrap_or_else(|_| crashed(&subject));
        Ok(Some(audited(&subject, findings)))
    }

    /// Runs the rules over a subject that was judged.
    fn check(&self, subject: &Subject, expectation: &Expectation, refused: &[Refused]) -> Vec<Finding> {
        let context = Context { now: self.now, expectation, channel_rules: self.channel_rules };
        let mut findings = Findings::new();
        for rule in RULES {
            if (rule.applies)(subject, &context) {
                (rule.check)(subject, &context, &mut findings);
            }
        }
        for refusal in refused {
            refusal.report(subject, &mut findings);
        }
        findings.into_vec()
    }
}

/// A rule that panics must not end the audit of everything else.
fn crashed(subject: &Subject) -> Vec<Finding> {
    let mut findings = Findings::new();
    if let Some(rule) = rule_by_id("rule-crashed") {
        findings.report(rule, &subject.location(), "a rule of fabcert failed here; its other findings are lost").add();
    }
    findings.into_vec()
}

fn audited(subject: &Subject, findings: Vec<Finding>) -> Audited {
    let is_subject = !subject.certificates.is_empty()
        || !subject.csrs.is_empty()
        || !subject.crls.is_empty()
        || matches!(subject.kind, SubjectKind::Msp | SubjectKind::Tls);
    let leaf = subject.leaf();
    let uses = |held: &HeldCert| match held.place {
        Place::Server | Place::Served => Some(true),
        Place::SignCert => Some(false),
        _ => None,
    };
    Audited {
        subject: is_subject.then(|| SubjectReport {
            path: subject.path.clone(),
            kind: subject.kind,
            role: subject.role.map(NodeOu::as_str),
            verdicts: subject.verdicts.clone(),
        }),
        certificates: subject.certificates.len(),
        findings,
        keys: leaf
            .and_then(|held| {
                Some(KeyUse {
                    spki_hash: spki_hash(held.cert.spki_der()),
                    tls: uses(held)?,
                    path: subject.path.clone(),
                    common_name: held.cert.common_name().unwrap_or_default().to_owned(),
                })
            })
            .into_iter()
            .collect(),
        server: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| (spki_hash(held.cert.der()), held.place == Place::Served)),
        names: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| held.cert.sans().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
    }
}
