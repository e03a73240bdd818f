//! What the audit reports of the recorded cases: Fabric's verdict under its contract, and each refusal as one finding.

use std::collections::HashSet;
use std::path::Path;

use fabcert::audit::{Finding, Report, Severity, SubjectKind, SubjectReport, Verdict, rule_by_id};
use fabcert::msp::ChannelRules;

use super::audit;
use crate::verdicts::{rows, unpack};

/// The first subject of a kind below a folder, with its findings.
fn subject(report: &Report, kind: SubjectKind) -> (SubjectReport, Vec<Finding>) {
    let subject =
        report.subjects().find(|s| s.kind == kind).unwrap_or_else(|| panic!("no subject of the kind {kind:?}"));
    let findings = report.findings().filter(|f| f.path.starts_with(&subject.path)).collect();
    (subject, findings)
}

/// Whether a verdict says accept; `None` where the question does not arise.
fn accepts(report: &SubjectReport, key: &str) -> Option<bool> {
    let entries = report.verdicts.entries();
    let (_, verdict) = entries.iter().find(|(name, _)| *name == key).expect("a verdict of that name");
    verdict.map(|v| !v.is_refusal())
}

/// Refusals without a known rule or a reason, refusals that are not a finding of their rule, and findings that are
/// reported twice.
fn unreported(id: &str, report: &SubjectReport, findings: &[Finding]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, verdict) in report.verdicts.entries() {
        let Some(Verdict::Refuse { rule, reason }) = verdict else { continue };
        if rule_by_id(rule).is_none() || *rule == "rule-crashed" || reason.is_empty() {
            wrong.push(format!("{id} {key}: refused by \"{rule}\" because \"{reason}\""));
        }
        if !findings.iter().any(|f| f.rule == *rule && f.severity == Severity::Error) {
            wrong.push(format!("{id} {key}: no finding of {rule}, which refuses it"));
        }
    }
    let mut seen = HashSet::new();
    for finding in findings {
        if !seen.insert((finding.rule, &finding.path, finding.line, finding.names.clone())) {
            wrong.push(format!("{id}: {} twice at {}", finding.rule, finding.path.display()));
        }
    }
    wrong
}

#[test]
fn each_msp_folder_gets_fabrics_verdicts_and_each_refusal_is_a_finding() {
    let cases = rows(include_str!("../../../testdata/verdicts/msp-cases.csv"));
    let folders = unpack("msp-cases.tar.gz");
    let mut wrong = Vec::new();
    for case in &cases {
        let id = case["id"].as_str();
        for (rules, version) in [(ChannelRules::V3_0, "v3_0"), (ChannelRules::V1_4_3, "v1_4_3")] {
            let audited = audit(&folders.path().join(&case["dir"]), rules, &[]);
            let (report, findings) = subject(&audited, SubjectKind::Msp);
            let mut expect = |key: &str, recorded: &str, good: &str| {
                if accepts(&report, key) != Some(recorded == good) {
                    wrong.push(format!(
                        "{id} {key} {version}: recorded \"{recorded}\", here {:?}",
                        accepts(&report, key)
                    ));
                }
            };
            let column = |name: &str| case[&format!("{name}_{version}")].as_str();
            expect("peer", &case["peer_node_start"], "up");
            expect("orderer", &case["orderer_start"], "up");
            expect("channel", column("channel_setup"), "ok");
            if column("channel_setup") == "ok" && !column("signer_validate").is_empty() {
                expect("member", column("signer_validate"), "ok");
            }
            wrong.extend(unreported(id, &report, &findings));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_tls_folder_gets_the_verdicts_of_go_and_each_refusal_is_a_finding() {
    let cases = rows(include_str!("../../../testdata/verdicts/tls-cases.csv"));
    let folders = unpack("tls-cases.tar.gz");
    let mut wrong = Vec::new();
    for case in &cases {
        let id = case["id"].as_str();
        let audited = audit(&folders.path().join(id), ChannelRules::V3_0, &["org1-peer-gateway-svc"]);
        let (report, findings) = subject(&audited, SubjectKind::Tls);
        let up = case["peer_node_start"] == "up";
        if accepts(&report, "server") != Some(up) {
            wrong.push(format!("{id} server: {:?}", accepts(&report, "server")));
        }
        let client = case["go_client_as_org1-peer-gateway-svc"].as_str();
        if up && accepts(&report, "client") != Some(client == "ok") {
            wrong.push(format!("{id} client: recorded \"{client}\", here {:?}", accepts(&report, "client")));
        }
        wrong.extend(unreported(id, &report, &findings));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_question_that_does_not_arise_has_no_answer() {
    let folders = unpack("msp-cases.tar.gz");
    let msp = folders.path().join("A01/msp");
    let nulls = |folder: &Path, kind, names: &[&str]| {
        let audited = audit(folder, ChannelRules::V3_0, names);
        let entries: Vec<(&str, bool)> =
            subject(&audited, kind).0.verdicts.entries().iter().map(|(k, v)| (*k, v.is_none())).collect();
        entries
    };
    let keys = ["peer", "orderer", "channel", "member"];
    assert_eq!(nulls(&msp, SubjectKind::Msp, &[]), keys.map(|k| (k, false)));
    // An organisation's MSP has neither certificate nor key of its own.
    std::fs::remove_dir_all(msp.join("signcerts")).unwrap();
    std::fs::remove_dir_all(msp.join("keystore")).unwrap();
    assert_eq!(nulls(&msp, SubjectKind::Msp, &[]), keys.map(|k| (k, k != "channel")));
    // Without a name that clients dial, nobody can say whether they are content.
    let tls = unpack("tls-cases.tar.gz");
    let tls = tls.path().join("T01");
    assert_eq!(nulls(&tls, SubjectKind::Tls, &[]), [("server", false), ("client", true)]);
    assert_eq!(nulls(&tls, SubjectKind::Tls, &["x"]), [("server", false), ("client", false)]);
}
