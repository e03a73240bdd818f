//! `JUnit` XML, as CI systems read it: a test case for each subject and one for each finding of it that fails.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape::xml;
use super::times::Times;
use crate::audit::{Finding, Report, Severity};

pub(super) fn render(report: &Report) -> String {
    let mut by_path: BTreeMap<Cow<'_, str>, Vec<&Finding>> = BTreeMap::new();
    for subject in &report.subjects {
        by_path.entry(subject.path.to_string_lossy()).or_default();
    }
    for finding in &report.findings {
        by_path.entry(finding.path.to_string_lossy()).or_default().push(finding);
    }
    let mut cases = String::new();
    let (mut tests, mut failures) = (0, 0);
    for (path, findings) in &by_path {
        let class = xml(path);
        if findings.is_empty() {
            tests += 1;
            let _ = writeln!(cases, "    <testcase name=\"audit\" classname=\"{class}\" time=\"0\"/>");
        }
        let name = |f: &Finding| format!("{}{}", f.rule, f.line.map(|l| format!(" line {l}")).unwrap_or_default());
        let names: Vec<String> = findings.iter().copied().map(name).collect();
        // GitLab passes over a test case whose names stood before.
        let mut times = Times::default();
        for (finding, name) in findings.iter().zip(&names) {
            tests += 1;
            let number = match times.nth(name) {
                1 => String::new(),
                n => format!(" ({n})"),
            };
            let _ = write!(cases, "    <testcase name=\"{}{number}\" classname=\"{class}\" time=\"0\"", xml(name));
            let text = xml(&format!("{}\nfix: {}", describe(finding), finding.remedy));
            if finding.severity == Severity::Note {
                let _ = writeln!(cases, ">\n      <system-out>{text}</system-out>\n    </testcase>");
            } else {
                failures += 1;
                let _ = writeln!(
                    cases,
                    ">\n      <failure type=\"{}\" message=\"{}\">{text}</failure>\n    </testcase>",
                    finding.severity.as_str(),
                    xml(&finding.message)
                );
            }
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fabcert audit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"0\">\n  <testsuite name=\"fabcert audit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\">\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn describe(finding: &Finding) -> String {
    match &finding.subject {
        Some(subject) => format!("{}[{}] {subject}: {}", finding.severity.as_str(), finding.rule, finding.message),
        None => format!("{}[{}] {}", finding.severity.as_str(), finding.rule, finding.message),
    }
}
