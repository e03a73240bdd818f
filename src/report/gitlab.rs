//! GitLab's Code Quality report, a list in the form of Code Climate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report) -> String {
    // GitLab drops entries whose fingerprint stood before: the same finding at another block gets a number.
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let list: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let count = times.entry(&finding.fingerprint).and_modify(|n| *n += 1).or_insert(1);
            let fingerprint =
                if *count == 1 { finding.fingerprint.clone() } else { format!("{}-{count}", finding.fingerprint) };
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
