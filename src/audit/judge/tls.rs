//! The verdicts on a TLS folder, and each refusal as the finding of its rule.

use std::path::{Path, PathBuf};

use super::Refused;
use crate::Timestamp;
use crate::audit::catalogue::{
    CA_CONSTRAINTS, EKU_SERVER_MISSING, EXPIRED, EXT_CRITICAL_UNKNOWN, INPUT_UNREADABLE, KEY_MISMATCH, KEY_WEAK,
    MSP_NOT_A_CERTIFICATE, NAME_CONSTRAINTS, NOT_YET_VALID, PATH_LENGTH, ROOT_MISMATCH, RULE_CRASHED, Rule,
    SAN_GATEWAY_MISSING, SAN_MISSING, Severity, TLS_ANCHORS_UNUSABLE, TLS_FILE_MISSING, TLS_KEY_UNUSABLE,
};
use crate::audit::input::ServedUnit;
use crate::audit::model::expectation::Expectation;
use crate::audit::model::subject::Subject;
use crate::audit::model::verdict::{Verdict, Verdicts};
use crate::disk::{Disk, DiskFolder, EntryKind, FolderReader, MemoryFolder};
use crate::msp::TlsNames;
use crate::pki::go::tls::{self, TlsFiles, TlsRefusal};
use crate::pki::name::{NameIndex, SanName};
use crate::pki::x509::Cert;

/// Judges a TLS folder with files of these names; `None` for the layout that `fabric-ca-client` writes.
pub(super) fn judge(
    folder: &dyn FolderReader,
    names: Option<TlsNames>,
    subject: &mut Subject,
    expectation: &Expectation,
    now: Timestamp,
) -> Vec<Refused> {
    let mut gathered = MemoryFolder::new();
    let (folder, files): (&dyn FolderReader, TlsFiles) = if let Some(names) = names {
        (folder, files(names))
    } else {
        let files = gather(folder, &mut gathered);
        (&gathered, files)
    };
    let dialled = expectation.dialled();
    let found = tls::verdicts_on(folder, &files, &dialled, now);
    let refusals = [
        (Some(&found.server), "a peer does not start with this folder"),
        (Some(&found.trust), "no Go client that trusts these anchors accepts it"),
        (found.client.as_ref(), "a Go client refuses it"),
    ];
    let rule = |refusal: &TlsRefusal| rule_of(refusal, subject, expectation);
    let mut out: Vec<Refused> = Vec::new();
    for (refusal, consequence) in refusals.into_iter().filter_map(|(v, c)| v?.as_ref().err().map(|e| (e, c))) {
        let rule = rule(refusal);
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
    let verdict = |judged: &tls::Verdict| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => Verdict::Refuse { rule: rule(refusal).id, reason: refusal.to_string() },
    };
    subject.verdicts =
        Verdicts::Tls { server: Some(verdict(&found.server)), client: found.client.as_ref().map(verdict) };
    out
}

/// Judges the certificates that a live endpoint served, as a Go client with the given anchors does.
pub(super) fn served(
    unit: &ServedUnit,
    subject: &mut Subject,
    expectation: &Expectation,
    now: Timestamp,
) -> Vec<Refused> {
    if unit.anchors.is_empty() {
        subject.verdicts = Verdicts::Tls { server: None, client: None };
        return Vec::new();
    }
    let accepts = |names: &[String]| tls::client_accepts(&unit.chain, &unit.anchors, names, now, Path::new(""));
    let dialled = expectation.dialled();
    let trust = accepts(&[String::new()]);
    let client = (!dialled.is_empty()).then(|| accepts(&dialled));
    let mut out: Vec<Refused> = Vec::new();
    for refusal in [Some(&trust), client.as_ref()].into_iter().filter_map(|v| v?.as_ref().err()) {
        let rule = rule_of(refusal, subject, expectation);
        if !out.iter().any(|r| std::ptr::eq(r.rule, rule)) {
            out.push(Refused {
                rule,
                path: PathBuf::new(),
                line: None,
                reason: refusal.reason.clone(),
                consequence: "a Go client refuses the connection".to_owned(),
                severity: Severity::Error,
            });
        }
    }
    let client = client.map(|judged| match judged {
        Ok(()) => Verdict::Accept,
        Err(refusal) => {
            Verdict::Refuse { rule: rule_of(&refusal, subject, expectation).id, reason: refusal.reason.clone() }
        }
    });
    subject.verdicts = Verdicts::Tls { server: None, client };
    out
}

/// The names of the server certificate in the folder `tls` beside an MSP folder `msp`, if it exists.
pub(super) fn names_beside(disk: &Disk, dir: &Path) -> Option<Vec<SanName>> {
    let node = dir.parent().filter(|_| dir.file_name().is_some_and(|n| n == "msp"))?;
    let tls = DiskFolder::new(disk, node.join("tls"));
    let found = [TlsNames::Fabric, TlsNames::K8s].iter().find_map(|n| tls.read(Path::new(n.certificate())).ok())?;
    Cert::all_from_pem(&found).ok()?.first().map(|cert| cert.sans().to_vec())
}

