//! Text for people: the place, the problem, and one line that fixes it.

use std::io::{self, Write};

use super::Style;
use crate::audit::{Report, Severity, Verdict};
use crate::text::escape::Shown;

pub(super) fn render(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let paint =
        |code: &str, text: &str| if style.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    for finding in report.findings.iter() {
        let line = finding.line.map(|l| format!(":{l}")).unwrap_or_default();
        let block = finding.block.filter(|b| *b > 1).map(|b| format!(" (block {b})")).unwrap_or_default();
        let head = paint(code(finding.severity), &format!("{}[{}]", finding.severity.as_str(), finding.rule));
        let place = format!("{}{line}", Shown(finding.path.display()));
        writeln!(out, "{head} {}{block}", paint("1", &place))?;
        if let Some(subject) = &finding.subject {
            writeln!(out, "  of   {}", Shown(subject))?;
        }
        writeln!(out, "  what {}", Shown(&finding.message))?;
        writeln!(out, "  fix  {}\n", Shown(&finding.remedy))?;
    }
    for subject in report.subjects.iter() {
        let refused: Vec<&str> = subject
            .verdicts
            .entries()
            .into_iter()
            .filter(|(_, v)| v.is_some_and(Verdict::is_refusal))
            .map(|(n, _)| n)
            .collect();
        if !refused.is_empty() {
            let path = Shown(subject.path.display());
            writeln!(out, "Fabric refuses {path} as: {}", refused.join(", "))?;
        }
    }
    for gateway in &report.gateways {
        writeln!(out, "{}", Shown(&gateway.words()))?;
    }
    let s = &report.summary;
    let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let hidden = if s.suppressed > 0 { format!(", {} suppressed", s.suppressed) } else { String::new() };
    let verdict = format!(
        "{}, {}, {}{hidden}",
        counted(s.errors, "error"),
        counted(s.warnings, "warning"),
        counted(s.notes, "note")
    );
    let colour = match report.worst() {
        Some(severity) => code(severity),
        None => "32;1",
    };
    writeln!(
        out,
        "{} with {}: {}",
        counted(s.subjects, "subject"),
        counted(s.certificates, "certificate"),
        paint(colour, &verdict)
    )
}

const fn code(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "31;1",
        Severity::Warning => "33;1",
        Severity::Note => "36",
    }
}
