//! Text for people: a finding is two or three lines, the summary one.

use std::fmt::Write as _;

use super::Style;
use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let line = finding.line.map(|l| format!(":{l}")).unwrap_or_default();
        let severity = paint(finding.severity.as_str(), finding.severity, style);
        let _ = writeln!(out, "{severity}[{}] {}{line}", finding.rule, finding.path.display());
        if let Some(subject) = &finding.subject {
            let _ = writeln!(out, "  {subject}");
        }
        let _ = writeln!(out, "  {}", finding.message);
        let _ = writeln!(out, "  fix: {}", finding.remedy);
    }
    let s = &report.summary;
    let _ = writeln!(
        out,
        "{} subjects, {} certificates: {} errors, {} warnings, {} notes, {} suppressed",
        s.subjects, s.certificates, s.errors, s.warnings, s.notes, s.suppressed
    );
    out
}

fn paint(word: &str, severity: Severity, style: Style) -> String {
    let code = match severity {
        Severity::Error => "31;1",
        Severity::Warning => "33;1",
        Severity::Note => "36",
    };
    if style.colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
}
