//! Annotations for GitHub Actions, as workflow commands with file and line.

use std::io::{self, Write};

use crate::audit::Report;
use crate::audit::Severity;
use crate::text::escape::github;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings.iter() {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let subject = finding.subject.as_deref().map(|s| format!("{s}: ")).unwrap_or_default();
        let text = format!("{subject}{}\nfix: {}", finding.message, finding.remedy);
        writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            github(&finding.path.to_string_lossy(), true),
            finding.line.unwrap_or(1),
            github(&format!("fabcert {}", finding.rule), true),
            github(&text, false)
        )?;
    }
    Ok(())
}
