//! SARIF 2.1.0 (OASIS), for code scanning: true file and line, fingerprints that survive a renewal, help for each rule.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::times::Times;
use crate::audit::Report;
use crate::audit::{Confidence, Finding, Rule, Severity, Source, rule_by_id};
use crate::text::escape::{markdown, uri_path};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// GitHub's code scanning refuses a file whose run holds more.
pub(super) const MOST_RESULTS: usize = 25_000;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let ids: BTreeSet<&str> = told(report).map(|f| f.rule).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let rules: Vec<Value> = ids.iter().filter_map(|id| rule_by_id(id)).map(rule).collect();
    let left_out = report.findings.len().saturating_sub(MOST_RESULTS);
    let invocations = (left_out > 0).then(|| {
        let text = format!("{left_out} of {} findings are left out, the least severe", report.findings.len());
        json!([{
            "executionSuccessful": true,
            "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
        }])
    });
    let log = Log {
        schema: SCHEMA,
        runs: [Run {
            column_kind: "unicodeCodePoints",
            invocations,
            original_uri_base_ids: json!({"SRCROOT": {"description": {"text": "the policy file's folder, else the working directory"}}}),
            results: Results { report, ids: &ids },
            tool: json!({"driver": {
                "name": "fabcert",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }}),
        }],
        version: "2.1.0",
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<'a>; 1],
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    column_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocations: Option<Value>,
    original_uri_base_ids: Value,
    results: Results<'a>,
    tool: Value,
}

/// The results, made while they are written.
struct Results<'a> {
    report: &'a Report,
    ids: &'a [&'a str],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut times = Times::among(told(self.report).map(|finding| finding.fingerprint()));
        serializer.collect_seq(told(self.report).map(|finding| result(&finding, self.ids, &mut times)))
    }
}

/// The findings; the most severe first, when there are too many.
fn told(report: &Report) -> Box<dyn Iterator<Item = Finding> + '_> {
    let findings = &report.findings;
    if findings.len() <= MOST_RESULTS {
        return Box::new(findings.iter());
    }
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    Box::new([Severity::Error, Severity::Warning, Severity::Note].into_iter().flat_map(of).take(MOST_RESULTS))
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

fn result(finding: &Finding, ids: &[&str], times: &mut Times) -> Value {
    let fingerprint = finding.fingerprint();
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
            "fabcert/v1": fingerprint,
            "primaryLocationLineHash": format!("{fingerprint}:{}", times.nth(&fingerprint)),
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
