//! Fabric's verdicts on a subject, and each refusal as the finding of its rule.

use std::path::{Path, PathBuf};

use super::expectation::Expectation;
use super::input::Unit;
use super::registry::{rule_by_id, rule_of_refusal};
use super::rule::Rule;
use super::subject::Subject;
use super::verdict::{Verdict, Verdicts};
use crate::Timestamp;
use crate::fsx::Disk;
use crate::msp::{
    ChannelRules, DiskFolder, FolderReader, MspRefusal, RefusalStage, TlsFault, TlsFiles, TlsNames, TlsRefusal,
    tls_verdicts, verdicts,
};

/// A refusal to be reported.
pub(super) struct Refused {
    pub(super) rule: &'static Rule,
    /// The file or folder, relative to the subject.
    pub(super) path: PathBuf,
    pub(super) message: String,
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
    let refusals = [
        found.peer.as_ref().map(|v| (v, "a peer does not start with this folder")),
        found.orderer.as_ref().map(|v| (v, "an orderer does not start with this folder")),
        Some((&found.channel, "no channel can be configured with this MSP")),
        found.member.as_ref().map(|v| (v, "the identity is no member of such a channel")),
    ];
    let mut out: Vec<Refused> = Vec::new();
    for (refusal, consequence) in refusals.into_iter().flatten().filter_map(|(v, c)| v.as_ref().err().map(|e| (e, c))) {
        let Some(rule) = rule_of_refusal(refusal.number) else { continue };
        if out.iter().any(|r| std::ptr::eq(r.rule, rule) && r.path == refusal.path) {
            continue;
        }
        let consequence = if refusal.stage == RefusalStage::Identity && found.peer.as_ref().is_some_and(Result::is_err)
        {
            "a peer does not start with this folder; an orderer does, and everyone refuses its identity"
        } else {
            consequence
        };
        let message = format!("{}: {consequence} (Fabric's refusal {})", refusal.reason, refusal.number);
        out.push(Refused { rule, path: refusal.path.clone(), message });
    }
    subject.verdicts = Verdicts::Msp {
        peer: found.peer.map(|v| verdict(&v)),
        orderer: found.orderer.map(|v| verdict(&v)),
        channel: Some(verdict(&found.channel)),
        member: found.member.map(|v| verdict(&v)),
    };
    if let Some(facts) = &mut subject.msp {
        facts.warnings = found.warnings;
    }
    out
}

fn verdict(judged: &Result<(), MspRefusal>) -> Verdict {
    match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse {
            rule: rule_of_refusal(refusal.number).map_or(UNKNOWN, |r| r.id),
            reason: format!("{}: {} (refusal {})", refusal.path.display(), refusal.reason, refusal.number),
        },
    }
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
    let mut out: Vec<Refused> = Vec::new();
    let refusals = [
        (Some(&found.server), "a peer does not start with this folder"),
        (Some(&found.trust), "no Go client that trusts these anchors accepts it"),
        (found.client.as_ref(), "a Go client refuses it"),
    ];
    for (refusal, consequence) in refusals.into_iter().filter_map(|(v, c)| v?.as_ref().err().map(|e| (e, c))) {
        let Some(rule) = rule_by_id(rule_of(refusal.fault)) else { continue };
        if !out.iter().any(|r| std::ptr::eq(r.rule, rule) && r.path == refusal.path) {
            out.push(Refused {
                rule,
                path: refusal.path.clone(),
                message: format!("{}: {consequence}", refusal.reason),
            });
        }
    }
    let verdict = |judged: &Result<(), TlsRefusal>| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse { rule: rule_of(refusal.fault), reason: refusal.to_string() },
    };
    subject.verdicts =
        Verdicts::Tls { server: Some(verdict(&found.server)), client: found.client.as_ref().map(verdict) };
    out
}

/// The files of a TLS folder; the Go client's shape takes the first of `signcerts` and of `keystore`.
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
    TlsFiles { certificate: first("signcerts"), key: first("keystore"), anchors: entries("tlscacerts") }
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
