//! The run: load, judge, check, level.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::gateway::GatewayReport;
use crate::Timestamp;
use crate::audit::catalogue::registry::{RULES, rule_by_id};
use crate::audit::catalogue::rule::{Context, Rule};
use crate::audit::input::{LoadOptions, ServedUnit, Unit, load};
use crate::audit::judge::judge;
use crate::audit::ledger::{Ledger, Packed, Packer, Unpacker};
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::audit::model::finding::{Digest, Finding, Findings, Severity};
use crate::audit::model::subject::{HeldCert, Place, Subject, SubjectKind};
use crate::audit::model::verdict::Verdicts;
use crate::disk::Disk;
use crate::manifests::Manifest;
use crate::msp::ChannelRules;
use crate::pki::x509::NodeOu;
use crate::policy::{Policy, PolicyError};

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
    #[serde(serialize_with = "crate::audit::model::finding::lossy")]
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

impl Summary {
    const fn count_of(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        }
    }
}

impl Packed for SubjectReport {
    fn pack(&self, out: &mut Packer<'_>) {
        out.path(&self.path);
        out.number(self.kind as u64);
        out.word(self.role.unwrap_or_default());
        self.verdicts.pack(out);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let path = from.path();
        let kind = SubjectKind::ALL.get(from.count()).copied().unwrap_or(SubjectKind::Certificate);
        let role = Some(from.word()).filter(|role| !role.is_empty());
        Self { path, kind, role, verdicts: Verdicts::unpack(from) }
    }
}

/// The result of an audit.
#[derive(Clone, Debug, Default, Serialize)]
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

/// What remains of a subject once it was audited.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// How it is reported; `None` when only findings are.
    pub subject: Option<SubjectReport>,
    /// Whether it was something to look at, and no pipe that was passed over, nor a file without anything of ours.
    pub is_something: bool,
    /// Certificates in it.
    pub certificates: usize,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was found before in the first parts of a file that holds very much.
    pub earlier: Ledger<Finding>,
    /// The keys it uses, and for what.
    pub keys: Vec<KeyUse>,
    /// The names of its TLS certificate, for a first policy.
    pub names: Vec<String>,
    /// What was read from a manifest.
    pub manifest: Option<Box<Manifest>>,
    /// The certificate that a TLS server serves, and whether it was served or stands on disk.
    pub server: Option<(Digest, bool)>,
}

impl Audited {
    /// Adds what comes of the next part of the same file.
    fn go_on(&mut self, next: Self) {
        self.earlier.extend(std::mem::replace(&mut self.findings, next.findings));
        self.subject = self.subject.take().or(next.subject);
        self.is_something |= next.is_something;
        self.certificates += next.certificates;
        if self.names.is_empty() {
            self.names = next.names;
        }
    }
}

/// A key that a certificate uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Of its `SubjectPublicKeyInfo`.
    pub spki: Digest,
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

impl Audit {
    /// Audits one unit; `None` when there is nothing of ours in it.
    ///
    /// # Errors
    /// When the policy asks for a name that is none.
    pub fn unit(&self, disk: &Disk, unit: &Unit) -> Result<Option<Audited>, PolicyError> {
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(disk, unit)));
        looked.unwrap_or_else(|_| {
            let subject = Subject::new(SubjectKind::Certificate, self.load.shown(unit.path()));
            let mut findings = Findings::new();
            crashed("fabcert failed to read this", &subject, &mut findings);
            Ok(Some(audited(subject, findings.into_vec())))
        })
    }

    /// Loads, judges, checks.
    fn look(&self, disk: &Disk, unit: &Unit) -> Result<Option<Audited>, PolicyError> {
        let mut whole: Result<Option<Audited>, PolicyError> = Ok(None);
        let mut add = |part| {
            let Ok(before) = &mut whole else { return };
            match (self.loaded(disk, unit, part), before) {
                (Ok(audited), Some(before)) => before.go_on(audited),
                (Ok(audited), before) => *before = Some(audited),
                (Err(e), _) => whole = Err(e),
            }
        };
        if let Some(last) = load(disk, unit, &self.load, &mut add) {
            add(last);
        }
        whole
    }

    /// Judges and checks what was loaded.
    fn loaded(&self, disk: &Disk, unit: &Unit, mut subject: Subject) -> Result<Audited, PolicyError> {
        let mut expectation = self.policy.expectation(&self.expectation, &subject.path)?;
        if let Unit::Served(ServedUnit { dialled: Some(name), member_of, .. }) = unit {
            let source = match member_of {
                Some((member, members)) => {
                    NameSource::GatewayMember { gateway: name.to_string(), member: *member, members: *members }
                }
                None => NameSource::Dialled,
            };
            expectation.names.push(ExpectedName { name: name.clone(), source, advised: false });
        }
        let refused = judge(disk, unit, &mut subject, &expectation, self.channel_rules, self.now);
        let context = Context { now: self.now, expectation: &expectation, channel_rules: self.channel_rules };
        let mut findings = check(RULES, &subject, &context);
        for refusal in refused {
            refusal.report(&subject, &mut findings);
        }
        Ok(audited(subject, findings.into_vec()))
    }

    /// Checks a subject that was found inside others and that Fabric does not judge: a certificate in a Secret.
    ///
    /// # Errors
    /// When the policy asks for a name that is none.
    pub fn inner(&self, subject: Subject) -> Result<Audited, PolicyError> {
        let expectation = self.policy.expectation(&self.expectation, &subject.path)?;
        let context = Context { now: self.now, expectation: &expectation, channel_rules: self.channel_rules };
        let findings = check(RULES, &subject, &context).into_vec();
        // The file is reported once, as the manifest that it is.
        Ok(Audited { subject: None, ..audited(subject, findings) })
    }
}

