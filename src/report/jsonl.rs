//! JSON, an object a line: every finding, then every subject and gateway, then the summary.

use serde::Serialize;

use crate::audit::{Finding, GatewayReport, Report, SubjectReport, Summary};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(&'a Finding),
    Subject(&'a SubjectReport),
    Gateway(&'a GatewayReport),
    Summary {
        schema_version: u32,
        #[serde(flatten)]
        summary: &'a Summary,
    },
}

pub(super) fn render(report: &Report) -> String {
    let findings = report.findings.iter().map(Line::Finding);
    let subjects = report.subjects.iter().map(Line::Subject);
    let gateways = report.gateways.iter().map(Line::Gateway);
    let summary = Line::Summary { schema_version: report.schema_version, summary: &report.summary };
    let mut out = String::new();
    for line in findings.chain(subjects).chain(gateways).chain([summary]) {
        out.push_str(&serde_json::to_string(&line).unwrap_or_default());
        out.push('\n');
    }
    out
}
