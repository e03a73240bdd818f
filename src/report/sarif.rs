//! SARIF 2.1.0 (OASIS), for code scanning: true file and line, fingerprints that survive a renewal, help for each rule.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::escape::{markdown, uri_path};
use super::times::Times;
use crate::audit::{Confidence, Finding, Report, Rule, Severity, Source, rule_by_id};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// GitHub's code scanning refuses a file whose run holds more.
pub(super) const MOST_RESULTS: usize = 25_000;

pub(super) fn render(report: &Report) -> String {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    let left_out = findings.len().saturating_sub(MOST_RESULTS);
    if left_out > 0 {
        findings.sort_by_key(|f| Reverse(f.severity));
        findings.truncate(MOST_RESULTS);
    }
    let mut ids: Vec<&str> = findings.iter().map(|f| f.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids.iter().filter_map(|id| rule_by_id(id)).map(rule).collect();
    let mut times = Times::default();
    let results: Vec<Value> = findings.iter().map(|f| result(f, &ids, times.nth(&f.fingerprint))).collect();
    let mut log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "fabcert",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the policy file's folder, else the working directory"}}},
            "results": results,
        }],
    });
    if left_out > 0 {
        let text = format!("{left_out} of {} findings are left out, the least severe", report.findings.len());
        log["runs"][0]["invocations"] = json!([{
            "executionSuccessful": true,
            "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
        }]);
    }
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(rule: &Rule) -> Value {
    let sources = rule.sources.iter().map(Source::words).collect::<Vec<_>>().join("; ");
    let text = format!("{}\n\nRemedy: {}\n\nSource: {sources}", rule.rationale, rule.remedy);
    let [rationale, remedy, cited] = [rule.rationale, rule.remedy, &sources].map(markdown);
    let formatted = format!("{rationale}\n\n**Remedy:** {remedy}\n\n**Source:** {cited}");
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": text, "markdown": formatted},
        "defaultConfiguration": {"level": rule.severity.as_str()},
        "properties": {
            "precision": match rule.confidence { Confidence::Certain => "very-high", Confidence::Likely => "medium" },
            "problem.severity": match rule.severity { Severity::Note => "recommendation", other => other.as_str() },
            "tags": ["certificate", "hyperledger-fabric"],
        },
    })
}

/// A finding, of whose fingerprint it is the `nth`.
fn result(finding: &Finding, ids: &[&str], nth: usize) -> Value {
    let mut message = finding.message.clone();
    if let Some(subject) = &finding.subject {
        message = format!("{subject}: {message}");
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": ids.iter().position(|id| *id == finding.rule),
        "level": finding.severity.as_str(),
        "message": {"text": format!("{message}. Fix: {}", finding.remedy)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": artifact(finding),
                // A folder has no lines, and code scanning wants one: its first.
                "region": {"startLine": finding.line.unwrap_or(1)},
            },
        }],
        // GitHub knows an alert again by the second one only, and its upload action would take it from the file's bytes,
        // which a renewal changes.
        "partialFingerprints": {
            "fabcert/v1": finding.fingerprint,
            "primaryLocationLineHash": format!("{}:{nth}", finding.fingerprint),
        },
        "properties": {"names": finding.names, "block": finding.block},
    })
}

/// The URI of the file: relative to the root of the run, or `file://` where it lies elsewhere.
fn artifact(finding: &Finding) -> Value {
    let path = finding.path.to_string_lossy();
    if let Some(absolute) = path.strip_prefix('/') {
        return json!({"uri": format!("file:///{}", uri_path(absolute))});
    }
    let text = if path.is_empty() { ".".into() } else { path };
    json!({"uri": uri_path(&text), "uriBaseId": "SRCROOT"})
}