/// Runs rules over a subject that was judged. A rule that panics becomes a finding, and the others go on.
fn check(rules: &[&Rule], subject: &Subject, context: &Context<'_>) -> Findings {
    let mut findings = Findings::new();
    for rule in rules {
        let looked = catch_unwind(AssertUnwindSafe(|| {
            if (rule.applies)(subject, context) {
                (rule.check)(subject, context, &mut findings);
            }
        }));
        if looked.is_err() {
            crashed(&format!("the rule {} failed here", rule.id), subject, &mut findings);
        }
    }
    findings
}

/// What panics must not end the audit of everything else.
fn crashed(what: &str, subject: &Subject, findings: &mut Findings) {
    if let Some(rule) = rule_by_id("rule-crashed") {
        findings.report(rule, &subject.location(), what).add();
    }
}

fn audited(mut subject: Subject, findings: Vec<Finding>) -> Audited {
    let manifest = subject.manifest.take();
    let is_subject = !subject.certificates.is_empty()
        || !subject.csrs.is_empty()
        || !subject.crls.is_empty()
        || matches!(subject.kind, SubjectKind::Msp | SubjectKind::Tls | SubjectKind::Manifest);
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
        is_something: is_subject || (!subject.is_blank && findings.iter().any(|f| f.rule != "input-skipped")),
        certificates: subject.certificates.len(),
        findings,
        earlier: Ledger::default(),
        keys: leaf
            .and_then(|held| {
                Some(KeyUse {
                    spki: Sha256::digest(held.cert.spki_der()).into(),
                    tls: uses(held)?,
                    path: subject.path.clone(),
                    common_name: held.cert.common_name().unwrap_or_default().to_owned(),
                })
            })
            .into_iter()
            .collect(),
        server: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| (Sha256::digest(held.cert.der()).into(), held.place == Place::Served)),
        names: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| held.cert.sans().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        manifest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::catalogue::rule::{Confidence, Source};

    static PANICS: Rule = Rule {
        id: "panics",
        title: "",
        rationale: "",
        remedy: "",
        severity: Severity::Note,
        confidence: Confidence::Certain,
        sources: &[Source::Convention("")],
        refusals: &[],
        applies: |_, _| true,
        check: |subject, _, findings| {
            findings.report(&PANICS, &subject.location(), "before").add();
            panic!("a bug");
        },
    };

    static SPEAKS: Rule = Rule {
        id: "speaks",
        title: "",
        rationale: "",
        remedy: "",
        severity: Severity::Note,
        confidence: Confidence::Certain,
        sources: &[Source::Convention("")],
        refusals: &[],
        applies: |_, _| true,
        check: |subject, _, findings| findings.report(&SPEAKS, &subject.location(), "here").add(),
    };

    #[test]
    fn a_rule_that_panics_becomes_a_finding_and_the_others_go_on() {
        let subject = Subject::new(SubjectKind::Certificate, "x.pem");
        let expectation = Expectation::default();
        let now = Timestamp::from_unix(0);
        let context = Context { now, expectation: &expectation, channel_rules: ChannelRules::V3_0 };
        let found = check(&[&PANICS, &SPEAKS], &subject, &context).into_vec();
        let told: Vec<(&str, &str)> = found.iter().map(|f| (f.rule, f.message.as_str())).collect();
        assert_eq!(told, [("panics", "before"), ("rule-crashed", "the rule panics failed here"), ("speaks", "here")]);
    }
}
