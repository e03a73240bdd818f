//! GitLab's Code Quality report, a list in the form of Code Climate.

use serde_json::{Value, json};

use super::times::Times;
use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report) -> String {
    // GitLab drops entries whose fingerprint stood before: the same finding at another block gets a number.
    let mut times = Times::default();
    let list: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let fingerprint = match times.nth(&finding.fingerprint) {
                1 => finding.fingerprint.clone(),
                count => format!("{}-{count}", finding.fingerprint),
            };
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
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&list).unwrap_or_default();
    text.push('\n');
    text
}
