//! Markdown, for a comment on a merge request.

use std::io::{self, Write};

use crate::audit::Report;
use crate::audit::{Finding, Severity};
use crate::text::escape::markdown as cell;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let s = &report.summary;
    writeln!(
        out,
        "### fabcert audit\n\n**{}** errors, **{}** warnings, **{}** notes ({} suppressed) in {} subjects with {} certificates",
        s.errors, s.warnings, s.notes, s.suppressed, s.subjects, s.certificates
    )?;
    for gateway in &report.gateways {
        writeln!(out, "\n{}", cell(&gateway.words()))?;
    }
    if report.findings.is_empty() {
        return out.write_all(b"\nNothing was found.\n");
    }
    out.write_all(b"\n| | rule | where | what | fix |\n|---|---|---|---|---|\n")?;
    for (severity, count, mark) in [
        (Severity::Error, s.errors, "❌ error"),
        (Severity::Warning, s.warnings, "⚠️ warning"),
        (Severity::Note, s.notes, "ℹ️ note"),
    ] {
        for finding in report.findings.iter().filter(|f| f.severity == severity).take(count) {
            row(&finding, mark, out)?;
        }
    }
    Ok(())
}

fn row(finding: &Finding, mark: &str, out: &mut dyn Write) -> io::Result<()> {
    let line = finding.line.map(|l| format!(":{l}")).unwrap_or_default();
    let subject = finding.subject.as_deref().map(|s| format!("{}: ", cell(s))).unwrap_or_default();
    writeln!(
        out,
        "| {mark} | {} | {}{line} | {subject}{} | {} |",
        cell(finding.rule),
        cell(&finding.path.to_string_lossy()),
        cell(&finding.message),
        cell(&finding.remedy)
    )
}
