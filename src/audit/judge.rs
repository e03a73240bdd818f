//! Fabric's verdicts on a subject, and each refusal as the finding of its rule.

mod place;

use std::path::{Path, PathBuf};

use super::expectation::{Expectation, NameSource};
use super::finding::{Findings, Severity};
use super::input::Unit;
use super::registry::{rule_by_id, rule_of_refusal};
use super::rule::Rule;
use super::subject::{Location, Place, Subject};
use super::verdict::{Verdict, Verdicts};
use crate::Timestamp;
use crate::fsx::Disk;
use crate::msp::{
    ChannelRules, DiskFolder, FolderReader, MspRefusal, TlsFault, TlsFiles, TlsNames, TlsRefusal, tls_verdicts,
    verdicts,
};
use crate::name;

/// A refusal to be reported.
pub(super) struct Refused {
    rule: &'static Rule,
    /// Where, relative to the subject.
    path: PathBuf,
    line: Option<usize>,
    reason: String,
    /// Who does not start, who refuses whom.
    consequence: String,
    severity: Severity,
}

impl Refused {
    /// Reports it, once: what the rule itself found in the same file says more, and is only told what comes of it.
    pub(super) fn report(&self, subject: &Subject, findings: &mut Findings) {
        let path = subject.inside(&self.path);
        if findings.add_consequence(self.rule, &path, &self.consequence, self.severity) {
            return;
        }
        let place = subject.certificates.iter().find(|c| c.at.path == path);
        let at = match place {
            Some(held) => held.at.clone(),
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

/// Judges what a unit loaded into `subject`, and gives the refusals, each once.
pub(super) fn judge(
    disk: &Disk,
    unit: &Unit,
    subject: &mut Subject,
    expectation: &Expectation,
    rules: ChannelRules,
    now: Timestamp,
) -> Vec<Refused> {
    match unit {
        Unit::Msp(dir) => msp(&DiskFolder::new(disk, dir), subject, rules, now),
        Unit::Tls(dir, names) => tls(&DiskFolder::new(disk, dir), *names, subject, expectation, now),
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
        let Some(rule) = rule_by_id(msp_rule(refusal, folder, subject)) else { continue };
        let (path, line, reason) = place::of(refusal, folder, subject);
        let consequence = format!("{} (Fabric's refusal {})", consequence(by), refusal.number);
        let expected = refusal.number == 58 && is_fresh_enrolment(folder);
        let severity = if expected { Severity::Warning } else { Severity::Error };
        out.push(Refused { rule, path, line, reason, consequence, severity });
    }
    let verdict = |judged: Result<(), MspRefusal>| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse { rule: msp_rule(&refusal, folder, subject), reason: refusal.to_string() },
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

/// What a refusal by peer, orderer, channel and member comes to.
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
        (false, true) => Some("the identity is no member of a channel"),
        (false, false) => None,
    };
    node.into_iter().chain(others).collect::<Vec<_>>().join("; ")
}

/// The rule that reports a refusal: the one that holds its number, or one that knows better what stands there.
fn msp_rule(refusal: &MspRefusal, folder: &dyn FolderReader, subject: &Subject) -> &'static str {
    let path = subject.inside(&refusal.path);
    match refusal.number {
        16 | 75 if subject.keys.iter().any(|k| k.at.path == path) => "msp-key-outside-keystore",
        58 if is_fresh_enrolment(folder) => "nodeou-missing",
        number => rule_of_refusal(number).map_or(UNKNOWN, |r| r.id),
    }
}

/// Whether this is what `fabric-ca-client enroll` leaves: the operator has yet to put `config.yaml` there, without which
/// no node can use it. Nothing went wrong so far.
fn is_fresh_enrolment(folder: &dyn FolderReader) -> bool {
    let Ok(entries) = folder.list(Path::new("")) else { return false };
    let holds = |name: &str| entries.iter().any(|e| e.name == name);
    ["IssuerPublicKey", "IssuerRevocationPublicKey", "user"].into_iter().any(holds)
        && !holds("config.yaml")
        && !holds("admincerts")
}

/// Stands for a refusal without a rule, of which a test makes sure that there is none.
const UNKNOWN: &str = "rule-crashed";

fn tls(
    folder: &dyn FolderReader,
    names: Option<TlsNames>,
    subject: &mut Subject,
    expectation: &Expectation,
    now: Timestamp,
) -> Vec<Refused> {
    let found = tls_verdicts(folder, &files(folder, names), &expectation.dialled(), now);
    let rule = |refusal: &TlsRefusal| match refusal.fault {
        TlsFault::NameMissing => rule_of_missing_name(subject, expectation),
        fault => rule_of(fault),
    };
    let mut out: Vec<Refused> = Vec::new();
    let refusals = [
        (Some(&found.server), "a peer does not start with this folder"),
        (Some(&found.trust), "no Go client that trusts these anchors accepts it"),
        (found.client.as_ref(), "a Go client refuses it"),
    ];
    for (refusal, consequence) in refusals.into_iter().filter_map(|(v, c)| v?.as_ref().err().map(|e| (e, c))) {
        let Some(rule) = rule_by_id(rule(refusal)) else { continue };
        if !out.iter().any(|r| std::ptr::eq(r.rule, rule) && r.path == refusal.path) {
            out.push(Refused {
                rule,
                path: refusal.path.clone(),
                line: None,
                reason: refusal.reason.clone(),
                consequence: consequence.to_owned(),
                severity: Severity::Error,
            });
        }
    }
    let verdict = |judged: &Result<(), TlsRefusal>| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse { rule: rule(refusal), reason: refusal.to_string() },
    };
    subject.verdicts =
        Verdicts::Tls { server: Some(verdict(&found.server)), client: found.client.as_ref().map(verdict) };
    out
}

