//! JSON, one object on each line: every finding, then every subject and gateway, then the summary.

use std::io::{self, Write};

use serde::Serialize;

use crate::audit::Finding;
use crate::audit::{GatewayReport, Report, SubjectReport, Summary};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(Finding),
    Subject(SubjectReport),
    Gateway(&'a GatewayReport),
    Summary {
        schema_version: u32,
        #[serde(flatten)]
        summary: &'a Summary,
    },
}

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.findings.iter().map(Line::Finding);
    let subjects = report.subjects.iter().map(Line::Subject);
    let gateways = report.gateways.iter().map(Line::Gateway);
    let summary = Line::Summary { schema_version: report.schema_version, summary: &report.summary };
    for line in findings.chain(subjects).chain(gateways).chain([summary]) {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
