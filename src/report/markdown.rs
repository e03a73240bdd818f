//! Markdown, for a comment on a merge request.

use std::fmt::Write as _;

use super::escape::markdown as cell;
use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report) -> String {
    let s = &report.summary;
    let mut out = format!(
        "### fabcert audit\n\n**{}** errors, **{}** warnings, **{}** notes ({} suppressed) in {} subjects with {} certificates\n",
        s.errors, s.warnings, s.notes, s.suppressed, s.subjects, s.certificates
    );
    for gateway in &report.gateways {
        let _ = writeln!(out, "\n{}", cell(&gateway.words()));
    }
    if report.findings.is_empty() {
        out.push_str("\nNothing was found.\n");
        return out;
    }
    out.push_str("\n| | rule | where | what | fix |\n|---|---|---|---|---|\n");
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    for finding in findings {
        let mark = match finding.severity {
            Severity::Error => "❌ error",
            Severity::Warning => "⚠️ warning",
            Severity::Note => "ℹ️ note",
        };
        let line = finding.line.map(|l| format!(":{l}")).unwrap_or_default();
        let subject = finding.subject.as_deref().map(|s| format!("{}: ", cell(s))).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {mark} | {} | {}{line} | {subject}{} | {} |",
            cell(finding.rule),
            cell(&finding.path.to_string_lossy()),
            cell(&finding.message),
            cell(&finding.remedy)
        );
    }
    out
}