/// The TLS CAs of the MSP folder `msp` beside a TLS folder `tls`.
pub(super) fn cas_beside(disk: &Disk, dir: &Path) -> Vec<Cert> {
    let Some(node) = dir.parent().filter(|_| dir.file_name().is_some_and(|n| n == "tls")) else { return Vec::new() };
    let msp = DiskFolder::new(disk, node.join("msp"));
    let mut cas = Vec::new();
    for part in ["tlscacerts", "tlsintermediatecerts"] {
        for entry in msp.list(Path::new(part)).unwrap_or_default() {
            if let Ok(text) = msp.read(&Path::new(part).join(entry.name)) {
                cas.extend(Cert::all_from_pem(&text).unwrap_or_default());
            }
        }
    }
    cas
}

fn files(names: TlsNames) -> TlsFiles {
    TlsFiles { certificate: names.certificate().into(), key: names.key().into(), anchors: names.ca().into() }
}

/// The files of an enrolment with the profile `tls`, selected as for a peer: the first of `signcerts` and of
/// `keystore`, and every anchor. The intermediates are anchors too: Fabric trusts `tlsintermediatecerts` as it trusts
/// `tlscacerts`.
fn gather(folder: &dyn FolderReader, into: &mut MemoryFolder) -> TlsFiles {
    let listed = |dir: &str| -> Vec<PathBuf> {
        let entries = folder.list(Path::new(dir)).unwrap_or_default();
        let files = entries.into_iter().filter(|e| e.kind == EntryKind::File);
        let mut paths: Vec<PathBuf> = files.map(|e| Path::new(dir).join(e.name)).collect();
        paths.sort_unstable();
        paths
    };
    let mut first = |dir: &str| {
        let path = listed(dir).into_iter().next().unwrap_or_else(|| dir.into());
        into.copy_from(folder, &path);
        path
    };
    let (certificate, key) = (first("signcerts"), first("keystore"));
    let anchors = [listed("tlscacerts"), listed("tlsintermediatecerts")].concat();
    let path = anchors.first().cloned().unwrap_or_else(|| "tlscacerts".into());
    let contents: Vec<_> = anchors.iter().filter_map(|a| folder.read(a).ok()).collect();
    if !contents.is_empty() {
        into.insert(&path, contents.iter().map(|c| c.as_slice()).collect::<Vec<_>>().join(&b'\n'));
    }
    TlsFiles { certificate, key, anchors: path }
}

/// The rule that reports a refusal.
fn rule_of(refusal: &TlsRefusal, subject: &Subject, expectation: &Expectation) -> &'static Rule {
    let is_unreadable = || {
        let path = subject.inside(&refusal.path);
        subject.troubles.iter().any(|t| *t.rule == INPUT_UNREADABLE && t.at.path == path)
    };
    match refusal.key {
        "wrong-host" => rule_of_missing_name(subject, expectation),
        // The file exists, but this user cannot read it.
        "key-file-missing" | "certificate-file-missing" | "ca-file-missing" if is_unreadable() => &INPUT_UNREADABLE,
        key => rule_of_key(key).unwrap_or(&RULE_CRASHED),
    }
}

/// The rule that reports a [`TlsRefusal::key`].
fn rule_of_key(key: &str) -> Option<&'static Rule> {
    Some(match key {
        "key-file-missing" | "certificate-file-missing" | "ca-file-missing" => &TLS_FILE_MISSING,
        "certificate-unreadable"
        | "certificate-no-pem"
        | "certificate-is-a-key"
        | "certificate-wrong-label"
        | "chain-unreadable" => &MSP_NOT_A_CERTIFICATE,
        "key-unreadable" | "key-no-pem" | "key-is-a-certificate" | "key-wrong-label" => &TLS_KEY_UNUSABLE,
        "key-mismatch" | "key-type-mismatch" => &KEY_MISMATCH,
        "certificate-key-unknown" | "key-too-large" | "key-unsupported" => &KEY_WEAK,
        "ca-file-unusable" => &TLS_ANCHORS_UNUSABLE,
        "unknown-critical-extension" => &EXT_CRITICAL_UNKNOWN,
        "not-yet-valid" => &NOT_YET_VALID,
        "expired" => &EXPIRED,
        "not-a-ca" => &CA_CONSTRAINTS,
        "path-length" => &PATH_LENGTH,
        "unknown-authority" | "policies" | "too-many-signatures" => &ROOT_MISMATCH,
        "no-server-auth" => &EKU_SERVER_MISSING,
        "name-constraints" => &NAME_CONSTRAINTS,
        "wrong-host" => &SAN_MISSING,
        _ => return None,
    })
}

/// The source of the first missing name selects the rule.
fn rule_of_missing_name(subject: &Subject, expectation: &Expectation) -> &'static Rule {
    let sans = subject.leaf().map_or(&[][..], |held| held.cert.sans());
    let index = NameIndex::new(sans);
    let missing = expectation.required().find(|n| !index.matches_as_go(&n.name.to_string()));
    if missing.is_some_and(|n| n.source.is_gateway()) { &SAN_GATEWAY_MISSING } else { &SAN_MISSING }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects the keys in the source of [`crate::pki::go::tls`]: a new key needs a rule.
    #[test]
    fn each_tls_refusal_has_a_rule() {
        let sources = [include_str!("../../pki/go/tls/server.rs"), include_str!("../../pki/go/tls/client.rs")];
        let words = sources.iter().flat_map(|text| text.split('"').skip(1).step_by(2));
        let is_key = |w: &&str| w.contains('-') && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let keys: Vec<&str> = words.filter(is_key).chain(["expired", "policies"]).collect();
        assert!(keys.len() >= 24, "{keys:?}");
        for key in keys {
            assert!(rule_of_key(key).is_some(), "{key} has no rule");
        }
    }
}