/// Who asked for the first name that the server's certificate lacks decides.
fn rule_of_missing_name(subject: &Subject, expectation: &Expectation) -> &'static str {
    let sans = subject.at(Place::Server).next().map_or(&[][..], |held| held.cert.sans());
    let missing = expectation.required().find(|n| !name::matches_as_go(sans, &n.name.to_string()));
    match missing.map(|n| &n.source) {
        Some(NameSource::GatewayService(_)) => "san-gateway-missing",
        _ => "san-missing",
    }
}

/// The files of a TLS folder; the Go client's shape takes the first of `signcerts` and of `keystore`. Its intermediates
/// are anchors too: Fabric trusts `tlsintermediatecerts` as it trusts `tlscacerts`.
fn files(folder: &dyn FolderReader, names: Option<TlsNames>) -> TlsFiles {
    if let Some(names) = names {
        return TlsFiles {
            certificate: names.certificate().into(),
            key: names.key().into(),
            anchors: vec![names.ca().into()],
        };
    }
    let entries = |dir: &str| -> Vec<PathBuf> {
        let mut names: Vec<_> = folder.list(Path::new(dir)).unwrap_or_default().into_iter().map(|e| e.name).collect();
        names.sort();
        names.into_iter().map(|n| Path::new(dir).join(n)).collect()
    };
    let first = |dir: &str| entries(dir).into_iter().next().unwrap_or_else(|| dir.into());
    let anchors = [entries("tlscacerts"), entries("tlsintermediatecerts")].concat();
    TlsFiles { certificate: first("signcerts"), key: first("keystore"), anchors }
}

/// The rule that stands for a fault of a TLS folder.
const fn rule_of(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Missing => "tls-file-missing",
        TlsFault::NoCertificate | TlsFault::Unreadable => "msp-not-a-certificate",
        TlsFault::NoKey | TlsFault::KeyEncrypted | TlsFault::KeyUnreadable => "tls-key-unusable",
        TlsFault::KeyMismatch => "key-mismatch",
        TlsFault::NoAnchor => "tls-anchors-unusable",
        TlsFault::Expired => "expired",
        TlsFault::NotYetValid => "not-yet-valid",
        TlsFault::NameMissing => "san-missing",
        TlsFault::NoPath => "root-mismatch",
        TlsFault::Usage => "eku-server-missing",
        TlsFault::CriticalExtension => "ext-critical-unknown",
        TlsFault::PathLength => "path-length",
        TlsFault::NameConstraints => "name-constraints",
        TlsFault::KeyKind => "key-weak",
    }
}
