//! Fabric's verdicts on a subject, and each refusal as the finding of its rule.

mod place;
mod tls;

use std::path::{Path, PathBuf};

use super::catalogue::{
    CA_CONSTRAINTS, CA_SKI_MISSING, CERT_REVOKED, INPUT_UNREADABLE, KEY_WEAK, LEAF_IS_CA, MSP_KEY_OUTSIDE_KEYSTORE,
    NODEOU_MISSING, RULE_CRASHED, Rule, Severity, rule_of_refusal,
};
use super::input::Unit;
use super::model::expectation::Expectation;
use super::model::finding::Findings;
use super::model::subject::{Location, Subject};
use super::model::verdict::{Verdict, Verdicts};
use crate::Timestamp;
use crate::disk::{Disk, DiskFolder, FolderReader};
use crate::msp::{ChannelRules, MspRefusal, verdicts};
use crate::pki::x509::{Cert, PublicKeyKind};

/// A refusal, to be reported as a finding.
pub(crate) struct Refused {
    rule: &'static Rule,
    /// The path, relative to the subject.
    path: PathBuf,
    line: Option<usize>,
    reason: String,
    /// The effect: which node fails to start, or which party refuses the identity.
    consequence: String,
    severity: Severity,
}

impl Refused {
    /// Reports the refusal once: if the rule itself has a finding in the same file, only the consequence is appended.
    pub(crate) fn report(&self, subject: &Subject, findings: &mut Findings) {
        let path = subject.inside(&self.path);
        // The refusal states that the file is unreadable in more detail, unless its own rule is the same.
        if *self.rule != INPUT_UNREADABLE {
            findings.remove(&INPUT_UNREADABLE, &path);
        }
        if findings.add_consequence(self.rule, &path, &self.consequence, self.severity) {
            return;
        }
        let place = subject.certificates.iter().find(|c| c.at.path == path);
        let key = || subject.keys.iter().find(|k| k.at.path == path).map(|k| k.at.clone());
        let at = match place.map(|held| held.at.clone()).or_else(key) {
            Some(at) => at,
            None => Location { path, block: None, line: self.line },
        };
        let message = format!("{}: {}", self.reason, self.consequence);
        let draft = findings.report(self.rule, &at, message).severity(self.severity);
        match place {
            Some(held) => draft.subject(held.cert.subject()).add(),
            None => draft.add(),
        }
    }
}

/// Judges the `subject` loaded from a unit, and returns its refusals, each once.
pub(crate) fn judge(
    disk: &Disk,
    unit: &Unit,
    subject: &mut Subject,
    expectation: &Expectation,
    rules: ChannelRules,
    now: Timestamp,
) -> Vec<Refused> {
    match unit {
        Unit::Msp(dir) => {
            subject.tls_names_beside = tls::names_beside(disk, dir);
            msp(&DiskFolder::new(disk, dir), subject, rules, now)
        }
        Unit::Tls(dir, names) => {
            subject.tls_cas_beside = tls::cas_beside(disk, dir);
            tls::judge(&DiskFolder::new(disk, dir), *names, subject, expectation, now)
        }
        Unit::Served(served) => tls::served(served, subject, expectation, now),
        _ => Vec::new(),
    }
}

fn msp(folder: &dyn FolderReader, subject: &mut Subject, rules: ChannelRules, now: Timestamp) -> Vec<Refused> {
    let found = verdicts(folder, rules, now);
    let all = [found.peer.as_ref(), found.orderer.as_ref(), Some(&found.channel), found.member.as_ref()]
        .map(|verdict| verdict.and_then(|v| v.as_ref().err()));
    let mut seen: Vec<&MspRefusal> = Vec::new();
    for refusal in all.into_iter().flatten() {
        if !seen.iter().any(|s| s.number == refusal.number && s.path == refusal.path) {
            seen.push(refusal);
        }
    }
    let mut out = Vec::new();
    for refusal in seen {
        let by = all.map(|other| other.is_some_and(|o| o.number == refusal.number && o.path == refusal.path));
        let rule = msp_rule(refusal, folder, subject);
        let (path, line, reason) = place::of(refusal, folder, subject);
        let consequence = format!("{} (Fabric's refusal {})", consequence(by), refusal.number);
        let expected = refusal.number == 58 && is_fresh_enrolment(folder);
        let severity = if expected { Severity::Warning } else { Severity::Error };
        out.push(Refused { rule, path, line, reason, consequence, severity });
    }
    let verdict = |judged: Result<(), MspRefusal>| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse { rule: msp_rule(&refusal, folder, subject).id, reason: refusal.to_string() },
    };
    let verdicts = Verdicts::Msp {
        peer: found.peer.clone().map(verdict),
        orderer: found.orderer.clone().map(verdict),
        channel: Some(verdict(found.channel.clone())),
        member: found.member.clone().map(verdict),
    };
    subject.verdicts = verdicts;
    if let Some(facts) = &mut subject.msp {
        facts.warnings = found.warnings;
    }
    out
}

/// The consequence of a refusal by peer, orderer, channel and member.
fn consequence([peer, orderer, channel, member]: [bool; 4]) -> String {
    let node = match (peer, orderer) {
        (true, true) => Some("neither a peer nor an orderer starts with this folder"),
        (true, false) => {
            Some("a peer does not start with this folder; an orderer does, and everyone refuses its identity")
        }
        (false, true) => Some("an orderer does not start with this folder"),
        (false, false) => None,
    };
    let others = match (channel, member) {
        (true, _) => Some("no channel can be configured with this MSP"),
        (false, true) => Some("the identity is not a member of a channel"),
        (false, false) => None,
    };
    node.into_iter().chain(others).collect::<Vec<_>>().join("; ")
}

/// The rule that reports a refusal: the one that has its number, or a more specific one for the content of the file.
fn msp_rule(refusal: &MspRefusal, folder: &dyn FolderReader, subject: &Subject) -> &'static Rule {
    let path = subject.inside(&refusal.path);
    let is_key = || subject.keys.iter().any(|k| k.at.path == path);
    let is_cert =
        |fits: &dyn Fn(&Cert) -> bool| subject.certificates.iter().any(|c| c.at.path == path && fits(&c.cert));
    match refusal.number {
        16 | 75 if is_key() => &MSP_KEY_OUTSIDE_KEYSTORE,
        17 if is_cert(&|c| matches!(c.public_key(), PublicKeyKind::OtherCurve(_))) => &KEY_WEAK,
        19 | 70 if is_cert(&|c| !c.is_ca()) => &CA_CONSTRAINTS,
        58 if is_fresh_enrolment(folder) => &NODEOU_MISSING,
        60 | 61 if is_cert(&Cert::is_ca) => &LEAF_IS_CA,
        61 if is_cert(&|c| subject.crls.iter().any(|list| list.crl.lists(c))) => &CERT_REVOKED,
        71 => &CA_SKI_MISSING,
        // A test verifies that each number has a rule.
        number => rule_of_refusal(number).unwrap_or(&RULE_CRASHED),
    }
}

/// Whether the folder is unchanged since `fabric-ca-client enroll`: the operator must add `config.yaml` before a node
/// can use it, which is not an error at this stage.
fn is_fresh_enrolment(folder: &dyn FolderReader) -> bool {
    let Ok(entries) = folder.list(Path::new("")) else { return false };
    let holds = |name: &str| entries.iter().any(|e| e.name == name);
    ["IssuerPublicKey", "IssuerRevocationPublicKey", "user"].into_iter().any(holds)
        && !holds("config.yaml")
        && !holds("admincerts")
}
