//! SARIF 2.1.0 (OASIS), for code scanning: file and line, fingerprints that survive a renewal, help for each rule. Its
//! objects are in [`model`].

mod model;

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use self::model::{
    ArtifactLocation, DefaultConfiguration, Driver, Help, Invocation, Location, Log, Notification, OriginalUriBases,
    PhysicalLocation, Region, ReportingDescriptor, ResultProperties, RuleProperties, Run, Text, Tool,
};
use super::times::Times;
use crate::audit::Report;
use crate::audit::{Confidence, Finding, Rule, Severity, Source, rule_by_id};
use crate::text::escape::{markdown, uri_path};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The most results in a run that GitHub's code scanning accepts.
pub(super) const MOST_RESULTS: usize = 25_000;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let ids: BTreeSet<&str> = reported(report).map(|f| f.rule).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let rules: Vec<ReportingDescriptor> = ids.iter().filter_map(|id| rule_by_id(id)).map(rule).collect();
    let left_out = report.findings.len().saturating_sub(MOST_RESULTS);
    let invocations = (left_out > 0).then(|| {
        let text = format!("{left_out} of {} findings are left out, the least severe", report.findings.len());
        let tool_execution_notifications = [Notification { level: "warning", message: Text { text } }];
        [Invocation { execution_successful: true, tool_execution_notifications }]
    });
    let root = "the policy file's folder, else the working directory";
    let log = Log {
        schema: SCHEMA,
        runs: [Run {
            column_kind: "unicodeCodePoints",
            invocations,
            original_uri_base_ids: OriginalUriBases::described(root),
            results: Results { report, ids: &ids },
            tool: Tool {
                driver: Driver {
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    name: "fabcert",
                    rules,
                    semantic_version: env!("CARGO_PKG_VERSION"),
                },
            },
        }],
        version: "2.1.0",
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// The results, built while they are written.
struct Results<'a> {
    report: &'a Report,
    ids: &'a [&'a str],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut times = Times::among(reported(self.report).map(|finding| finding.fingerprint()));
        serializer.collect_seq(reported(self.report).map(|finding| result(finding, self.ids, &mut times)))
    }
}

/// The findings; the most severe first, if there are too many.
fn reported(report: &Report) -> Box<dyn Iterator<Item = Finding> + '_> {
    let findings = &report.findings;
    if findings.len() <= MOST_RESULTS {
        return Box::new(findings.iter());
    }
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    Box::new([Severity::Error, Severity::Warning, Severity::Note].into_iter().flat_map(of).take(MOST_RESULTS))
}

fn rule(rule: &Rule) -> ReportingDescriptor {
    let sources = rule.sources.iter().map(Source::words).collect::<Vec<_>>().join("; ");
    let text = format!("{}\n\nRemedy: {}\n\nSource: {sources}", rule.rationale, rule.remedy);
    let [rationale, remedy, cited] = [rule.rationale, rule.remedy, &sources].map(markdown);
    let markdown = format!("{rationale}\n\n**Remedy:** {remedy}\n\n**Source:** {cited}");
    ReportingDescriptor {
        default_configuration: DefaultConfiguration { level: rule.severity.as_str() },
        full_description: Text { text: rule.rationale },
        help: Help { markdown, text },
        id: rule.id,
        properties: RuleProperties {
            precision: match rule.confidence {
                Confidence::Certain => "very-high",
                Confidence::Likely => "medium",
            },
            problem_severity: match rule.severity {
                Severity::Note => "recommendation",
                other => other.as_str(),
            },
            tags: ["certificate", "hyperledger-fabric"],
        },
        short_description: Text { text: rule.title },
    }
}

fn result(finding: Finding, ids: &[&str], times: &mut Times) -> model::Result {
    let fingerprint = finding.fingerprint();
    let subject = finding.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
    let nth = times.nth(&fingerprint);
    model::Result {
        level: finding.severity.as_str(),
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: artifact(&finding),
                // A folder has no lines, but code scanning requires one: the first.
                region: Region { start_line: finding.line.unwrap_or(1) },
            },
        }],
        message: Text { text: format!("{subject}{}. Fix: {}", finding.message, finding.remedy) },
        // GitHub identifies an alert by the second fingerprint only. Without it, the upload action computes one from
        // the file's bytes, which a renewal changes.
        partial_fingerprints: [
            ("fabcert/v1", fingerprint.clone()),
            ("primaryLocationLineHash", format!("{fingerprint}:{nth}")),
        ]
        .into(),
        properties: ResultProperties { block: finding.block, names: finding.names },
        rule_id: finding.rule,
        rule_index: ids.iter().position(|id| *id == finding.rule),
    }
}

/// The URI of the file: relative to the root of the run, or `file://` for a file elsewhere.
fn artifact(finding: &Finding) -> ArtifactLocation {
    let path = finding.path.to_string_lossy();
    if let Some(absolute) = path.strip_prefix('/') {
        return ArtifactLocation { uri: format!("file:///{}", uri_path(absolute)), uri_base_id: None };
    }
    let text = if path.is_empty() { ".".into() } else { path };
    ArtifactLocation { uri: uri_path(&text), uri_base_id: Some(model::ROOT) }
}
