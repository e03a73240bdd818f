//! Workflow commands of GitHub Actions: annotations at file and line.

use std::fmt::Write as _;

use super::escape::github;
use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let subject = finding.subject.as_deref().map(|s| format!("{s}: ")).unwrap_or_default();
        let text = format!("{subject}{}\nfix: {}", finding.message, finding.remedy);
        let _ = writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            github(&finding.path.to_string_lossy(), true),
            finding.line.unwrap_or(1),
            github(&format!("fabcert {}", finding.rule), true),
            github(&text, false)
        );
    }
    out
}
