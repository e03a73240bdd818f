//! The Code Quality report of GitLab, in the format of Code Climate.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::times::Times;
use crate::audit::Report;
use crate::audit::{Finding, Severity};

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &List(report))?;
    out.write_all(b"\n")
}

/// The entries, built while they are written.
struct List<'a>(&'a Report);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = &self.0.findings;
        // GitLab drops entries with a repeated fingerprint: the same finding in another block gets a number.
        let mut times = Times::among(findings.iter().map(|finding| finding.fingerprint()));
        serializer.collect_seq(findings.iter().map(|finding| {
            let mut fingerprint = finding.fingerprint();
            fingerprint = match times.nth(&fingerprint) {
                1 => fingerprint,
                count => format!("{fingerprint}-{count}"),
            };
            entry(&finding, &fingerprint)
        }))
    }
}

fn entry(finding: &Finding, fingerprint: &str) -> Value {
    let subject = finding.subject.as_deref().map(|s| format!("{s}: ")).unwrap_or_default();
    json!({
        "description": format!("{subject}{} (fix: {})", finding.message, finding.remedy),
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Note => "info",
        },
        "location": {
            "path": finding.path.to_string_lossy(),
            "lines": {"begin": finding.line.unwrap_or(1)},
        },
    })
}
